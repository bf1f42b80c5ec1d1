//! `/v1/board` and `/v1/changes`: the board, whole or since a cursor. All of it comes from memory.

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

use super::api_error::{ApiError, error_responses};
use super::extract::Query;
use super::state::{AppState, SharedState};
use crate::limits::MAX_CHANGES;

error_responses!(BoardErrors: BucketTooLarge, TokenRequired);
error_responses!(ChangesErrors: BucketTooLarge, CursorExpired, TokenRequired);

/// The part of the board that is asked for.
#[derive(Clone, Copy, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct BucketQuery {
    /// How many of an address's first bits name the bucket. Without it: the whole board.
    #[param(minimum = 0, maximum = 8)]
    bits: u8,
    /// What those bits are, as a number.
    #[param(minimum = 0, maximum = 255)]
    bucket: u8,
}

impl BucketQuery {
    pub(super) fn bucket(self) -> Result<Bucket, ApiError> {
        Bucket::new(self.bits, self.bucket).ok_or_else(|| {
            ApiError::new(
                Code::MalformedRequest,
                "`bits` is 0 to 8, and `bucket` a number of so many bits.",
            )
        })
    }
}

/// The changes that are asked for.
#[derive(Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ChangesQuery {
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

impl ChangesQuery {
    pub(super) fn parse(&self) -> Result<(Cursor, Bucket), ApiError> {
        Ok((
            parse_cursor(&self.after)?,
            BucketQuery { bits: self.bits, bucket: self.bucket }.bucket()?,
        ))
    }
}

pub(super) fn parse_cursor(text: &str) -> Result<Cursor, ApiError> {
    text.parse().map_err(|_| ApiError::new(Code::MalformedRequest, "That is no cursor."))
}

pub(super) fn cursor_expired() -> ApiError {
    ApiError::new(
        Code::CursorExpired,
        "The cursor is too old, or of another database: read the board again.",
    )
}

/// All records that live, or those of a bucket.
#[utoipa::path(
    get, path = "/v1/board", operation_id = "get_board", tag = "presence",
    params(
        BucketQuery,
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
        BoardErrors,
    ),
)]
pub(super) async fn get(
    State(state): SharedState,
    Query(query): Query<BucketQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !state.access_control.may_read(&headers) {
        return Err(ApiError::token_required());
    }
    let bucket = check_size(&state, query.bucket()?)?;
    let cursor = state.board.cursor();
    let tag = format!("\"{cursor}-{}-{}\"", bucket.bits(), bucket.number());
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response());
    }

    let slot = Arc::clone(&state.board_slots).try_acquire_owned().map_err(|_| ApiError::busy())?;
    state.metrics.boards.inc();
    let body = Body::from_stream(body(state, bucket, cursor, slot));
    Ok(([(CONTENT_TYPE, "application/octet-stream".to_owned()), (ETAG, tag)], body).into_response())
}

pub(super) fn check_size(state: &AppState, bucket: Bucket) -> Result<Bucket, ApiError> {
    let is_small = state.board.estimated_size(bucket) <= state.limits.board_records
        || bucket.bits() >= state.board.bucket_bits();
    if is_small { Ok(bucket) } else { Err(ApiError::bucket_too_large(state.board.bucket_bits())) }
}

/// Fetches each group when the client has read the one before, so that a slow client holds only
/// one.
fn body(
    state: Arc<AppState>,
    bucket: Bucket,
    cursor: Cursor,
    slot: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let head = state.board.head(bucket, cursor.change).to_bytes();
    let groups = stream::iter(bucket.first_bytes()).map(move |first| {
        let _slot = &slot;
        state.board.group(first, state.clock.now())
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
    params(ChangesQuery),
    responses(
        (
            status = 200,
            description = "As a board",
            body = Vec<u8>,
            content_type = "application/octet-stream",
        ),
        ChangesErrors,
    ),
)]
pub(super) async fn changes(
    State(state): SharedState,
    Query(query): Query<ChangesQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !state.access_control.may_read(&headers) {
        return Err(ApiError::token_required());
    }

    let (after, bucket) = query.parse()?;
    let bucket = check_size(&state, bucket)?;
    let slot = Arc::clone(&state.board_slots).try_acquire_owned().map_err(|_| ApiError::busy())?;
    let (up_to, records) = state
        .board
        .changes_since(after, bucket, MAX_CHANGES, state.clock.now())
        .map_err(|_| cursor_expired())?;
    let bytes = board::body(state.board.head(bucket, up_to), records.iter());

    // An answer that is read slowly occupies a slot like a board.
    let body = stream::iter([Bytes::from(bytes)]).map(move |bytes| {
        let _slot = &slot;
        Ok::<_, Infallible>(bytes)
    });

    Ok(([(CONTENT_TYPE, "application/octet-stream")], Body::from_stream(body)).into_response())
}
