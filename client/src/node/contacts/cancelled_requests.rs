//! Remembers our requests to people whom we have removed since. In memory only.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::identity::PeerId;
use crate::store::contacts::RequestRow;
use crate::wire::digest::digest;

/// A withdrawn request is remembered for this long, in memory: none is on its way for longer.
const WITHDRAWN_FOR: Duration = Duration::from_mins(5);

/// Withdrawn requests that are remembered, at most.
const MAX_WITHDRAWN: usize = 64;

/// Requests of ours to people whom we have removed since: they may still be on their way.
#[derive(Default)]
pub(crate) struct CancelledRequests {
    requests: BTreeMap<PeerId, ([u8; 16], Instant)>,
}

impl CancelledRequests {
    /// The request may be on its way, and is named when we become contacts otherwise.
    pub(crate) fn remember(&mut self, peer: PeerId, request: &RequestRow, at: Instant) {
        self.requests.retain(|_, (_, since)| at.saturating_duration_since(*since) < WITHDRAWN_FOR);
        if self.requests.len() < MAX_WITHDRAWN {
            self.requests.insert(peer, (digest(&request.introduction), at));
        }
    }

    pub(crate) fn of(&self, peer: PeerId, at: Instant) -> Option<[u8; 16]> {
        let (digest, since) = self.requests.get(&peer)?;
        (at.saturating_duration_since(*since) < WITHDRAWN_FOR).then_some(*digest)
    }
}
