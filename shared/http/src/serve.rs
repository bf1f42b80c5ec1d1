//! Connections: admitted up to a limit, served until the server stops, and joined. What comes in by
//! an onion service, a TCP port or a Unix socket is served alike.
//!
//! When all slots are taken, a connection that does nothing gives up its own: no crowd of idle ones
//! keeps anybody out.

use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use chive_shared::slots::{Admitted, Slot};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::connections::{Activity, Busy, Connections, Tracked};
use crate::listen::{self, Listen};

/// What connections may do.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Open connections. One more takes the slot of one that does nothing.
    pub connections: usize,
    /// Lines of a request's head.
    pub headers: usize,
    /// A request's head, in bytes.
    pub head_bytes: usize,
    /// For a request's head to come, also the wait for it on an open connection.
    pub head: Duration,
    /// Without a byte taken by a reader: then its connection is closed. `None`: a reader may take
    /// its time.
    pub write: Option<Duration>,
    /// For requests to end when the server stops.
    pub stop: Duration,
}

/// Hears of connections.
pub trait Observer: Send + Sync + 'static {
    /// One was admitted; `evicted_other`: another had to go for it.
    fn opened(&self, evicted_other: bool) {
        let _ = evicted_other;
    }

    /// One has ended.
    fn closed(&self) {}
}

/// Nobody counts.
impl Observer for () {}

/// Serves connections, however they came. Cheap to clone.
#[derive(Clone)]
pub struct Server(Arc<Inner>);

struct Inner {
    router: Router,
    http: http1::Builder,
    connections: Connections,
    limits: ConnectionLimits,
    tasks: TaskTracker,
    stopping: CancellationToken,
    observer: Arc<dyn Observer>,
}

impl Server {
    /// Serves a router until `stopping`.
    #[must_use]
    pub fn new(
        router: Router,
        limits: ConnectionLimits,
        observer: Arc<dyn Observer>,
        stopping: CancellationToken,
    ) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_headers(limits.headers)
            .max_buf_size(limits.head_bytes);
        Self(Arc::new(Inner {
            router,
            http,
            connections: Connections::new(limits.connections),
            limits,
            tasks: TaskTracker::new(),
            stopping,
            observer,
        }))
    }

    /// Serves one connection until it ends. When no slot is free and nobody gives one up, it is
    /// closed at once.
    pub fn serve(&self, stream: impl AsyncRead + AsyncWrite + Send + 'static) {
        let Some(Admitted { slot, evicted_other }) = self.0.connections.admit() else {
            tracing::debug!("all connections are busy: one turned away");
            return;
        };
        let inner = Arc::clone(&self.0);
        self.0.tasks.spawn(async move {
            inner.observer.opened(evicted_other);
            inner.connection(stream, slot).await;
            inner.observer.closed();
        });
    }

    /// Serves what comes from a socket until `stopping`.
    ///
    /// # Errors
    /// What `accept` says when the socket is broken for good.
    pub async fn accept(&self, listener: impl Listen) -> io::Result<()> {
        loop {
            tokio::select! {
                () = self.0.stopping.cancelled() => return Ok(()),
                stream = listen::next(&listener) => self.serve(stream?),
            }
        }
    }

    /// Waits until all connections have ended; those that take too long are cut.
    pub async fn close(&self) {
        self.0.tasks.close();
        if tokio::time::timeout(self.0.limits.stop, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("connections were cut");
            self.0.connections.cut_all();
            self.0.tasks.wait().await;
        }
    }
}

impl Inner {
    async fn connection(
        &self,
        stream: impl AsyncRead + AsyncWrite + Send + 'static,
        slot: Slot<Activity>,
    ) {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(self.limits.write);

        let service = service_fn(|request| answer(self.router.clone(), request, Busy::on(&slot)));
        let mut connection =
            pin!(self.http.serve_connection(TokioIo::new(Box::pin(stream)), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = slot.evicted() => return,
            () = self.stopping.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = slot.evicted() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::trace!(%error, "a connection broke");
        }
    }
}

/// The connection counts as busy until the last byte of the answer's body is taken.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    busy: Busy,
) -> Result<Response<Tracked>, Infallible> {
    let response = router.oneshot(request.map(axum::body::Body::new)).await?;
    Ok(response.map(|body| Tracked::new(body, busy)))
}
