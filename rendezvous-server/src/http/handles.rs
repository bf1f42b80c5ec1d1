//! `/v1/handles`: claims, found by their lookup ids.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chive_shared::api::Code;
use chive_shared::handle::{Claim, ClaimError, LookupId, Release};
use chive_shared::proof_of_work::{Challenge, Proof};

use super::extract::{Body, Segment, split_proof};
use super::problem::{Refusal, refusals};
use super::{House, Shared};
use crate::store::{Claimed, Released, StoreError};

refusals!(GetRefusals: Unknown, NoHandles, TokenRequired, StorageUnavailable);
refusals!(ClaimRefusals: MalformedRecord, WrongPlace, InvalidKey, InvalidSignature, Expired, SequenceInFuture, Stale,
    SequenceNotNewer, SequenceTaken, HandleTaken, WorkRequired, TokenRequired, NoHandles, Full, StorageUnavailable, TooLarge);
refusals!(ReleaseRefusals: MalformedRecord, WrongPlace, InvalidKey, InvalidSignature, SequenceInFuture, Stale,
    SequenceNotNewer, Unknown, NotOwner, TokenRequired, NoHandles, StorageUnavailable, TooLarge);

/// The claim of a handle.
#[utoipa::path(
    get, path = "/v1/handles/{id}", operation_id = "get_handle", tag = "handles",
    params(("id" = String, Path, description = "The lookup id, 64 lower-case hex digits")),
    responses(
        (
            status = 200,
            description = "437 bytes",
            body = Vec<u8>,
            content_type = "application/octet-stream",
        ),
        GetRefusals,
    ),
)]
pub(super) async fn get(
    State(house): Shared,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    if !house.doorkeeper.may_read(&headers) {
        return Err(Refusal::token_required());
    }
    if !house.handles {
        return Err(no_handles());
    }
    let found = in_time(&house, house.store.find(&LookupId(id), house.clock.now())).await?;
    let claim = found.ok_or_else(|| Refusal::new(Code::Unknown, "There is no such handle."))?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], claim.as_bytes().to_vec()).into_response())
}

/// Claim, renew or replace a handle.
///
/// First come, first served. A handle that expired is kept for its owner for a while. A first claim
/// costs more work than a renewal.
#[utoipa::path(
    put, path = "/v1/handles/{id}", operation_id = "claim_handle", tag = "handles",
    params(("id" = String, Path, description = "The lookup id, 64 lower-case hex digits")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "445 bytes: the claim, and the number that proves the work"),
    responses((status = 204, description = "It holds, and lasts"), ClaimRefusals),
)]
pub(super) async fn claim(
    State(house): Shared,
    Segment(id): Segment,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<StatusCode, Refusal> {
    let paid = let_in(&house, &headers)?;
    let outcome = claim_one(&house, LookupId(id), &body, paid).await;
    if outcome.is_err() {
        house.metrics.refused.inc();
    }
    outcome.map(|()| StatusCode::NO_CONTENT)
}

async fn claim_one(house: &House, id: LookupId, body: &[u8], paid: bool) -> Result<(), Refusal> {
    let (bytes, work) = split_proof(body).ok_or(ClaimError::Length)?;
    let claim = Claim::from_bytes(bytes)?;
    if claim.id() != id {
        return Err(wrong_place());
    }

    let now = house.clock.now();
    claim.check_time(now)?;
    if !paid {
        check_work(house, &claim, work).await?;
    }

    claim.verify(&house.server)?;
    if house.metrics.last_handles() >= house.limits.handles {
        return Err(Refusal::new(Code::Full, "This server keeps no more handles."));
    }

    match in_time(house, house.store.claim(&claim, now)).await? {
        Claimed::Done => Ok(()),
        Claimed::Taken => Err(Refusal::new(
            Code::HandleTaken,
            "Somebody else has this handle, or kept it lately.",
        )),
        Claimed::Older(sequence) => Err(Refusal::not_newer(sequence)),
        Claimed::Other(sequence) => Err(Refusal::sequence_taken(sequence)),
    }
}

/// The database is asked only about who has worked enough for a record.
async fn check_work(house: &House, claim: &Claim, work: Proof) -> Result<(), Refusal> {
    let difficulty = Challenge::new(&house.server, claim.as_bytes()).difficulty(work);
    if difficulty >= u32::from(house.prices.claim) {
        return Ok(());
    }
    let renewal = difficulty >= u32::from(house.prices.record.min(house.prices.claim))
        && in_time(house, house.store.holds(&claim.id(), &claim.key())).await?;
    if renewal { Ok(()) } else { Err(Refusal::work_required(house.prices.claim)) }
}

/// Give a handle back.
///
/// Nobody finds it any more; a while later anybody can claim it.
#[utoipa::path(
    post, path = "/v1/handles/{id}/release", operation_id = "release_handle", tag = "handles",
    params(("id" = String, Path, description = "The lookup id, 64 lower-case hex digits")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "137 bytes: the release"),
    responses((status = 204, description = "It is given back, and lasts"), ReleaseRefusals),
)]
pub(super) async fn release(
    State(house): Shared,
    Segment(id): Segment,
    headers: HeaderMap,
    Body(body): Body,
) -> Result<StatusCode, Refusal> {
    let_in(&house, &headers)?;
    let release = Release::from_bytes(&body)?;
    if release.id() != LookupId(id) {
        return Err(wrong_place());
    }
    let now = house.clock.now();
    release.check_time(now)?;
    release.verify(&house.server)?;
    match in_time(&house, house.store.release(&release, now)).await? {
        Released::Done => Ok(StatusCode::NO_CONTENT),
        Released::Unknown => Err(Refusal::new(Code::Unknown, "There is no such handle.")),
        Released::NotOwner => Err(Refusal::new(Code::NotOwner, "Somebody else has this handle.")),
        Released::Older(sequence) => Err(Refusal::not_newer(sequence)),
    }
}

/// Whether who writes needs no work.
fn let_in(house: &House, headers: &HeaderMap) -> Result<bool, Refusal> {
    if !house.doorkeeper.may_write(headers) {
        return Err(Refusal::token_required());
    }
    if house.handles { Ok(house.doorkeeper.knows(headers)) } else { Err(no_handles()) }
}

fn wrong_place() -> Refusal {
    Refusal::new(Code::WrongPlace, "The path names another handle than the body.")
}

fn no_handles() -> Refusal {
    Refusal::new(Code::NoHandles, "This server keeps no handles.")
}

async fn in_time<T>(
    house: &House,
    asked: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, Refusal> {
    match tokio::time::timeout(house.limits.times().storage, asked).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Refusal::unavailable()),
    }
}
