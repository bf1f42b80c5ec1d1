//! `/v1/board` and `/v1/changes`: what everybody may read, whole or since a cursor.

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chive_shared::api::Code;
use chive_shared::board::{self, Bucket, Cursor, END};
use futures::{Stream, StreamExt, future, stream};
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use super::extract::Query;
use super::problem::{Refusal, refusals};
use super::{House, Shared};
use crate::limits::MAX_CHANGES;

refusals!(BoardRefusals: BucketTooLarge, TokenRequired);
refusals!(ChangesRefusals: BucketTooLarge, CursorExpired, TokenRequired);

/// Which part of the board.
#[derive(Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct Part {
    /// How many of an address's first bits name the bucket. Without it: the whole board.
    #[param(minimum = 0, maximum = 8)]
    bits: u8,
    /// What those bits are, as a number.
    #[param(minimum = 0, maximum = 255)]
    bucket: u8,
}

impl Part {
    pub(super) fn bucket(self) -> Result<Bucket, Refusal> {
        Bucket::new(self.bits, self.bucket).ok_or_else(|| {
            Refusal::new(
                Code::MalformedRequest,
                "`bits` is 0 to 8, and `bucket` a number of so many bits.",
            )
        })
    }
}

/// From where on.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Since {
    /// What is known already: a cursor from a board, an answer or an event.
    after: String,
    /// As for the board.
    #[serde(default)]
    #[param(minimum = 0, maximum = 8)]
    bits: u8,
    /// As for the board.
    #[serde(default)]
    #[param(minimum = 0, maximum = 255)]
    bucket: u8,
}

impl Since {
    pub(super) fn parts(&self) -> Result<(Cursor, Bucket), Refusal> {
        Ok((cursor(&self.after)?, Part { bits: self.bits, bucket: self.bucket }.bucket()?))
    }
}

pub(super) fn cursor(text: &str) -> Result<Cursor, Refusal> {
    text.parse().map_err(|_| Refusal::new(Code::MalformedRequest, "That is no cursor."))
}

pub(super) fn expired() -> Refusal {
    Refusal::new(
        Code::CursorExpired,
        "The cursor is too old, or of another database: read the board again.",
    )
}

/// All records that live, or those of a bucket.
#[utoipa::path(
    get, path = "/v1/board", operation_id = "get_board", tag = "presence",
    params(
        Part,
        (
            "If-None-Match" = Option<String>,
            Header,
            description = "The ETag of the board that is known",
        ),
    ),
    responses(
        (
            status = 200,
            description = "A head, groups of records, an end",
            body = Vec<u8>,
            content_type = "application/octet-stream",
            headers(("ETag" = String, description = "Changes with every change of the board")),
        ),
        (status = 304, description = "Nothing has changed"),
        BoardRefusals,
    ),
)]
pub(super) async fn get(
    State(house): Shared,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !house.doorkeeper.may_read(&headers) {
        return Err(Refusal::token_required());
    }
    let bucket = small_enough(&house, part.bucket()?)?;
    let cursor = house.board.cursor();
    let tag = format!("\"{cursor}-{}-{}\"", bucket.bits(), bucket.number());
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }
    let turn = Arc::clone(&house.boards).try_acquire_owned().map_err(|_| Refusal::busy())?;
    house.metrics.boards.inc();
    let body = Body::from_stream(body(house, bucket, cursor, turn));
    Ok(([(CONTENT_TYPE, "application/octet-stream".to_owned()), (ETAG, tag)], body).into_response())
}

pub(super) fn small_enough(house: &House, bucket: Bucket) -> Result<Bucket, Refusal> {
    let small = house.board.size(bucket) <= house.limits.board_records
        || bucket.bits() >= house.board.bucket_bits();
    if small { Ok(bucket) } else { Err(Refusal::bucket_too_large(house.board.bucket_bits())) }
}

/// Each group is fetched when the reader has taken the one before: a slow reader holds no more.
fn body(
    house: Arc<House>,
    bucket: Bucket,
    cursor: Cursor,
    turn: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let head = house.board.head(bucket, cursor.change).to_bytes();
    let groups = stream::iter(bucket.first_bytes()).map(move |first| {
        let _held = &turn;
        house.board.group(first, house.clock.now())
    });
    let whole = stream::once(future::ready(Bytes::copy_from_slice(&head)))
        .chain(groups)
        .chain(stream::once(future::ready(Bytes::from_static(&END))));
    whole.filter(|bytes| future::ready(!bytes.is_empty())).map(Ok)
}

/// What has changed since a cursor.
///
/// The answer has the form of a board of one group; its cursor is the one to go on with. It has
/// records of at most 8,192 changes.
#[utoipa::path(
    get, path = "/v1/changes", operation_id = "get_changes", tag = "presence",
    params(Since),
    responses(
        (
            status = 200,
            description = "As a board",
            body = Vec<u8>,
            content_type = "application/octet-stream",
        ),
        ChangesRefusals,
    ),
)]
pub(super) async fn changes(
    State(house): Shared,
    Query(since): Query<Since>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !house.doorkeeper.may_read(&headers) {
        return Err(Refusal::token_required());
    }

    let (after, bucket) = since.parts()?;
    let bucket = small_enough(&house, bucket)?;
    let turn = Arc::clone(&house.boards).try_acquire_owned().map_err(|_| Refusal::busy())?;
    let (up_to, records) =
        house.board.since(after, bucket, MAX_CHANGES, house.clock.now()).map_err(|_| expired())?;
    let bytes = board::body(house.board.head(bucket, up_to), records.iter());

    // What a reader takes slowly counts like a board.
    let body = stream::iter([Bytes::from(bytes)]).map(move |bytes| {
        let _held = &turn;
        Ok::<_, Infallible>(bytes)
    });

    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(body)).into_response())
}
