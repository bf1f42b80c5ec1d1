//! The API: HTTP/1.1, in front of a board and its keeper.
//!
//! One file per resource; `feed` makes what streams send, `problem` says what is wrong with a
//! request. Nothing here writes to a log what a request was about, or who came.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_LENGTH, HeaderName, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chive_shared::server::ServerId;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod boards;
mod extract;
pub mod feed;
mod handles;
mod info;
mod openapi;
mod page;
mod problem;
mod records;
mod stream;

use problem::Refusal;

use crate::access::{Doorkeeper, Prices};
use crate::board::Board;
use crate::clock::Clock;
use crate::keeper::Keeper;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::store::Store;
use feed::Batch;

/// What every handler can reach.
pub struct App {
    /// For whom records are made.
    pub server: ServerId,
    /// What readers see.
    pub board: Arc<Board>,
    /// Who writes.
    pub keeper: Keeper,
    /// For handles.
    pub store: Store,
    /// Who may come in.
    pub doorkeeper: Doorkeeper,
    /// What writing costs.
    pub prices: Prices,
    /// Whether handles are kept here.
    pub handles: bool,
    /// From the operator, for people.
    pub notice: Option<String>,
    /// The operator's limits.
    pub limits: Limits,
    /// The time.
    pub clock: Clock,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What streams send.
    pub feed: watch::Receiver<Arc<Batch>>,
    /// Ends streams.
    pub stopping: CancellationToken,
}

/// An [`App`] with its gates.
struct House {
    app: App,
    requests: Arc<Semaphore>,
    boards: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    document: Bytes,
}

impl std::ops::Deref for House {
    type Target = App;

    fn deref(&self) -> &App {
        &self.app
    }
}

type Shared = State<Arc<House>>;

/// All paths, with their limits.
pub fn router(app: App) -> Router {
    let (router, document) = routes().split_for_parts();
    let body = app.limits.body_bytes();
    let house = Arc::new(House {
        requests: Arc::new(Semaphore::new(app.limits.requests)),
        boards: Arc::new(Semaphore::new(app.limits.boards)),
        streams: Arc::new(Semaphore::new(app.limits.streams)),
        document: chive_http::document::text(&document).into(),
        app,
    });
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    let layers = ServiceBuilder::new()
        .layer(fixed(CACHE_CONTROL, "no-store"))
        .layer(fixed(X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(HeaderName::from_static("referrer-policy"), "no-referrer"))
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&house), one_of_many))
        .layer(middleware::from_fn_with_state(Arc::clone(&house), in_time))
        .layer(DefaultBodyLimit::max(body));

    router
        .route("/", axum::routing::get(page::get))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(layers)
        .with_state(house)
}

/// Every path of the API is added here, and by `routes!` alone, so that the document has it too.
fn routes() -> OpenApiRouter<Arc<House>> {
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

/// The document that other clients are made from.
#[must_use]
pub fn document() -> String {
    chive_http::document::text(&routes().into_openapi())
}

/// A request at a time for each of so many; more are told to come later.
async fn one_of_many(State(house): Shared, request: Request, next: Next) -> Response {
    house.metrics.requests.inc();
    // What says itself that it is too long need not come.
    let length = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > house.limits.body_bytes()) {
        return Refusal::too_large(house.limits.body_bytes()).into_response();
    }
    match house.requests.try_acquire() {
        Ok(_turn) => next.run(request).await,
        Err(_) => Refusal::busy().into_response(),
    }
}

/// For the body to come and the answer to begin; how an answer's body is taken is the connection's
/// business.
async fn in_time(State(house): Shared, request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(house.limits.times().request, next.run(request)).await;
    answer.unwrap_or_else(|_| Refusal::too_slow().into_response())
}
