//! `/v1/openapi.json`: the `OpenAPI` document, built from the annotations of all handlers.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use chive_shared::api::Problem;
use utoipa::OpenApi;

use super::api_error::error_responses;
use super::state::SharedState;

error_responses!(Errors:);

/// The parts of the document beside the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Chive's rendezvous server",
        description = "Presence records and handles, over HTTP/1.1 on an onion service. Binary \
                      bodies are laid out in API.md. \
            Every error is a `Problem`.",
    ),
    components(schemas(Problem)),
    tags(
        (name = "server", description = "What this server is"),
        (name = "presence", description = "Who is there, for those who can tell"),
        (name = "handles", description = "Found by a word"),
    ),
)]
pub(super) struct Document;

/// This document.
#[utoipa::path(
    get, path = "/v1/openapi.json", operation_id = "openapi", tag = "server",
    responses(
        (
            status = 200,
            description = "An OpenAPI 3.1 document",
            body = Object,
            content_type = "application/json",
        ),
        Errors,
    ),
)]
pub(super) async fn get(State(state): SharedState) -> Response {
    ([(CONTENT_TYPE, "application/json")], state.document.clone()).into_response()
}
