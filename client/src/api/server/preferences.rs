//! `/v1/preferences`: list and write the texts that front-ends keep in the profile. Handlers only
//! call the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{NewPreference, Preference};

refusals!(Refusals:);
refusals!(PutRefusals: OutOfRange, InvalidText);

/// All preferences.
#[utoipa::path(
    get, path = "/v1/preferences", operation_id = "list_preferences", tag = "profile",
    responses((status = 200, description = "By their keys", body = Vec<Preference>), Refusals),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Preference>>, ApiError> {
    Ok(Json(app.node.preferences().await?))
}

/// Keep a preference.
///
/// It is for settings of front-ends. The node reads only `tor.bridges`, with a bridge a line, when
/// it starts.
#[utoipa::path(
    put, path = "/v1/preferences/{key}", operation_id = "put_preference", tag = "profile",
    params(("key" = String, Path, description = "The preference's key")),
    request_body = NewPreference,
    responses((status = 204, description = "It is kept, or removed if it is empty"), PutRefusals),
)]
pub(super) async fn put(
    State(app): State<AppState>,
    Segment(key): Segment,
    Body(new): Body<NewPreference>,
) -> Result<StatusCode, ApiError> {
    app.node.put_preference(&key, new).await?;
    Ok(StatusCode::NO_CONTENT)
}
