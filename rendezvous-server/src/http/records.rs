//! `/v1/records`: presence records, one or many.

use std::sync::Arc;

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

use super::extract::{Body, Segment, split_proof};
use super::problem::{Refusal, refusals};
use super::{House, Shared};
use crate::board::Order;
use crate::keeper::{Refused, Verdict};

refusals!(GetRefusals: Unknown, TokenRequired);
refusals!(PutRefusals: MalformedRecord, WrongPlace, InvalidKey, InvalidSignature, WrongEpoch, Expired, SequenceInFuture,
    Stale, SequenceNotNewer, SequenceTaken, WorkRequired, TokenRequired, Full, StorageUnavailable, TooLarge);
refusals!(ManyRefusals: MalformedRecord, TokenRequired, TooLarge);

/// So many signatures are verified before others get their turn.
const TURN: usize = 16;

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
        GetRefusals,
    ),
)]
pub(super) async fn get(
    State(house): Shared,
    Segment(address): Segment,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !house.doorkeeper.may_read(&headers) {
        return Err(Refusal::token_required());
    }
    let record = house.board.find(&Address(address), house.clock.now());
    let record = record.ok_or_else(|| Refusal::new(Code::Unknown, "No record lives there."))?;
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
    responses((status = 204, description = "It is on the board, and lasts"), PutRefusals),
)]
pub(super) async fn put(
    State(house): Shared,
    Segment(address): Segment,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<StatusCode, Refusal> {
    let paid = let_in(&house, &headers)?;
    let outcome = put_one(&house, &body, Some(address), paid).await;
    count(&house, outcome.is_ok());
    outcome.map(|()| StatusCode::NO_CONTENT)
}

async fn put_one(
    house: &House,
    body: &[u8],
    address: Option<[u8; 32]>,
    paid: bool,
) -> Result<(), Refusal> {
    let (record, work) = read(body)?;
    if address.is_some_and(|address| record.address().0 != address) {
        return Err(Refusal::new(
            Code::WrongPlace,
            "The path names another address than the record.",
        ));
    }
    if check(house, &record, work, paid)? == Order::Same {
        return Ok(());
    }
    let verdict = house.keeper.put(vec![record]).await.pop();
    Ok(verdict.unwrap_or(Err(Refused::Stopping))?)
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
        ManyRefusals,
    ),
)]
pub(super) async fn put_many(
    State(house): Shared,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<Json<BatchAnswer>, Refusal> {
    let paid = let_in(&house, &headers)?;
    let submissions = body.chunks_exact(SUBMISSION);
    if body.is_empty() || !submissions.remainder().is_empty() {
        return Err(Refusal::new(
            Code::MalformedRecord,
            format!("Each record has {SUBMISSION} bytes with its work."),
        ));
    }

    if submissions.len() > house.limits.batch {
        return Err(Refusal::new(
            Code::TooLarge,
            format!("At most {} records at once.", house.limits.batch),
        ));
    }

    let mut results = Vec::with_capacity(submissions.len());
    let mut good = Vec::new();
    for (place, submission) in submissions.enumerate() {
        match judge(&house, submission, paid) {
            Ok(record) => good.push((place, record)),
            Err(answer) => results.push((place, answer)),
        }
        if place % TURN == TURN - 1 {
            tokio::task::yield_now().await;
        }
    }

    let verdicts = house.keeper.put(good.iter().map(|(_, record)| *record).collect()).await;
    results
        .extend(good.iter().zip(verdicts).map(|((place, _), verdict)| (*place, answer(verdict))));
    results.sort_unstable_by_key(|(place, _)| *place);
    let results: Vec<RecordAnswer> = results.into_iter().map(|(_, answer)| answer).collect();
    for answer in &results {
        count(&house, answer.code.is_none());
    }

    Ok(Json(BatchAnswer { results }))
}

/// A record to be put, or what became of it already.
fn judge(house: &Arc<House>, submission: &[u8], paid: bool) -> Result<Record, RecordAnswer> {
    let checked = read(submission).map_err(Refusal::from).and_then(|(record, work)| {
        let order = check(house, &record, work, paid)?;
        Ok((record, order))
    });
    match checked {
        Ok((_, Order::Same)) => Err(answer(Ok(()))),
        Ok((record, _)) => Ok(record),
        Err(refusal) => Err(in_batch(&refusal)),
    }
}

fn answer(verdict: Verdict) -> RecordAnswer {
    verdict.map_or_else(
        |refused| in_batch(&refused.into()),
        |()| RecordAnswer { code: None, sequence: None },
    )
}

fn in_batch(refusal: &Refusal) -> RecordAnswer {
    let (code, sequence) = refusal.code();
    RecordAnswer { code: Some(code), sequence }
}

/// Whether who writes needs no work.
fn let_in(house: &House, headers: &HeaderMap) -> Result<bool, Refusal> {
    if house.doorkeeper.may_write(headers) {
        Ok(house.doorkeeper.knows(headers))
    } else {
        Err(Refusal::token_required())
    }
}

fn read(submission: &[u8]) -> Result<(Record, Proof), RecordError> {
    let (bytes, work) = split_proof(submission).ok_or(RecordError::Length)?;
    Ok((Record::from_bytes(bytes)?, work))
}

/// All that can be judged without the database, the cheapest first.
fn check(house: &House, record: &Record, work: Proof, paid: bool) -> Result<Order, Refusal> {
    record.check_time(house.clock.now())?;
    let price = house.prices.of_record(house.board.known(), house.limits.records);
    if !paid
        && price > 0
        && Challenge::new(&house.server, record.as_bytes()).difficulty(work) < u32::from(price)
    {
        return Err(Refusal::work_required(price));
    }

    let order = house.board.order(record);
    match order {
        Order::Older(sequence) => return Err(Refusal::not_newer(sequence)),
        Order::Newer | Order::Same | Order::Other(_) => record.verify(&house.server)?,
    }

    if let Order::Other(sequence) = order {
        Err(Refusal::sequence_taken(sequence))
    } else {
        Ok(order)
    }
}

fn count(house: &House, done: bool) {
    if done {
        house.metrics.puts.inc();
    } else {
        house.metrics.refused.inc();
    }
}
