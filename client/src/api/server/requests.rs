//! `/v1/requests`: list the people who found us by a handle, and answer them. Handlers only call
//! the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{Answer, Request};

refusals!(Refusals:);
refusals!(OneRefusals: UnknownRequest);

/// Who found us by a handle, and waits for our answer.
#[utoipa::path(
    get, path = "/v1/requests", operation_id = "list_requests", tag = "contacts",
    responses(
        (status = 200, description = "All of them, oldest first", body = Vec<Request>),
        Refusals,
    ),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Request>>, ApiError> {
    Ok(Json(app.node.requests().await?))
}

/// Say yes or no, or nothing ever.
#[utoipa::path(
    post, path = "/v1/requests/{id}", operation_id = "answer_request", tag = "contacts",
    params(("id" = String, Path, description = "Its id, or 8 digits or more of its beginning")),
    request_body = Answer,
    responses((status = 204, description = "Who asks hears of it when it asks again"), OneRefusals),
)]
pub(super) async fn answer(
    State(app): State<AppState>,
    Segment(id): Segment,
    Body(answer): Body<Answer>,
) -> Result<StatusCode, ApiError> {
    app.node.answer_request(&id, answer.decision).await?;
    Ok(StatusCode::NO_CONTENT)
}
