//! `/v1/conversations`: list, read, change, mark as read. Handlers only call the node.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::app::AppState;
use super::extract::{Body, Segment};
use super::problem::{ApiError, refusals};
use crate::api::types::{Conversation, ConversationChange, MarkRead};

refusals!(Refusals:);
refusals!(OneRefusals: UnknownConversation, UnknownContact);
refusals!(ChangeRefusals: UnknownConversation, UnknownContact, InvalidText, OutOfRange);
refusals!(ReadRefusals: UnknownConversation, UnknownContact, UnknownMessage);

/// Which conversation: how a path names it, for the document.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
#[expect(dead_code, reason = "a segment is read as text")]
pub(super) struct ConversationPath {
    /// The conversation's id; or, for a direct one, the contact's name, or 8 digits or more of the
    /// beginning of the contact's id.
    conversation: String,
}

/// All conversations.
#[utoipa::path(
    get, path = "/v1/conversations", operation_id = "list_conversations", tag = "conversations",
    responses(
        (
            status = 200,
            description = "Oldest first; every contact has a direct one",
            body = Vec<Conversation>,
        ),
        Refusals,
    ),
)]
pub(super) async fn list(State(app): State<AppState>) -> Result<Json<Vec<Conversation>>, ApiError> {
    Ok(Json(app.node.conversations().await?))
}

/// One conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{conversation}",
    operation_id = "get_conversation", tag = "conversations",
    params(ConversationPath),
    responses((status = 200, description = "As it is now", body = Conversation), OneRefusals),
)]
pub(super) async fn get(
    State(app): State<AppState>,
    Segment(which): Segment,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(app.node.conversation(&which).await?))
}

/// Change what may happen to a conversation's messages, how long they are kept here, or the draft.
#[utoipa::path(
    patch, path = "/v1/conversations/{conversation}",
    operation_id = "change_conversation", tag = "conversations",
    params(ConversationPath),
    request_body = ConversationChange,
    responses(
        (status = 200, description = "As it is after the change", body = Conversation),
        ChangeRefusals,
    ),
)]
pub(super) async fn change(
    State(app): State<AppState>,
    Segment(which): Segment,
    Body(change): Body<ConversationChange>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(app.node.change_conversation(&which, change).await?))
}

/// Mark messages of others as read.
///
/// Their writers are told which, if both sides allow read receipts.
#[utoipa::path(
    post, path = "/v1/conversations/{conversation}/read",
    operation_id = "mark_read", tag = "conversations",
    params(ConversationPath),
    request_body = MarkRead,
    responses(
        (status = 200, description = "The conversation, as it is now", body = Conversation),
        ReadRefusals,
    ),
)]
pub(super) async fn mark_read(
    State(app): State<AppState>,
    Segment(which): Segment,
    Body(mark): Body<MarkRead>,
) -> Result<Json<Conversation>, ApiError> {
    Ok(Json(app.node.mark_read(&which, mark).await?))
}
