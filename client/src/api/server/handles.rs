//! `/v1/handles`: list, claim, release. Handlers only call the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{Handle, NewHandle};

refusals!(Refusals:);
refusals!(ClaimRefusals: InvalidHandle, OutOfRange);
refusals!(OneRefusals: UnknownHandle);

/// The words by which we can be found.
#[utoipa::path(
    get, path = "/v1/handles", operation_id = "list_handles", tag = "presence",
    responses((status = 200, description = "All of them", body = Vec<Handle>), Refusals),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Handle>>, ApiError> {
    Ok(Json(app.node.handles().await?))
}

/// Claim a word at a server.
///
/// The node goes on until the server has taken or refused it; the same again asks a refused one
/// anew.
#[utoipa::path(
    post, path = "/v1/handles", operation_id = "claim_handle", tag = "presence",
    request_body = NewHandle,
    responses(
        (status = 201, description = "The handle, not claimed yet", body = Handle),
        ClaimRefusals,
    ),
)]
pub(super) async fn claim(
    State(app): State<AppState>,
    Body(new): Body<NewHandle>,
) -> Result<(StatusCode, Json<Handle>), ApiError> {
    Ok((StatusCode::CREATED, Json(app.node.claim_handle(&new.handle).await?)))
}

/// Give a word back.
#[utoipa::path(
    delete, path = "/v1/handles/{handle}", operation_id = "release_handle", tag = "presence",
    params(("handle" = String, Path, description = "`name@server`")),
    responses(
        (status = 204, description = "Nobody finds us by it once the server has heard of it"),
        OneRefusals,
    ),
)]
pub(super) async fn release(
    State(app): State<AppState>,
    Segment(handle): Segment,
) -> Result<StatusCode, ApiError> {
    app.node.release_handle(&handle).await?;
    Ok(StatusCode::NO_CONTENT)
}
