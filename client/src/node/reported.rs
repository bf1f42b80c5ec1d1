//! What the events have reported so far of things that are in memory alone: the network, services,
//! servers, presence.
//!
//! Events are stored, and a step that fails takes its events with it. What such a step reported
//! counts as not reported, so that the next look at these things reports it.

use std::collections::BTreeMap;

use chive_shared::server::ServerId;

use super::presence::ServerOutcome;
use crate::api::types::{Presence, PresenceSource};
use crate::model::ContactId;
use crate::transport::{NetworkStatus, ServicesStatus};

/// Of everything, what was last told.
pub(crate) struct Reported {
    pub(crate) network: LastReported<(), NetworkStatus>,
    pub(crate) services: LastReported<(), ServicesStatus>,
    pub(crate) servers: LastReported<ServerId, ServerOutcome>,
    pub(crate) presences: LastReported<ContactId, (Presence, Option<PresenceSource>)>,
}

/// A moment in a step, to go back to.
#[derive(Clone, Copy)]
pub(crate) struct ReportedCheckpoint([usize; 4]);

impl Reported {
    /// Whoever begins to listen knows the network and the services as they are.
    pub(crate) fn new(network: NetworkStatus, services: ServicesStatus) -> Self {
        let unknown = (Presence::Unknown, None);
        Self {
            network: LastReported::new(network),
            services: LastReported::new(services),
            servers: LastReported::new(ServerOutcome::default()),
            presences: LastReported::new(unknown),
        }
    }

    pub(crate) fn mark(&self) -> ReportedCheckpoint {
        let Self { network, services, servers, presences } = self;
        ReportedCheckpoint([
            network.pending.len(),
            services.pending.len(),
            servers.pending.len(),
            presences.pending.len(),
        ])
    }

    /// What was told since is undone.
    pub(crate) fn go_back(
        &mut self,
        ReportedCheckpoint([network, services, servers, presences]): ReportedCheckpoint,
    ) {
        self.network.pending.truncate(network);
        self.services.pending.truncate(services);
        self.servers.pending.truncate(servers);
        self.presences.pending.truncate(presences);
    }

    pub(crate) fn committed(&mut self) {
        self.network.commit();
        self.services.commit();
        self.servers.commit();
        self.presences.commit();
    }

    pub(crate) fn undone(&mut self) {
        self.go_back(ReportedCheckpoint([0; 4]));
    }
}

/// What was last told, by key.
pub(crate) struct LastReported<K, V> {
    /// What everybody takes for granted of what was never told.
    at_first: V,
    committed: BTreeMap<K, V>,
    pending: Vec<(K, V)>,
}

impl<K: Ord + Copy, V: PartialEq> LastReported<K, V> {
    fn new(at_first: V) -> Self {
        Self { at_first, committed: BTreeMap::new(), pending: vec![] }
    }

    /// Whether this is something else than what was last told. It counts as told from now on.
    pub(crate) fn is_news(&mut self, key: K, now: V) -> bool {
        let is_news = *self.of(key) != now;
        if is_news {
            self.pending.push((key, now));
        }
        is_news
    }

    /// This need not be told: whoever begins to listen sees it.
    pub(crate) fn is_known(&mut self, key: K, now: V) {
        self.committed.insert(key, now);
    }

    pub(crate) fn forget(&mut self, key: K) {
        self.committed.remove(&key);
        self.pending.retain(|(told, _)| *told != key);
    }

    fn of(&self, key: K) -> &V {
        let pending = self.pending.iter().rev().find(|(told, _)| *told == key).map(|(_, now)| now);
        pending.or_else(|| self.committed.get(&key)).unwrap_or(&self.at_first)
    }

    fn commit(&mut self) {
        self.committed.extend(self.pending.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONLINE: (Presence, Option<PresenceSource>) =
        (Presence::Online, Some(PresenceSource::Link));
    const UNKNOWN: (Presence, Option<PresenceSource>) = (Presence::Unknown, None);

    #[test]
    fn what_a_failed_step_told_is_told_again_and_nothing_else() {
        let (bob, eve) = (ContactId(1), ContactId(2));
        let mut presences = LastReported::new(UNKNOWN);
        assert!(!presences.is_news(eve, UNKNOWN), "nothing is known at first");
        assert!(presences.is_news(bob, ONLINE));
        assert!(!presences.is_news(bob, ONLINE), "once");
        presences.commit();

        assert!(presences.is_news(bob, UNKNOWN));
        assert!(presences.is_news(eve, ONLINE));
        presences.pending.truncate(1);
        presences.commit();
        assert!(!presences.is_news(bob, UNKNOWN), "only what came later was undone");
        assert!(presences.is_news(eve, ONLINE));
    }
}
