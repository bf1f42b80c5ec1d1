//! `/v1/info`: what the server is and asks for.

use axum::Json;
use axum::extract::State;
use chive_shared::api::{Info, Policy};
use chive_shared::limits::{MAX_HANDLE_LIFE, MAX_RECORD_LIFE, SECOND};

use super::problem::{Refusal, refusals};
use super::{House, Shared};

refusals!(Refusals:);

/// What this server is and asks for.
#[utoipa::path(
    get, path = "/v1/info", operation_id = "info", tag = "server",
    responses((status = 200, description = "As it is now", body = Info), Refusals),
)]
pub(super) async fn get(State(house): Shared) -> Result<Json<Info>, Refusal> {
    Ok(Json(info(&house)))
}

pub(super) fn info(house: &House) -> Info {
    Info {
        software: "chive-rendezvous".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        server: house.server.to_address(),
        api: vec![1],
        time: house.clock.now() / SECOND,
        records: house.board.live() as u64,
        bucket_bits: house.board.bucket_bits(),
        record_work: house.prices.of_record(house.board.known(), house.limits.records),
        claim_work: house.prices.claim,
        policy: policy(house),
    }
}

fn policy(house: &House) -> Policy {
    let seconds = |millis: i64| u32::try_from(millis / SECOND).unwrap_or(u32::MAX);
    Policy {
        access: house.doorkeeper.access(),
        handles: house.handles,
        record_life: seconds(MAX_RECORD_LIFE),
        handle_life: seconds(MAX_HANDLE_LIFE),
        batch: u32::try_from(house.limits.batch).unwrap_or(u32::MAX),
        records: house.limits.records as u64,
        notice: house.notice.clone(),
    }
}
