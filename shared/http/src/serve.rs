//! The server: connections are admitted up to a limit, served until it stops, and joined. They are
//! served alike, whether they come from an onion service, a TCP port or a Unix socket.
//!
//! When all slots are taken, an idle connection is evicted for a new one, so that no crowd of idle
//! ones keeps others out. A busy one is never evicted.

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

use crate::connections::{Activity, BusyGuard, Connections, TrackedBody};
use crate::listen::{self, Listen};

/// The limits of all connections and of each one.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Open connections. One more evicts one that is idle.
    pub connections: usize,
    /// Lines of a request's head.
    pub headers: usize,
    /// The size of a request's head, in bytes.
    pub head_bytes: usize,
    /// For a request's head to arrive, which includes the wait on an idle connection.
    pub head: Duration,
    /// Without a byte read by the client, after which its connection is closed. `None`: no limit.
    pub write: Option<Duration>,
    /// For requests to end when the server stops.
    pub stop: Duration,
}

/// Is told about connections, to count them.
pub trait Observer: Send + Sync + 'static {
    /// A connection was admitted; `evicted_other`: another was evicted for it.
    fn opened(&self, evicted_other: bool) {
        let _ = evicted_other;
    }

    /// A connection that was admitted has ended.
    fn closed(&self) {}
}

/// An observer that ignores everything.
impl Observer for () {}

/// Serves connections from any source. Cheap to clone.
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
    /// A server that answers with a router until `stopping`.
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

    /// Serves one connection until it ends. If all slots are busy, it is closed at once.
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

    /// Serves the connections of a listener until `stopping`.
    ///
    /// # Errors
    /// If the socket is broken for good.
    pub async fn accept(&self, listener: impl Listen) -> io::Result<()> {
        loop {
            tokio::select! {
                () = self.0.stopping.cancelled() => return Ok(()),
                stream = listen::next(&listener) => self.serve(stream?),
            }
        }
    }

    /// Waits until all connections have ended; those that take too long are evicted.
    pub async fn close(&self) {
        self.0.tasks.close();
        if tokio::time::timeout(self.0.limits.stop, self.0.tasks.wait()).await.is_err() {
            tracing::warn!("connections were cut");
            self.0.connections.evict_all();
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

        let service =
            service_fn(|request| answer(self.router.clone(), request, BusyGuard::on(&slot)));
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

/// The connection stays busy until the last byte of the answer's body is read.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    busy: BusyGuard,
) -> Result<Response<TrackedBody>, Infallible> {
    let response = router.oneshot(request.map(axum::body::Body::new)).await?;
    Ok(response.map(|body| TrackedBody::new(body, busy)))
}
