//! `/v1/notes`: what front-ends keep in the profile.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{NewNote, Note};

refusals!(Refusals:);
refusals!(PutRefusals: OutOfRange, InvalidText);

/// All notes.
#[utoipa::path(
    get, path = "/v1/notes", operation_id = "list_notes", tag = "profile",
    responses((status = 200, description = "By their keys", body = Vec<Note>), Refusals),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Note>>, ApiError> {
    Ok(Json(app.node.notes().await?))
}

/// Keep a note.
///
/// It is for settings of front-ends. The node reads only `tor.bridges`, with a bridge a line, when
/// it starts.
#[utoipa::path(
    put, path = "/v1/notes/{key}", operation_id = "put_note", tag = "profile",
    params(("key" = String, Path, description = "The note's key")),
    request_body = NewNote,
    responses((status = 204, description = "It is kept, or removed if it is empty"), PutRefusals),
)]
pub(super) async fn put(
    State(app): State<AppState>,
    Segment(key): Segment,
    Body(new): Body<NewNote>,
) -> Result<StatusCode, ApiError> {
    app.node.put_note(&key, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
