//! The operator's endpoints, on a listener of their own: liveness, readiness and metrics. They
//! never name a client, a record or a handle.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::board::Board;
use crate::metrics::Metrics;
use crate::onion::Reachable;
use crate::store::Store;

/// The parts of the server that the endpoints report on.
#[derive(Clone)]
pub struct Admin {
    /// Gives the number of live records.
    pub board: Arc<Board>,
    /// Pinged to decide whether the server is ready.
    pub store: Store,
    /// Encoded for each request to `/metrics`.
    pub metrics: Arc<Metrics>,
    /// `None` if this server hosts no onion service.
    pub onion: Option<Reachable>,
}

/// The paths `/healthz`, `/readyz` and `/metrics`.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

/// Ready: the database answers, and the onion service can be reached. The answer says what is
/// missing; the log says why.
async fn ready(State(admin): State<Admin>) -> (StatusCode, &'static str) {
    if let Err(error) = admin.store.ping().await {
        tracing::warn!(%error, "not ready");
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n");
    }
    if !admin.metrics.storage_works() {
        return (StatusCode::SERVICE_UNAVAILABLE, "the last write failed\n");
    }
    if admin.onion.is_some_and(|onion| !onion.get()) {
        return (StatusCode::SERVICE_UNAVAILABLE, "the onion service cannot be reached\n");
    }
    (StatusCode::OK, "ready\n")
}

async fn metrics(State(admin): State<Admin>) -> Response {
    const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(CONTENT_TYPE, TEXT)], admin.metrics.encode(admin.board.live())).into_response()
}
