//! Jobs at the servers of our handles: which are under way, when a failed one is tried again, and
//! what is asked of the server. A job touches neither the store nor the node's memory.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chive_shared::server::ServerId;
use tokio::time::Instant;

use crate::invitation::Invitation;
use crate::model::HandleId;
use crate::rendezvous::handles::{Claimed, OwnHandle};
use crate::rendezvous::{self, ServerError, ServerRoute};
use crate::transport::OnionAddress;

/// Jobs for our handles that are under way, and those that failed.
#[derive(Default)]
pub(crate) struct HandleJobs {
    pub(crate) running: BTreeSet<HandleId>,
    /// After so many failures, the next attempt.
    pub(crate) retries: BTreeMap<HandleId, (u32, Instant)>,
}

impl HandleJobs {
    pub(crate) fn may_start(&self, id: HandleId, at: Instant) -> bool {
        !self.running.contains(&id) && self.retries.get(&id).is_none_or(|(_, next)| *next <= at)
    }

    pub(crate) fn failed(&mut self, id: HandleId, at: Instant) {
        let failures = self.retries.get(&id).map_or(0, |(failures, _)| *failures);
        let next = at + rendezvous::PAUSES.after(failures).max(Duration::from_secs(5));
        self.retries.insert(id, (failures.saturating_add(1), next));
    }
}

/// Something to do at a handle's server.
pub(crate) struct HandleJob {
    pub(crate) ours: OwnHandle,
    pub(crate) server: ServerId,
    pub(crate) token: Option<String>,
    pub(crate) now: i64,
    /// What to claim it for; nothing to release it.
    pub(crate) claim: Option<Claim>,
}

pub(crate) struct Claim {
    pub(crate) invitation: Invitation,
    pub(crate) nonce: [u8; 24],
}

/// What became of a handle job.
pub(crate) enum HandleResult {
    /// It leads to this address for requests.
    Claimed(Claimed, OnionAddress),
    Released,
    Failed(ServerError),
}

impl HandleJob {
    pub(crate) async fn run(self, way: ServerRoute) -> Result<HandleResult, ServerError> {
        let Self { ours, now, claim, .. } = self;
        match claim {
            None => ours.release(&way, now).await.map(|()| HandleResult::Released),
            Some(Claim { invitation, nonce }) => {
                let claimed = ours.claim(&way, &invitation, now, nonce).await?;
                Ok(HandleResult::Claimed(claimed, invitation.front_door))
            }
        }
    }
}
