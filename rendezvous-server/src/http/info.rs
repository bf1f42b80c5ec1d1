//! `/v1/info`: what the server is and asks for. The page for people shows the same.

use axum::Json;
use axum::extract::State;
use chive_shared::api::{Info, Policy};
use chive_shared::limits::{MAX_HANDLE_LIFE, MAX_RECORD_LIFE, SECOND};

use super::api_error::{ApiError, error_responses};
use super::state::{AppState, SharedState};

error_responses!(Errors:);

/// What this server is and asks for.
#[utoipa::path(
    get, path = "/v1/info", operation_id = "info", tag = "server",
    responses((status = 200, description = "As it is now", body = Info), Errors),
)]
pub(super) async fn get(State(state): SharedState) -> Result<Json<Info>, ApiError> {
    Ok(Json(info(&state)))
}

pub(super) fn info(state: &AppState) -> Info {
    Info {
        software: "chive-rendezvous".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        server: state.server.to_address(),
        api: vec![1],
        time: state.clock.now() / SECOND,
        records: state.board.live() as u64,
        bucket_bits: state.board.bucket_bits(),
        record_work: state.prices.of_record(state.board.addresses(), state.limits.records),
        claim_work: state.prices.claim,
        policy: policy(state),
    }
}

fn policy(state: &AppState) -> Policy {
    let seconds = |millis: i64| u32::try_from(millis / SECOND).unwrap_or(u32::MAX);
    Policy {
        access: state.access_control.policy(),
        handles: state.handles,
        record_life: seconds(MAX_RECORD_LIFE),
        handle_life: seconds(MAX_HANDLE_LIFE),
        batch: u32::try_from(state.limits.batch).unwrap_or(u32::MAX),
        records: state.limits.records as u64,
        notice: state.notice.clone(),
    }
}
