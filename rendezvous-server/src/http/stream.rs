//! `/v1/stream`: changes as they come, as server-sent events.
//!
//! A stream holds nothing but its place among the changes: one that reads slowly gets more of them
//! at once, and one that falls behind what is remembered is ended.

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

use super::boards::{Since, cursor, expired, small_enough};
use super::extract::Query;
use super::feed::{Batch, event_after};
use super::problem::{Refusal, refusals};
use super::{House, Shared};
use crate::board::Forgotten;
use crate::limits::MAX_OWN_CHANGES;

refusals!(Refusals: BucketTooLarge, CursorExpired, TokenRequired);

const LAST_EVENT_ID: &str = "last-event-id";
const HELLO: Bytes = Bytes::from_static(b": connected\n\n");
const ALIVE: Bytes = Bytes::from_static(b": alive\n\n");
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
        Since,
        ("Last-Event-ID" = Option<String>, Header, description = "As `after`, and counts for more"),
    ),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        Refusals,
    ),
)]
pub(super) async fn follow(
    State(house): Shared,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !house.doorkeeper.may_read(&headers) {
        return Err(Refusal::token_required());
    }

    let (mut after, bucket) = since.parts()?;
    if let Some(id) = headers.get(LAST_EVENT_ID) {
        after = cursor(id.to_str().unwrap_or_default())?;
    }

    let bucket = small_enough(&house, bucket)?;
    let turn = Arc::clone(&house.streams).try_acquire_owned().map_err(|_| Refusal::busy())?;

    // An expired cursor is refused before the stream begins.
    let first = event_after(&house.board, after, bucket, MAX_OWN_CHANGES, house.clock.now())
        .map_err(|Forgotten| expired())?;
    let follower = Follower::new(house, Cursor { change: first.0, ..after }, bucket, turn);
    let hello = stream::iter([HELLO, first.1]).filter(|bytes| future::ready(!bytes.is_empty()));
    let events = hello.map(Ok::<_, Infallible>).chain(follower.into_stream());

    Ok(([(CONTENT_TYPE, "text/event-stream")], Body::from_stream(events)).into_response())
}

/// A reader's place among the changes.
struct Follower {
    house: Arc<House>,
    after: Cursor,
    bucket: Bucket,
    feed: watch::Receiver<Arc<Batch>>,
    heartbeat: Duration,
    _turn: OwnedSemaphorePermit,
    _counted: Counted,
}

impl Follower {
    fn new(house: Arc<House>, after: Cursor, bucket: Bucket, turn: OwnedSemaphorePermit) -> Self {
        let (feed, heartbeat) = (house.feed.clone(), house.limits.times().heartbeat);
        let counted = Counted::new(&house);
        Self { house, after, bucket, feed, heartbeat, _turn: turn, _counted: counted }
    }

    /// The next event, or a sign of life; nothing once the publisher stops.
    async fn next(&mut self) -> Result<Option<Bytes>, Forgotten> {
        loop {
            let batch = Arc::clone(&self.feed.borrow_and_update());
            if batch.newest() > self.after.change {
                let event = self.take(&batch)?;
                if !event.is_empty() {
                    return Ok(Some(event));
                }
                continue;
            }
            match tokio::time::timeout(self.heartbeat, self.feed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(None),
                Err(_) => return Ok(Some(ALIVE)),
            }
        }
    }

    /// The common event, if it is what comes next; else one of its own.
    fn take(&mut self, batch: &Batch) -> Result<Bytes, Forgotten> {
        let common =
            (self.bucket == Bucket::ALL).then(|| batch.for_who_knows(self.after.change)).flatten();
        let (up_to, event) = match common {
            Some(common) => common,
            None => event_after(
                &self.house.board,
                self.after,
                self.bucket,
                MAX_OWN_CHANGES,
                self.house.clock.now(),
            )?,
        };
        self.after.change = up_to;
        Ok(event)
    }

    fn into_stream(self) -> impl Stream<Item = Result<Bytes, Infallible>> {
        let stopping = self.house.stopping.clone().cancelled_owned();
        let events = stream::unfold(Some(self), |follower| async move {
            let mut follower = follower?;
            match follower.next().await {
                Ok(event) => event.map(|event| (Ok(event), Some(follower))),
                Err(Forgotten) => Some((Ok(FELL_BEHIND), None)),
            }
        });
        events.take_until(stopping)
    }
}

/// A stream that is counted as open.
struct Counted(Arc<House>);

impl Counted {
    fn new(house: &Arc<House>) -> Self {
        house.metrics.streams.inc();
        Self(Arc::clone(house))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}
