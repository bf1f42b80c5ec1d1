//! `/v1/records`: presence records, one or many. A record is checked here, the cheapest test first;
//! the record writer gets only those that are valid.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chive_shared::api::{BatchAnswer, Code, RecordAnswer};
use chive_shared::blinding::Address;
use chive_shared::limits::SUBMISSION;
use chive_shared::proof_of_work::{Challenge, Proof};
use chive_shared::record::{Record, RecordError};

use super::api_error::{ApiError, error_responses};
use super::extract::{BinaryBody, HexPath, split_proof};
use super::state::{AppState, SharedState};
use crate::board::Freshness;
use crate::record_writer::{PutError, PutResult};

error_responses!(GetErrors: Unknown, TokenRequired);
error_responses!(PutErrors: MalformedRecord, WrongPlace, InvalidKey, InvalidSignature, WrongEpoch,
    Expired, SequenceInFuture, Stale, SequenceNotNewer, SequenceTaken, WorkRequired, TokenRequired,
    Full, StorageUnavailable, TooLarge);
error_responses!(ManyErrors: MalformedRecord, TokenRequired, TooLarge);

/// How many signatures are verified before other tasks get their turn.
const YIELD_EVERY: usize = 16;

/// One record that lives.
///
/// For the owner, who wants to know what the server has. Who asks for a contact's record tells the
/// server whom it looks for: read the board.
#[utoipa::path(
    get, path = "/v1/records/{address}", operation_id = "get_record", tag = "presence",
    params(("address" = String, Path, description = "The address, 64 lower-case hex digits")),
    responses(
        (
            status = 200,
            description = "217 bytes",
            body = Vec<u8>,
            content_type = "application/octet-stream",
        ),
        GetErrors,
    ),
)]
pub(super) async fn get(
    State(state): SharedState,
    HexPath(address): HexPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !state.access_control.may_read(&headers) {
        return Err(ApiError::token_required());
    }
    let record = state.board.find(&Address(address), state.clock.now());
    let record = record.ok_or_else(|| ApiError::new(Code::Unknown, "No record lives there."))?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], record.as_bytes().to_vec()).into_response())
}

/// Put one record.
///
/// The answer comes when the record would survive a crash. The same bytes may be put again.
#[utoipa::path(
    put, path = "/v1/records/{address}", operation_id = "put_record", tag = "presence",
    params(("address" = String, Path, description = "The address, 64 lower-case hex digits")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "225 bytes: the record, and the number that proves the work"),
    responses((status = 204, description = "It is on the board, and lasts"), PutErrors),
)]
pub(super) async fn put(
    State(state): SharedState,
    HexPath(address): HexPath,
    headers: HeaderMap,
    BinaryBody(body): BinaryBody,
) -> Result<StatusCode, ApiError> {
    let is_exempt = authorize_write(&state, &headers)?;
    let outcome = put_one(&state, &body, Some(address), is_exempt).await;
    count_outcome(&state, outcome.is_ok());
    outcome.map(|()| StatusCode::NO_CONTENT)
}

async fn put_one(
    state: &AppState,
    body: &[u8],
    address: Option<[u8; 32]>,
    is_exempt: bool,
) -> Result<(), ApiError> {
    let (record, proof) = read(body)?;
    if address.is_some_and(|address| record.address().0 != address) {
        return Err(ApiError::new(
            Code::WrongPlace,
            "The path names another address than the record.",
        ));
    }
    if check(state, &record, proof, is_exempt)? == Freshness::Duplicate {
        return Ok(());
    }
    let result = state.writer.put(vec![record]).await.pop();
    Ok(result.unwrap_or(Err(PutError::Stopping))?)
}

