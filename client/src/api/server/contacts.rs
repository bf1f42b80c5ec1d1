//! `/v1/contacts`: list, add, read, change, remove. Handlers only call the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{Contact, ContactChange, NewContact};

refusals!(Refusals:);
refusals!(AddRefusals: InvalidLink, UnsupportedLink, OwnLink, AlreadyContact, InvalidName,
    NameTaken, InvalidHandle, UnknownHandle, ServerUnreachable, InvalidText);
refusals!(OneRefusals: UnknownContact);
refusals!(ChangeRefusals: UnknownContact, NotAccepted, InvalidName, NameTaken);

/// All contacts.
#[utoipa::path(
    get, path = "/v1/contacts", operation_id = "list_contacts", tag = "contacts",
    responses(
        (
            status = 200,
            description = "All of them, also those that have not answered",
            body = Vec<Contact>,
        ),
        Refusals,
    ),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Contact>>, ApiError> {
    Ok(Json(app.node.contacts().await?))
}

/// Ask an invitation's owner to become a contact.
///
/// The node keeps the request and repeats it until it is answered: the owner may be offline now.
#[utoipa::path(
    post, path = "/v1/contacts", operation_id = "add_contact", tag = "contacts",
    request_body = NewContact,
    responses(
        (status = 201, description = "The contact, not accepted yet", body = Contact),
        AddRefusals,
    ),
)]
pub(super) async fn add(
    State(app): State<AppState>,
    Body(new): Body<NewContact>,
) -> Result<(StatusCode, Json<Contact>), ApiError> {
    Ok((StatusCode::CREATED, Json(app.node.add_contact(new).await?)))
}

/// One contact.
#[utoipa::path(
    get, path = "/v1/contacts/{name}", operation_id = "get_contact", tag = "contacts",
    params(
        (
            "name" = String,
            Path,
            description = "The contact's name, or 8 digits or more of its id's beginning",
        ),
    ),
    responses((status = 200, description = "As it is now", body = Contact), OneRefusals),
)]
pub(super) async fn get(
    State(app): State<AppState>,
    Segment(who): Segment,
) -> Result<Json<Contact>, ApiError> {
    Ok(Json(app.node.contact(&who).await?))
}

/// Rename, verify or block a contact, or hide our presence from them.
#[utoipa::path(
    patch, path = "/v1/contacts/{name}", operation_id = "change_contact", tag = "contacts",
    params(
        (
            "name" = String,
            Path,
            description = "The contact's name, or 8 digits or more of its id's beginning",
        ),
    ),
    request_body = ContactChange,
    responses(
        (status = 200, description = "As it is after the change", body = Contact),
        ChangeRefusals,
    ),
)]
pub(super) async fn change(
    State(app): State<AppState>,
    Segment(who): Segment,
    Body(change): Body<ContactChange>,
) -> Result<Json<Contact>, ApiError> {
    Ok(Json(app.node.change_contact(&who, change).await?))
}

/// Remove a contact and its conversation.
#[utoipa::path(
    delete, path = "/v1/contacts/{name}", operation_id = "remove_contact", tag = "contacts",
    params(
        (
            "name" = String,
            Path,
            description = "The contact's name, or 8 digits or more of its id's beginning",
        ),
    ),
    responses((status = 204, description = "It is gone"), OneRefusals),
)]
pub(super) async fn remove(
    State(app): State<AppState>,
    Segment(who): Segment,
) -> Result<StatusCode, ApiError> {
    app.node.remove_contact(&who).await?;
    Ok(StatusCode::NO_CONTENT)
}
