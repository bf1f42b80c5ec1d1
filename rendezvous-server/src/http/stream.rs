//! `/v1/stream`: changes as they come, as server-sent events.
//!
//! A stream holds nothing but a cursor, never records: a slow client gets more changes at once, and
//! one that falls behind the log of changes is ended.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chive_shared::board::{Bucket, Cursor};
use futures::{Stream, StreamExt, future, stream};
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::api_error::{ApiError, error_responses};
use super::boards::{ChangesQuery, check_size, cursor_expired, parse_cursor};
use super::extract::Query;
use super::feed::{FeedBatch, encode_event};
use super::state::{AppState, SharedState};
use crate::board::CursorExpired;
use crate::limits::MAX_OWN_CHANGES;

error_responses!(Errors: BucketTooLarge, CursorExpired, TokenRequired);

const LAST_EVENT_ID: &str = "last-event-id";
const CONNECTED: Bytes = Bytes::from_static(b": connected\n\n");
const HEARTBEAT: Bytes = Bytes::from_static(b": alive\n\n");
const FELL_BEHIND: Bytes =
    Bytes::from_static(b"event: problem\ndata: {\"code\":\"cursor_expired\"}\n\n");

/// Changes as they come.
///
/// Server-sent events without an end. `event: changes` has the answer of `/v1/changes` in base64 as
/// its data, and the cursor to go on with as its id. Records that came together may come in one
/// event. A stream that cannot go on ends with `event: problem` and the code as JSON. Comments show
/// that it is alive.
#[utoipa::path(
    get, path = "/v1/stream", operation_id = "follow", tag = "presence",
    params(
        ChangesQuery,
        ("Last-Event-ID" = Option<String>, Header, description = "As `after`, and counts for more"),
    ),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        Errors,
    ),
)]
pub(super) async fn follow(
    State(state): SharedState,
    Query(query): Query<ChangesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !state.access_control.may_read(&headers) {
        return Err(ApiError::token_required());
    }

    let (mut after, bucket) = query.parse()?;
    if let Some(id) = headers.get(LAST_EVENT_ID) {
        after = parse_cursor(id.to_str().unwrap_or_default())?;
    }

    let bucket = check_size(&state, bucket)?;
    let slot = Arc::clone(&state.stream_slots).try_acquire_owned().map_err(|_| ApiError::busy())?;

    // An expired cursor is refused before the stream begins.
    let first = encode_event(&state.board, after, bucket, MAX_OWN_CHANGES, state.clock.now())
        .map_err(|CursorExpired| cursor_expired())?;
    let follower = Follower::new(state, Cursor { change: first.0, ..after }, bucket, slot);
    let greeting =
        stream::iter([CONNECTED, first.1]).filter(|bytes| future::ready(!bytes.is_empty()));
    let events = greeting.map(Ok::<_, Infallible>).chain(follower.into_stream());

    Ok(([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response())
}

/// A client that follows the changes.
struct Follower {
    state: Arc<AppState>,
    after: Cursor,
    bucket: Bucket,
    feed: watch::Receiver<Arc<FeedBatch>>,
    heartbeat: Duration,
    _slot: OwnedSemaphorePermit,
    _counted: OpenStream,
}

impl Follower {
    fn new(
        state: Arc<AppState>,
        after: Cursor,
        bucket: Bucket,
        slot: OwnedSemaphorePermit,
    ) -> Self {
        let (feed, heartbeat) = (state.feed.clone(), state.limits.times().heartbeat);
        let counted = OpenStream::new(&state);
        Self { state, after, bucket, feed, heartbeat, _slot: slot, _counted: counted }
    }

    /// The next event, or a heartbeat; `None` once the publisher has stopped.
    async fn next(&mut self) -> Result<Option<Bytes>, CursorExpired> {
        loop {
            let batch = Arc::clone(&self.feed.borrow_and_update());
            if batch.newest() > self.after.change {
                let event = self.advance(&batch)?;
                if !event.is_empty() {
                    return Ok(Some(event));
                }
                continue;
            }
            match tokio::time::timeout(self.heartbeat, self.feed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(None),
                Err(_) => return Ok(Some(HEARTBEAT)),
            }
        }
    }

    /// Advances to the next event: the common one if it follows directly, otherwise one of its own.
    fn advance(&mut self, batch: &FeedBatch) -> Result<Bytes, CursorExpired> {
        let common =
            (self.bucket == Bucket::ALL).then(|| batch.event_after(self.after.change)).flatten();
        let (up_to, event) = match common {
            Some(common) => common,
            None => encode_event(
                &self.state.board,
                self.after,
                self.bucket,
                MAX_OWN_CHANGES,
                self.state.clock.now(),
            )?,
        };
        self.after.change = up_to;
        Ok(event)
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let stopping = self.state.stopping.clone().cancelled_owned();
        let events = stream::unfold(Some(self), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(event) => event.map(|event| (Ok(event), Some(follower))),
                Err(CursorExpired) => Some((Ok(FELL_BEHIND), None)),
            }
        });
        events.take_until(stopping)
    }
}

/// Counts a stream as open until it is dropped.
struct OpenStream(Arc<AppState>);

impl OpenStream {
    fn new(state: &Arc<AppState>) -> Self {
        state.metrics.streams.inc();
        Self(Arc::clone(state))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}
