//! `/v1/conversations/{conversation}/messages`, `/v1/messages` and `/v1/search`: send, list,
//! search, read, cancel. Handlers only call the node.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::app::AppState;
use super::conversations::ConversationPath;
use super::extract::{Body, Query, Segment};
use super::limits::{DEFAULT_HISTORY, MAX_HISTORY};
use super::problem::{ApiError, refusals};
use crate::api::types::{ErrorCode, Message, NewMessage, Search};

refusals!(SendRefusals: UnknownConversation, UnknownContact, NotAccepted, ContactBlocked,
    InvalidText, IdTaken, OutOfRange);
refusals!(HistoryRefusals: UnknownConversation, UnknownContact, UnknownMessage, OutOfRange);
refusals!(SearchRefusals: UnknownConversation, UnknownContact, UnknownMessage, InvalidText,
    OutOfRange);
refusals!(OneRefusals: UnknownMessage);
refusals!(CancelRefusals: UnknownMessage, AlreadySent);

/// Which part of a conversation.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PageQuery {
    /// How many messages, at most.
    #[serde(default = "default_history")]
    #[param(default = 50, minimum = 1, maximum = 1000)]
    limit: u32,
    /// The id of the message that comes after them. Default: the newest messages.
    before: Option<String>,
}

fn default_history() -> u32 {
    DEFAULT_HISTORY
}

/// Send a message.
///
/// Once it is accepted, the node sees to its delivery; the events tell how far it is.
#[utoipa::path(
    post, path = "/v1/conversations/{conversation}/messages",
    operation_id = "send_message", tag = "messages",
    params(ConversationPath),
    request_body = NewMessage,
    responses(
        (status = 201, description = "It is stored, and waits", body = Message),
        SendRefusals,
    ),
)]
pub(super) async fn send(
    State(app): State<AppState>,
    Segment(which): Segment,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    Ok((StatusCode::CREATED, Json(app.node.send(&which, new).await?)))
}

/// Part of a conversation.
#[utoipa::path(
    get, path = "/v1/conversations/{conversation}/messages",
    operation_id = "list_messages", tag = "messages",
    params(ConversationPath, PageQuery),
    responses((status = 200, description = "Oldest first", body = Vec<Message>), HistoryRefusals),
)]
pub(super) async fn history(
    State(app): State<AppState>,
    Segment(which): Segment,
    Query(part): Query<PageQuery>,
) -> Result<Json<Vec<Message>>, ApiError> {
    check_limit(part.limit)?;
    Ok(Json(app.node.history(&which, part.limit, part.before.as_deref()).await?))
}

fn check_limit(limit: u32) -> Result<(), ApiError> {
    if (1..=MAX_HISTORY).contains(&limit) {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::OutOfRange, format!("`limit` must be 1 to {MAX_HISTORY}.")))
}

/// Messages that have the words.
#[utoipa::path(
    get, path = "/v1/search", operation_id = "search_messages", tag = "messages",
    params(Search),
    responses(
        (
            status = 200,
            description = "Newest first, by when they were stored here",
            body = Vec<Message>,
        ),
        SearchRefusals,
    ),
)]
pub(super) async fn search(
    State(app): State<AppState>,
    Query(search): Query<Search>,
) -> Result<Json<Vec<Message>>, ApiError> {
    check_limit(search.limit)?;
    Ok(Json(app.node.search(search).await?))
}

/// One message.
#[utoipa::path(
    get, path = "/v1/messages/{id}", operation_id = "get_message", tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses((status = 200, description = "As it is now", body = Message), OneRefusals),
)]
pub(super) async fn get(
    State(app): State<AppState>,
    Segment(id): Segment,
) -> Result<Json<Message>, ApiError> {
    Ok(Json(app.node.message(&id).await?))
}

/// Take back a message that has not left.
#[utoipa::path(
    delete, path = "/v1/messages/{id}", operation_id = "cancel_message", tag = "messages",
    params(("id" = String, Path, description = "The message's id")),
    responses(
        (status = 200, description = "The message, cancelled", body = Message),
        CancelRefusals,
    ),
)]
pub(super) async fn cancel(
    State(app): State<AppState>,
    Segment(id): Segment,
) -> Result<Json<Message>, ApiError> {
    Ok(Json(app.node.cancel(&id).await?))
}
