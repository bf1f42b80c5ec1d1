//! The local API's server: HTTP/1.1 over a Unix socket, in front of one node.
//!
//! A request passes these modules: `socket` accepts its connection, `extract` reads it, one file
//! per resource answers it by calling the node, `problem` turns errors into responses.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod app;
mod contacts;
mod conversations;
mod events;
mod extract;
mod handles;
mod invitations;
pub mod limits;
mod messages;
mod openapi;
mod preferences;
mod problem;
mod profile;
mod requests;
mod serve;
mod servers;
mod socket;
mod status;
mod web;

pub use app::PageOpener;
pub use socket::bind;

use crate::node::NodeHandle;
use app::AppState;
use limits::{MAX_BODY, Timing};
use problem::ApiError;

pub(crate) use serve::serve_router;

/// All paths, with their limits, in front of a node.
pub(crate) fn router(
    node: NodeHandle,
    open_page: Option<PageOpener>,
    stopping: CancellationToken,
    timing: Timing,
) -> Router {
    let (router, document) = routes().split_for_parts();
    let document = chive_http::document::text(&document).into();
    let app = AppState { node, open_page, stopping, document, timing };

    router
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(middleware::from_fn_with_state(timing.request, in_time))
        .with_state(app)
}

/// Every path is added here, and by `routes!` alone, so that the document has it too.
fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(openapi::Document::openapi())
        .routes(routes!(status::get))
        .routes(routes!(invitations::list, invitations::create))
        .routes(routes!(invitations::revoke))
        .routes(routes!(contacts::list, contacts::add))
        .routes(routes!(contacts::get, contacts::change, contacts::remove))
        .routes(routes!(conversations::list))
        .routes(routes!(conversations::get, conversations::change))
        .routes(routes!(conversations::mark_read))
        .routes(routes!(messages::history, messages::send))
        .routes(routes!(messages::search))
        .routes(routes!(messages::get, messages::cancel))
        .routes(routes!(servers::list, servers::add))
        .routes(routes!(servers::remove))
        .routes(routes!(servers::set_presence))
        .routes(routes!(handles::list, handles::claim))
        .routes(routes!(handles::release))
        .routes(routes!(requests::list))
        .routes(routes!(requests::answer))
        .routes(routes!(events::follow))
        .routes(routes!(profile::change))
        .routes(routes!(profile::change_passphrase))
        .routes(routes!(profile::backup))
        .routes(routes!(profile::wipe))
        .routes(routes!(preferences::list))
        .routes(routes!(preferences::put))
        .routes(routes!(web::open))
        .routes(routes!(openapi::get))
}

/// The document that clients in other languages are made from.
#[cfg(test)]
pub(super) fn document() -> String {
    chive_http::document::text(&routes().into_openapi())
}

async fn in_time(State(deadline): State<Duration>, request: Request, next: Next) -> Response {
    // The more there is, the longer a backup takes; and a handle is looked up over Tor, which has
    // its own limits.
    if ["/v1/backup", "/v1/contacts"].contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let answer = tokio::time::timeout(deadline, next.run(request)).await;
    answer.unwrap_or_else(|_| ApiError::too_slow().into_response())
}

/// Serves the local API of a node until `shutdown`: then streams end, running requests get
/// [`STOP_DEADLINE`](limits::STOP_DEADLINE) to end, and every connection is closed when this
/// returns.
///
/// # Errors
///
/// What `accept` says when the socket is broken for good.
pub async fn serve(
    listener: UnixListener,
    node: NodeHandle,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    serve_with(listener, node, None, shutdown).await
}

/// The same with a web interface, whose addresses the API hands out.
///
/// # Errors
///
/// As [`serve`].
pub async fn serve_with(
    listener: UnixListener,
    node: NodeHandle,
    open_page: Option<PageOpener>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let stopping = CancellationToken::new();
    let router = router(node, open_page, stopping.clone(), Timing::default());
    serve_router(listener, router, stopping, shutdown).await
}
