//! `/v1/web`: make an address that lets one browser into the web interface.

use axum::Json;
use axum::extract::State;

use super::app::AppState;
use super::problem::{ApiError, refusals};
use crate::api::types::{ErrorCode, WebPage};

refusals!(Refusals: NotFound);

/// Make an address of the web interface.
///
/// It lets one browser in, once, and stops working after ten minutes. The interface itself is given
/// nothing that is not in this document.
#[utoipa::path(
    post, path = "/v1/web", operation_id = "open_web", tag = "node",
    responses(
        (status = 200, description = "Open it in a browser on this machine", body = WebPage),
        Refusals,
    ),
)]
pub(super) async fn open(State(app): State<AppState>) -> Result<Json<WebPage>, ApiError> {
    let Some(open_page) = &app.open_page else {
        return Err(ApiError::new(ErrorCode::NotFound, "This node has no web interface."));
    };
    let url = open_page().await.map_err(|error| {
        tracing::error!(%error, "the web interface cannot listen");
        ApiError::new(
            ErrorCode::Internal,
            "The web interface cannot listen: the node's log says why.",
        )
    })?;
    Ok(Json(WebPage { url }))
}
