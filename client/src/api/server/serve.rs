//! Serves connections until the node stops, and waits for them to end.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use chive_http::listen::Listen;
use chive_http::serve::{ConnectionLimits, Server};
use tokio_util::sync::CancellationToken;

use super::limits::{HEAD_DEADLINE, MAX_CONNECTIONS, MAX_HEAD, MAX_HEADERS, STOP_DEADLINE};

/// A reader may take their time: events are read as fast as they can be used.
const LIMITS: ConnectionLimits = ConnectionLimits {
    connections: MAX_CONNECTIONS,
    headers: MAX_HEADERS,
    head_bytes: MAX_HEAD,
    head: HEAD_DEADLINE,
    write: None,
    stop: STOP_DEADLINE,
};

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