/// Put many records.
///
/// Each is judged by itself, as if they came one after another.
#[utoipa::path(
    post, path = "/v1/records", operation_id = "put_records", tag = "presence",
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "225 bytes for each: the record, and the number that proves the work"),
    responses(
        (status = 200, description = "What became of each", body = BatchAnswer),
        ManyErrors,
    ),
)]
pub(super) async fn put_many(
    State(state): SharedState,
    headers: HeaderMap,
    BinaryBody(body): BinaryBody,
) -> Result<Json<BatchAnswer>, ApiError> {
    let is_exempt = authorize_write(&state, &headers)?;
    let submissions = body.chunks_exact(SUBMISSION);
    if body.is_empty() || !submissions.remainder().is_empty() {
        return Err(ApiError::new(
            Code::MalformedRecord,
            format!("Each record has {SUBMISSION} bytes with its work."),
        ));
    }

    if submissions.len() > state.limits.batch {
        return Err(ApiError::new(
            Code::TooLarge,
            format!("At most {} records at once.", state.limits.batch),
        ));
    }

    let mut answers = Vec::with_capacity(submissions.len());
    let mut valid = Vec::new();
    for (position, submission) in submissions.enumerate() {
        match check_submission(&state, submission, is_exempt) {
            Ok(record) => valid.push((position, record)),
            Err(answer) => answers.push((position, answer)),
        }
        if position % YIELD_EVERY == YIELD_EVERY - 1 {
            tokio::task::yield_now().await;
        }
    }

    let results = state.writer.put(valid.iter().map(|(_, record)| *record).collect()).await;
    let positions = valid.iter().map(|(position, _)| *position);
    answers.extend(positions.zip(results.into_iter().map(record_answer)));
    answers.sort_unstable_by_key(|(position, _)| *position);
    let results: Vec<RecordAnswer> = answers.into_iter().map(|(_, answer)| answer).collect();
    for answer in &results {
        count_outcome(&state, answer.code.is_none());
    }

    Ok(Json(BatchAnswer { results }))
}

/// A valid record to be put, or the answer that is known without putting it.
fn check_submission(
    state: &AppState,
    submission: &[u8],
    is_exempt: bool,
) -> Result<Record, RecordAnswer> {
    let checked = read(submission).map_err(ApiError::from).and_then(|(record, proof)| {
        let freshness = check(state, &record, proof, is_exempt)?;
        Ok((record, freshness))
    });
    match checked {
        Ok((_, Freshness::Duplicate)) => Err(record_answer(Ok(()))),
        Ok((record, _)) => Ok(record),
        Err(error) => Err(error_answer(&error)),
    }
}

fn record_answer(result: PutResult) -> RecordAnswer {
    result.map_or_else(
        |error| error_answer(&error.into()),
        |()| RecordAnswer { code: None, sequence: None },
    )
}

fn error_answer(error: &ApiError) -> RecordAnswer {
    let (code, sequence) = error.code_and_sequence();
    RecordAnswer { code: Some(code), sequence }
}

/// Refuses clients that may not write; says whether this one is exempt from work.
fn authorize_write(state: &AppState, headers: &HeaderMap) -> Result<bool, ApiError> {
    if state.access_control.may_write(headers) {
        Ok(state.access_control.has_token(headers))
    } else {
        Err(ApiError::token_required())
    }
}

fn read(submission: &[u8]) -> Result<(Record, Proof), RecordError> {
    let (bytes, proof) = split_proof(submission).ok_or(RecordError::Length)?;
    Ok((Record::from_bytes(bytes)?, proof))
}

/// Every check that needs no database, the cheapest first.
fn check(
    state: &AppState,
    record: &Record,
    proof: Proof,
    is_exempt: bool,
) -> Result<Freshness, ApiError> {
    record.check_time(state.clock.now())?;
    let price = state.prices.of_record(state.board.addresses(), state.limits.records);
    if !is_exempt
        && price > 0
        && Challenge::new(&state.server, record.as_bytes()).difficulty(proof) < u32::from(price)
    {
        return Err(ApiError::work_required(price));
    }

    let freshness = state.board.freshness_of(record);
    match freshness {
        Freshness::Stale(sequence) => return Err(ApiError::not_newer(sequence)),
        Freshness::New | Freshness::Duplicate | Freshness::Conflict(_) => {
            record.verify(&state.server)?;
        }
    }

    if let Freshness::Conflict(sequence) = freshness {
        Err(ApiError::sequence_taken(sequence))
    } else {
        Ok(freshness)
    }
}

fn count_outcome(state: &AppState, stored: bool) {
    if stored {
        state.metrics.puts.inc();
    } else {
        state.metrics.refused.inc();
    }
}
