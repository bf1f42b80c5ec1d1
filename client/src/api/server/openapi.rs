//! `/v1/openapi.json`: the `OpenAPI` document, built from the annotations of all handlers.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use utoipa::OpenApi;

use super::app::AppState;
use super::problem::refusals;
use crate::api::types::Problem;

refusals!(Refusals:);

/// What the document says beside the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chive's local API",
        description = "Commands in, events out: HTTP/1.1 over the Unix socket of a running node. \
            Times are Unix milliseconds; ids are lower-case hex. Every error is a `Problem`.",
    ),
    components(schemas(Problem)),
    tags(
        (name = "node", description = "The node itself"),
        (name = "invitations", description = "Links by which somebody becomes a contact"),
        (name = "contacts", description = "People to talk with"),
        (name = "conversations", description = "Conversations: what may happen to messages, what \
                                               is read, what is typed"),
        (name = "messages", description = "What is said"),
        (name = "presence", description = "Servers that tell contacts who is online, and handles \
                                          at them"),
        (name = "events", description = "What happens"),
        (name = "profile", description = "What the passphrase protects"),
    ),
)]
pub(super) struct Document;

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "openapi", tag = "node",
    responses(
        (
            status = 200,
            description = "An OpenAPI 3.1 document",
            body = Object,
            content_type = "application/json",
        ),
        Refusals,
    ),
)]
pub(super) async fn get(State(app): State<AppState>) -> Response {
    ([(CONTENT_TYPE, "application/json")], app.document.to_string()).into_response()
}
