//! `/v1/invitations`: list, create, revoke. Handlers only call the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{Invitation, NewInvitation};

refusals!(Refusals:);
refusals!(CreateRefusals: OutOfRange);
refusals!(RevokeRefusals: UnknownInvitation);

/// All invitations.
#[utoipa::path(
    get, path = "/v1/invitations", operation_id = "list_invitations", tag = "invitations",
    responses(
        (status = 200, description = "All of them, also those that ended", body = Vec<Invitation>),
        Refusals,
    ),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Invitation>>, ApiError> {
    Ok(Json(app.node.invitations().await?))
}

/// Make an invitation.
#[utoipa::path(
    post, path = "/v1/invitations", operation_id = "create_invitation", tag = "invitations",
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The invitation, with its link", body = Invitation),
        CreateRefusals,
    ),
)]
pub(super) async fn create(
    State(app): State<AppState>,
    Body(new): Body<NewInvitation>,
) -> Result<(StatusCode, Json<Invitation>), ApiError> {
    Ok((StatusCode::CREATED, Json(app.node.invite(new).await?)))
}

/// Take an invitation back.
#[utoipa::path(
    delete, path = "/v1/invitations/{id}", operation_id = "revoke_invitation", tag = "invitations",
    params(
        (
            "id" = String,
            Path,
            description = "The invitation's id, or an unambiguous beginning of it",
        ),
    ),
    responses(
        (status = 200, description = "The invitation, without its link", body = Invitation),
        RevokeRefusals,
    ),
)]
pub(super) async fn revoke(
    State(app): State<AppState>,
    Segment(id): Segment,
) -> Result<Json<Invitation>, ApiError> {
    Ok(Json(app.node.revoke(&id).await?))
}
