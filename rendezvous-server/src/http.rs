//! The API: HTTP/1.1 in front of the board, the record writer and the store. Nothing here writes to
//! a log what a request was about, or who sent it; nothing here reads from the database except
//! about handles.
//!
//! A request passes `limit_concurrency` and `limit_time`, then the handler of its path. There is
//! one file for each resource.
//!
//! | module | what it is |
//! |---|---|
//! | `state` | the state that handlers share |
//! | `extract`, `api_error` | how a request is read, and how an error is answered |
//! | `records`, `handles` | what clients write |
//! | `boards`, `stream`, [`feed`] | what clients read, and follow |
//! | `info`, `page`, `openapi` | what the server says of itself, to programs and to people |

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::api_error::ApiError;
use self::state::{AppState, SharedState};

pub use self::state::AppParts;

mod api_error;
mod boards;
mod extract;
pub mod feed;
mod handles;
mod info;
mod openapi;
mod page;
mod records;
mod state;
mod stream;

/// All paths, with their limits.
pub fn router(parts: AppParts) -> Router {
    let (router, document) = routes().split_for_parts();
    let body_bytes = parts.limits.body_bytes();
    let state = Arc::new(AppState::new(parts, chive_http::document::text(&document).into()));

    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let layers = ServiceBuilder::new()
        .layer(fixed(CACHE_CONTROL, "no-store"))
        .layer(fixed(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(HeaderName::from_static("referrer-policy"), "no-referrer"))
        .layer(CatchPanicLayer::custom(api_error::panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), limit_concurrency))
        .layer(middleware::from_fn_with_state(Arc::clone(&state), limit_time))
        .layer(DefaultBodyLimit::max(body_bytes));

    router
        .route("/", axum::routing::get(page::get))
        .fallback(api_error::not_found)
        .method_not_allowed_fallback(api_error::method_not_allowed)
        .layer(layers)
        .with_state(state)
}

/// Every path of the API is added here, and by `routes!` alone, so that the document has it too.
fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(info::get))
        .routes(routes!(records::put_many))
        .routes(routes!(records::get, records::put))
        .routes(routes!(boards::get))
        .routes(routes!(boards::changes))
        .routes(routes!(stream::follow))
        .routes(routes!(handles::get, handles::claim))
        .routes(routes!(handles::release))
        .routes(routes!(openapi::get))
}

/// The `OpenAPI` document as text, from which other clients can be generated.
#[must_use]
pub fn document() -> String {
    chive_http::document::text(&routes().into_openapi())
}

/// Answers a limited number of requests at once; tells others to come back later.
async fn limit_concurrency(State(state): SharedState, request: Request, next: Next) -> Response {
    state.metrics.requests.inc();
    // A body that announces itself as too long is not read at all.
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > state.limits.body_bytes()) {
        return ApiError::too_large(state.limits.body_bytes()).into_response();
    }

    match state.request_slots.try_acquire() {
        Ok(_slot) => next.run(request).await,
        Err(_) => ApiError::busy().into_response(),
    }
}

/// Limits the time for the request's body to arrive and the answer to begin. How fast an answer's
/// body must be read is the connection's limit.
async fn limit_time(State(state): SharedState, request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(state.limits.times().request, next.run(request)).await;
    answer.unwrap_or_else(|_| ApiError::too_slow().into_response())
}
