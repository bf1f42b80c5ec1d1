//! `/v1/status`: the state of the node. The handler only calls the node.

use axum::Json;
use axum::extract::State;

use super::app::AppState;
use super::problem::{ApiError, refusals};
use crate::api::types::Status;

refusals!(Refusals:);

/// How the node is.
#[utoipa::path(
    get, path = "/v1/status", operation_id = "status", tag = "node",
    responses((status = 200, description = "As it is now", body = Status), Refusals),
)]
pub(super) async fn get(State(app): State<AppState>) -> Result<Json<Status>, ApiError> {
    Ok(Json(app.node.status().await?))
}
