//! `/v1/events`: the node's events, as server-sent events or page by page.
//!
//! A stream holds one page of events and reads the next one only when its reader has taken them, so
//! a slow reader needs no more memory than a fast one.

use std::vec;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::ACCEPT;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, future, stream};
use serde::Deserialize;
use tokio::sync::watch;
use utoipa::IntoParams;

use super::app::AppState;
use super::extract::Query;
use super::limits::{MAX_EVENTS, STREAM_PAGE};
use super::problem::{ApiError, refusals};
use crate::api::types::{ErrorCode, Event};

const LAST_EVENT_ID: &str = "last-event-id";

refusals!(Refusals: CursorExpired, OutOfRange);

/// Where to begin.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Cursor {
    /// The `seq` of the last event that is known already. A stream without it begins with what
    /// happens from now on; a page needs it.
    #[param(minimum = 0)]
    after: Option<i64>,
    /// How many events a page has, at most. A stream has no end.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// What happens.
///
/// A stream of server-sent events without an end: `id` is the event's `seq`, `event` its `type`,
/// `data` the event as JSON. Ask again with the last `seq` as `after`, or as the `Last-Event-ID`
/// header, which counts for more, to miss nothing. Should the stream be unable to go on, its last
/// event is of the type `problem`. A request that accepts `application/json` gets one page of
/// events instead, at once.
#[utoipa::path(
    get, path = "/v1/events", operation_id = "events", tag = "events",
    params(Cursor, ("Last-Event-ID" = Option<i64>, Header, description = "As `after`")),
    responses(
        (status = 200, description = "What happened, oldest first",
            content((Event = "text/event-stream"), (Vec<Event> = "application/json"))),
        Refusals,
    ),
)]
pub(super) async fn follow(
    State(app): State<AppState>,
    headers: HeaderMap,
    Query(cursor): Query<Cursor>,
) -> Result<Response, ApiError> {
    let after = last_event_id(&headers)?.or(cursor.after);
    if after.is_some_and(i64::is_negative) {
        return Err(ApiError::new(ErrorCode::OutOfRange, "`after` must not be negative."));
    }

    if wants_page(&headers) {
        return Ok(
            Json(page(&app, after, cursor.limit.unwrap_or(MAX_EVENTS)).await?).into_response()
        );
    }

    if cursor.limit.is_some() {
        return Err(ApiError::new(
            ErrorCode::MalformedRequest,
            "`limit` is for pages; a stream has no end.",
        ));
    }

    Ok(sse(Follower::begin(app, after).await?).into_response())
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(id) = headers.get(LAST_EVENT_ID) else { return Ok(None) };
    let number = id.to_str().ok().and_then(|id| id.parse().ok());
    number.map(Some).ok_or_else(|| {
        ApiError::new(ErrorCode::MalformedRequest, "`Last-Event-ID` is not a number.")
    })
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accepts = |what| {
        headers
            .get_all(ACCEPT)
            .iter()
            .any(|value| value.to_str().is_ok_and(|text| text.contains(what)))
    };
    accepts("application/json") && !accepts("text/event-stream")
}

async fn page(app: &AppState, after: Option<i64>, limit: u32) -> Result<Vec<Event>, ApiError> {
    let Some(after) = after else {
        return Err(ApiError::new(ErrorCode::MalformedRequest, "A page needs `after`."));
    };
    if !(1..=MAX_EVENTS).contains(&limit) {
        return Err(ApiError::new(
            ErrorCode::OutOfRange,
            format!("`limit` must be 1 to {MAX_EVENTS}."),
        ));
    }
    Ok(app.node.events(after, limit).await?)
}

/// A comment comes at once, so that the reader knows that it is connected.
fn sse(follower: Follower) -> Sse<impl Stream<Item = Result<SseEvent, axum::Error>>> {
    let keep_alive = KeepAlive::new().interval(follower.app.timing.heartbeat);
    let hello = stream::once(future::ready(Ok(SseEvent::default().comment("connected"))));
    Sse::new(hello.chain(follower.into_stream())).keep_alive(keep_alive)
}

/// A reader's place among the events.
struct Follower {
    app: AppState,
    after: i64,
    page: vec::IntoIter<Event>,
    newest: watch::Receiver<i64>,
}

impl Follower {
    /// Reads the first page, so that an expired cursor is refused before the stream begins.
    async fn begin(app: AppState, after: Option<i64>) -> Result<Self, ApiError> {
        let newest = app.node.newest_event();
        let after = after.unwrap_or_else(|| *newest.borrow());
        let mut follower = Self { app, after, page: Vec::new().into_iter(), newest };
        follower.turn_page().await?;
        Ok(follower)
    }

    /// The newest number is marked as seen before the page is read: what happens between the two
    /// wakes the wait after it.
    async fn turn_page(&mut self) -> Result<(), ApiError> {
        self.newest.mark_unchanged();
        self.page = self.app.node.events(self.after, STREAM_PAGE).await?.into_iter();
        Ok(())
    }

    /// The next event, whenever it happens; nothing once the node stops.
    async fn next(&mut self) -> Result<Option<Event>, ApiError> {
        loop {
            if let Some(event) = self.page.next() {
                self.after = event.seq;
                return Ok(Some(event));
            }
            self.turn_page().await?;
            if self.page.len() == 0 && self.newest.changed().await.is_err() {
                return Ok(None);
            }
        }
    }

    fn into_stream(self) -> impl Stream<Item = Result<SseEvent, axum::Error>> {
        let stopping = self.app.stopping.clone().cancelled_owned();
        let events = stream::unfold(Some(self), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(event) => event.map(|event| (as_sse(&event), Some(follower))),
                Err(refusal) => Some((as_last(refusal), None)),
            }
        });
        events.take_until(stopping)
    }
}

fn as_sse(event: &Event) -> Result<SseEvent, axum::Error> {
    let json = serde_json::to_value(event).map_err(axum::Error::new)?;
    let kind = json["type"].as_str().unwrap_or_default();
    Ok(SseEvent::default().id(event.seq.to_string()).event(kind).data(json.to_string()))
}

fn as_last(refusal: ApiError) -> Result<SseEvent, axum::Error> {
    SseEvent::default().event("problem").json_data(refusal.into_problem())
}
