//! `/v1/handles`: claims, found by their lookup ids. The server never sees a name or an open card.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chive_shared::api::Code;
use chive_shared::handle::{Claim, ClaimError, LookupId, Release};
use chive_shared::proof_of_work::{Challenge, Proof};

use super::api_error::{ApiError, error_responses};
use super::extract::{BinaryBody, HexPath, split_proof};
use super::state::{AppState, SharedState};
use crate::store::{ClaimOutcome, ReleaseOutcome, StoreError};

error_responses!(GetErrors: Unknown, NoHandles, TokenRequired, StorageUnavailable);
error_responses!(ClaimErrors: MalformedRecord, WrongPlace, InvalidKey, InvalidSignature, Expired,
    SequenceInFuture, Stale, SequenceNotNewer, SequenceTaken, HandleTaken, WorkRequired,
    TokenRequired, NoHandles, Full, StorageUnavailable, TooLarge);
error_responses!(ReleaseErrors: MalformedRecord, WrongPlace, InvalidKey, InvalidSignature,
    SequenceInFuture, Stale, SequenceNotNewer, Unknown, NotOwner, TokenRequired, NoHandles,
    StorageUnavailable, TooLarge);

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
        GetErrors,
    ),
)]
pub(super) async fn get(
    State(state): SharedState,
    HexPath(id): HexPath,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if !state.access_control.may_read(&headers) {
        return Err(ApiError::token_required());
    }
    if !state.handles {
        return Err(no_handles());
    }
    let found = with_timeout(&state, state.store.find(&LookupId(id), state.clock.now())).await?;
    let claim = found.ok_or_else(|| ApiError::new(Code::Unknown, "There is no such handle."))?;
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
    responses((status = 204, description = "It holds, and lasts"), ClaimErrors),
)]
pub(super) async fn claim(
    State(state): SharedState,
    HexPath(id): HexPath,
    headers: HeaderMap,
    BinaryBody(body): BinaryBody,
) -> Result<StatusCode, ApiError> {
    let is_exempt = authorize_write(&state, &headers)?;
    let outcome = claim_one(&state, LookupId(id), &body, is_exempt).await;
    if outcome.is_err() {
        state.metrics.refused.inc();
    }
    outcome.map(|()| StatusCode::NO_CONTENT)
}

async fn claim_one(
    state: &AppState,
    id: LookupId,
    body: &[u8],
    is_exempt: bool,
) -> Result<(), ApiError> {
    let (bytes, proof) = split_proof(body).ok_or(ClaimError::Length)?;
    let claim = Claim::from_bytes(bytes)?;
    if claim.id() != id {
        return Err(wrong_place());
    }

    let now = state.clock.now();
    claim.check_time(now)?;
    if !is_exempt {
        check_work(state, &claim, proof).await?;
    }

    claim.verify(&state.server)?;
    if state.metrics.last_handles() >= state.limits.handles {
        return Err(ApiError::new(Code::Full, "This server keeps no more handles."));
    }

    match with_timeout(state, state.store.claim(&claim, now)).await? {
        ClaimOutcome::Claimed => Ok(()),
        ClaimOutcome::Taken => Err(ApiError::new(
            Code::HandleTaken,
            "Somebody else has this handle, or kept it lately.",
        )),
        ClaimOutcome::Stale(sequence) => Err(ApiError::not_newer(sequence)),
        ClaimOutcome::Conflict(sequence) => Err(ApiError::sequence_taken(sequence)),
    }
}

/// The database is asked only for a claim with enough work for a record: a renewal costs no more.
async fn check_work(state: &AppState, claim: &Claim, proof: Proof) -> Result<(), ApiError> {
    let difficulty = Challenge::new(&state.server, claim.as_bytes()).difficulty(proof);
    if difficulty >= u32::from(state.prices.claim) {
        return Ok(());
    }
    let is_renewal = difficulty >= u32::from(state.prices.record.min(state.prices.claim))
        && with_timeout(state, state.store.holds(&claim.id(), &claim.key())).await?;
    if is_renewal { Ok(()) } else { Err(ApiError::work_required(state.prices.claim)) }
}

/// Give a handle back.
///
/// Nobody finds it any more; a while later anybody can claim it.
#[utoipa::path(
    post, path = "/v1/handles/{id}/release", operation_id = "release_handle", tag = "handles",
    params(("id" = String, Path, description = "The lookup id, 64 lower-case hex digits")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream",
        description = "137 bytes: the release"),
    responses((status = 204, description = "It is given back, and lasts"), ReleaseErrors),
)]
pub(super) async fn release(
    State(state): SharedState,
    HexPath(id): HexPath,
    headers: HeaderMap,
    BinaryBody(body): BinaryBody,
) -> Result<StatusCode, ApiError> {
    authorize_write(&state, &headers)?;
    let release = Release::from_bytes(&body)?;
    if release.id() != LookupId(id) {
        return Err(wrong_place());
    }
    let now = state.clock.now();
    release.check_time(now)?;
    release.verify(&state.server)?;
    match with_timeout(&state, state.store.release(&release, now)).await? {
        ReleaseOutcome::Released => Ok(StatusCode::NO_CONTENT),
        ReleaseOutcome::Unknown => Err(ApiError::new(Code::Unknown, "There is no such handle.")),
        ReleaseOutcome::NotOwner => {
            Err(ApiError::new(Code::NotOwner, "Somebody else has this handle."))
        }
        ReleaseOutcome::Stale(sequence) => Err(ApiError::not_newer(sequence)),
    }
}

/// Refuses clients that may not write; says whether this one is exempt from work.
fn authorize_write(state: &AppState, headers: &HeaderMap) -> Result<bool, ApiError> {
    if !state.access_control.may_write(headers) {
        return Err(ApiError::token_required());
    }
    if state.handles { Ok(state.access_control.has_token(headers)) } else { Err(no_handles()) }
}

fn wrong_place() -> ApiError {
    ApiError::new(Code::WrongPlace, "The path names another handle than the body.")
}

fn no_handles() -> ApiError {
    ApiError::new(Code::NoHandles, "This server keeps no handles.")
}

async fn with_timeout<T>(
    state: &AppState,
    query: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, ApiError> {
    match tokio::time::timeout(state.limits.times().storage, query).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(ApiError::unavailable()),
    }
}
