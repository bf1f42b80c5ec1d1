//! Connections: accepted up to a limit, served until the node stops, and joined.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::limits::{HEAD_DEADLINE, MAX_CONNECTIONS, STOP_DEADLINE, Timing};
use super::router;
use crate::node::NodeHandle;
use crate::web::Web;

/// How long to wait when the system has no room for another connection.
const FULL_PAUSE: Duration = Duration::from_millis(200);

/// Serves the local API of a node until `shutdown`: then streams end, running requests get
/// [`STOP_DEADLINE`](super::limits::STOP_DEADLINE) to end, and every connection is closed when this returns.
///
/// # Errors
///
/// What `accept` says when the socket is broken for good.
pub async fn serve(
    listener: UnixListener,
    node: NodeHandle,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with(listener, node, None, shutdown).await
}

/// The same with a web interface, whose addresses the API hands out.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_with(
    listener: UnixListener,
    node: NodeHandle,
    web: Option<Web>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stopping = CancellationToken::new();
    let router = router(node, web, stopping.clone(), Timing::default());
    serve_router(listener, router, stopping, shutdown).await
}

/// Where connections come from.
pub(crate) trait Listen: Send + Sync {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next one.
    fn next(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn next(&self) -> io::Result<UnixStream> {
        self.accept().await.map(|(stream, _)| stream)
    }
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn next(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.accept().await?;
        // A short event must not wait for a second one.
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// Serves any router until `shutdown`; `stopping` is cancelled then, to end what has no end by itself.
pub(crate) async fn serve_router(
    listener: impl Listen,
    router: Router,
    stopping: CancellationToken,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let service = TowerToHyperService::new(router);
    let mut connections =
        Connections { service, stopping, slots: Arc::new(Semaphore::new(MAX_CONNECTIONS)), tasks: JoinSet::new() };
    let mut shutdown = pin!(shutdown);
    let ended = loop {
        tokio::select! {
            () = &mut shutdown => break Ok(()),
            Some(_) = connections.tasks.join_next() => {}
            accepted = accept(&listener, &connections.slots) => match accepted {
                Ok((stream, slot)) => connections.add(stream, slot),
                Err(error) => break Err(error),
            }
        }
    };
    drop(listener);
    connections.close().await;
    ended
}

/// The next connection, once there is a slot for it.
async fn accept<L: Listen>(listener: &L, slots: &Arc<Semaphore>) -> io::Result<(L::Stream, OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(io::Error::other)?;
    loop {
        match listener.next().await {
            Ok(stream) => return Ok((stream, slot)),
            Err(error) => pause_or_fail(error).await?,
        }
    }
}

async fn pause_or_fail(error: io::Error) -> io::Result<()> {
    match Errno::from_io_error(&error) {
        Some(Errno::CONNABORTED | Errno::INTR) => Ok(()),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            tracing::warn!(%error, "no room for another connection to the local API");
            tokio::time::sleep(FULL_PAUSE).await;
            Ok(())
        }
        _ => Err(error),
    }
}

struct Connections {
    service: TowerToHyperService<Router>,
    stopping: CancellationToken,
    slots: Arc<Semaphore>,
    tasks: JoinSet<()>,
}

impl Connections {
    fn add<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(&mut self, stream: S, slot: OwnedSemaphorePermit) {
        self.tasks.spawn(connection(stream, self.service.clone(), self.stopping.clone(), slot));
    }

    async fn close(mut self) {
        self.stopping.cancel();
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_DEADLINE, ended).await.is_err() {
            tracing::warn!("connections to the local API were cut");
        }
        self.tasks.shutdown().await;
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    service: TowerToHyperService<Router>,
    stopping: CancellationToken,
    _slot: OwnedSemaphorePermit,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the local API broke");
    }
}
