//! Connections: taken up to a limit, served until the server stops, and joined. What comes in by an
//! onion service, a TCP port or a Unix socket is served alike.
//!
//! When all places are taken, a connection that does nothing gives up its own: no crowd of idle ones keeps
//! anybody out.

mod lines;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use self::lines::{Busy, Line, Lines, Tracked};
use crate::limits::Limits;
use crate::metrics::Metrics;

/// How long to wait when the system has no room for another connection.
const FULL_PAUSE: Duration = Duration::from_millis(200);

/// Serves connections, however they came. Cheap to clone.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    router: Router,
    http: http1::Builder,
    lines: Lines,
    write: Duration,
    stop: Duration,
    tasks: TaskTracker,
    stopping: CancellationToken,
    metrics: Arc<Metrics>,
}

impl Server {
    /// Serves a router until `stopping`.
    #[must_use]
    pub fn new(router: Router, limits: &Limits, metrics: Arc<Metrics>, stopping: CancellationToken) -> Self {
        let times = limits.times();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(times.head)
            .max_headers(limits.headers)
            .max_buf_size(limits.head_bytes);
        Self(Arc::new(Inner {
            router,
            http,
            lines: Lines::new(limits.connections),
            write: times.write,
            stop: times.stop,
            tasks: TaskTracker::new(),
            stopping,
            metrics,
        }))
    }

    /// Serves one connection until it ends. When no place is free and nobody gives up one, it is closed at once.
    pub fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        let Some((line, evicted)) = self.0.lines.admit() else {
            tracing::debug!("all connections are busy: one turned away");
            return;
        };
        if evicted {
            self.0.metrics.evicted.inc();
        }
        let inner = Arc::clone(&self.0);
        self.0.tasks.spawn(async move {
            inner.metrics.connections.inc();
            inner.connection(stream, line).await;
            inner.metrics.connections.dec();
        });
    }

    /// Waits until all connections have ended; those that take too long are cut.
    pub async fn close(&self) {
        self.0.tasks.close();
        if tokio::time::timeout(self.0.stop, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("connections were cut");
            self.0.lines.cut_all();
            self.0.tasks.wait().await;
        }
    }
}

impl Inner {
    async fn connection(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static, line: Arc<Line>) {
        let mut stream = TimeoutStream::new(stream);
        // A reader that takes nothing holds its place no longer than this.
        stream.set_write_timeout(Some(self.write));
        let service = service_fn(|request| answer(self.router.clone(), request, line.busy()));
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = line.cut() => return,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = line.cut() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection broke");
        }
    }
}

/// The connection counts as busy until the last byte of the answer's body is taken.
async fn answer(router: Router, request: Request<Incoming>, busy: Busy) -> Result<Response<Tracked>, Infallible> {
    let response = router.oneshot(request.map(axum::body::Body::new)).await?;
    Ok(response.map(|body| Tracked::new(body, busy)))
}

/// Takes connections from a TCP port until `stopping`.
///
/// # Errors
/// What `accept` says when the socket is broken for good.
pub async fn accept_tcp(listener: TcpListener, server: Server, stopping: CancellationToken) -> io::Result<()> {
    let accept = || async {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    accept_all(accept, server, stopping).await
}

/// Takes connections from a Unix socket until `stopping`.
///
/// # Errors
/// What `accept` says when the socket is broken for good.
pub async fn accept_unix(listener: UnixListener, server: Server, stopping: CancellationToken) -> io::Result<()> {
    accept_all(|| async { Ok(listener.accept().await?.0) }, server, stopping).await
}

async fn accept_all<S, F>(accept: impl Fn() -> F, server: Server, stopping: CancellationToken) -> io::Result<()>
where
    F: Future<Output = io::Result<S>>,
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    loop {
        tokio::select! {
            () = stopping.cancelled() => return Ok(()),
            accepted = accept() => match accepted {
                Ok(stream) => server.serve(stream),
                Err(error) => pause_or_fail(error).await?,
            }
        }
    }
}

async fn pause_or_fail(error: io::Error) -> io::Result<()> {
    match Errno::from_io_error(&error) {
        Some(Errno::CONNABORTED | Errno::CONNRESET | Errno::INTR | Errno::INVAL) => Ok(()),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            tracing::warn!(%error, "no room for another connection");
            tokio::time::sleep(FULL_PAUSE).await;
            Ok(())
        }
        _ => Err(error),
    }
}
