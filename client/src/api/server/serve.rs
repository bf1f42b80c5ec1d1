//! Connections: served until the node stops, and joined.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use chive_http::listen::Listen;
use chive_http::serve::{ConnectionLimits, Server};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::limits::{HEAD_DEADLINE, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS, STOP_DEADLINE, Timing};
use super::router;
use crate::node::NodeHandle;
use crate::web::Web;

/// A reader may take their time: events are read as fast as they can be used.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: MAX_CONNECTIONS,
    headers: MAX_HEADERS,
    head_bytes: MAX_HEAD,
    head: HEAD_DEADLINE,
    write: None,
    stop: STOP_DEADLINE,
};

/// Serves the local API of a node until `shutdown`: then streams end, running requests get
/// [`STOP_DEADLINE`](super::limits::STOP_DEADLINE) to end, and every connection is closed when this
/// returns.
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

/// Serves any router until `shutdown`; `stopping` is cancelled then, to end what has no end by
/// itself.
pub(crate) async fn serve_router(
    listener: impl Listen,
    router: Router,
    stopping: CancellationToken,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let server = Server::new(router, LIMITS, Arc::new(()), stopping.clone());
    let ended = {
        let mut accepting = pin!(server.accept(listener));
        tokio::select! {
            () = shutdown => {
                stopping.cancel();
                accepting.await
            }
            ended = accepting.as_mut() => ended,
        }
    };
    stopping.cancel();
    server.close().await;
    ended
}
