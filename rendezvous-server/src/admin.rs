//! For the operator alone, on a listener of its own: is it alive, is it ready, what has it counted.

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

/// What the operator may ask about.
#[derive(Clone)]
pub struct Admin {
    /// Is it filled?
    pub board: Arc<Board>,
    /// Does it answer?
    pub store: Store,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Can the onion service be reached? None if there is none.
    pub onion: Option<Reachable>,
}

/// `/healthz`, `/readyz` and `/metrics`.
pub fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

/// Ready: the database answers, and we can call ourselves. What is missing is said, why is in the
/// log.
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
    ([(CONTENT_TYPE, TEXT)], admin.metrics.text(admin.board.live())).into_response()
}
