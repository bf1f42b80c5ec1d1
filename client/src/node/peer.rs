//! What the node holds in memory of one contact: its link, its schedule, what is on its way.

use std::collections::BTreeMap;

use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::directory::Held;
use super::redial::Redial;
use crate::api::types::{Presence, PresenceSource};
use crate::identity::PeerId;
use crate::limits::{MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES};
use crate::link::session::LinkSender;
use crate::model::{OutboxId, Reason, UnixMillis};
use crate::transport::OnionAddress;
use crate::wire::envelope::EnvelopeKeys;
use crate::wire::frame::LinkId;
use chive_mls::Conversation;

/// One contact, as long as the node runs.
pub(super) struct Peer {
    /// Who it is for good.
    pub(super) id: PeerId,
    /// What an accepted contact has.
    pub(super) accepted: Option<Accepted>,
    /// Whether its links are refused.
    pub(super) blocked: bool,
    /// Whether it refused our request: then nothing is dialled.
    pub(super) refused: bool,
    /// Whether something waits for it: then it is dialled more often.
    pub(super) waiting: bool,
    /// The link, while one is up.
    pub(super) link: Option<Live>,
    /// When to dial next.
    pub(super) redial: Redial,
    /// The dial that is on its way. It ends with the contact, or when the next one begins.
    pub(super) dialling: Option<Dialling>,
    /// Why the last dial failed.
    pub(super) trouble: Option<Reason>,
    /// What the link says.
    pub(super) presence: Presence,
    /// Since when.
    pub(super) since: Option<UnixMillis>,
    /// What was last told of its presence.
    pub(super) shown: (Presence, Option<PresenceSource>),
    /// The conversation as it is in the store, while a link is up; taken out while it is changed.
    pub(super) conversation: Option<Conversation>,
    /// When a wrong key was reported last.
    pub(super) key_alarm: Option<Instant>,
    /// When we last answered its request with a yes.
    pub(super) taken_in: Option<Instant>,
}

/// A dial that is on its way.
pub(super) struct Dialling {
    /// Ends it.
    pub(super) _stop: DropGuard,
    /// Lets it begin, if it waits for its turn.
    pub(super) hurry: CancellationToken,
}

/// What an accepted contact has.
pub(super) struct Accepted {
    /// Where it is.
    pub(super) endpoint: OnionAddress,
    /// Whether there is a conversation: without one, it is to begin afresh.
    pub(super) begun: bool,
    /// For envelopes to it.
    pub(super) seal: EnvelopeKeys,
    /// For envelopes from it.
    pub(super) open: EnvelopeKeys,
}

/// A running link.
pub(super) struct Live {
    /// The same on both ends.
    pub(super) id: LinkId,
    /// Whether we dialled.
    pub(super) dialled: bool,
    /// What the contact listed in its hello.
    pub(super) theirs: Vec<LinkId>,
    /// Writes to it.
    pub(super) sender: LinkSender,
    /// What was handed to it and is not receipted: the outbox row, its size, when the stream took it.
    pub(super) in_flight: BTreeMap<OutboxId, (usize, Option<Instant>)>,
    /// The last outbox row that was handed to it.
    pub(super) cursor: OutboxId,
    /// When our question to begin afresh was put to it.
    pub(super) asked: Option<Instant>,
    /// Envelopes that did not open.
    pub(super) unreadable: u32,
    /// Since when it is up.
    pub(super) since: Instant,
    /// Whether it has been up for so long that a request which was on its way says nothing any more.
    pub(super) settled: bool,
    /// Counts as held until it is dropped.
    pub(super) _held: Held,
}

impl Live {
    /// Whether one more envelope may go.
    #[must_use]
    pub(super) fn has_room(&self) -> bool {
        let bytes: usize = self.in_flight.values().map(|(size, _)| size).sum();
        self.in_flight.len() < MAX_IN_FLIGHT && bytes < MAX_IN_FLIGHT_BYTES
    }
}

impl Peer {
    /// A contact without a link, to be dialled at once.
    #[must_use]
    pub(super) fn new(id: PeerId, now: Instant) -> Self {
        Self {
            id,
            accepted: None,
            blocked: false,
            refused: false,
            waiting: false,
            link: None,
            redial: Redial::at_once(now),
            dialling: None,
            trouble: None,
            presence: Presence::Unknown,
            since: None,
            shown: (Presence::Unknown, None),
            conversation: None,
            key_alarm: None,
            taken_in: None,
        }
    }

    /// There is a reason to dial it soon. Only that something waits lets it go before others.
    pub(super) fn hurry(&mut self) {
        self.redial.hurry(Instant::now());
        if let Some(dialling) = self.dialling.as_ref().filter(|_| self.waiting) {
            dialling.hurry.cancel();
        }
    }

    /// What is tried to reach it.
    #[must_use]
    pub(super) fn attempt(&self) -> Reason {
        match (&self.trouble, self.redial.next()) {
            (Some(trouble), Some(next)) => Reason::Retrying {
                cause: trouble.clone().boxed(),
                in_seconds: next.saturating_duration_since(Instant::now()).as_secs(),
            },
            _ => Reason::Connecting,
        }
    }

    /// Whether its conversation is to begin afresh.
    #[must_use]
    pub(super) fn is_beginning(&self) -> bool {
        self.accepted.as_ref().is_some_and(|accepted| !accepted.begun)
    }

    /// Whether we try to reach it at all.
    #[must_use]
    pub(super) fn is_wanted(&self) -> bool {
        !self.blocked && !self.refused
    }
}

/// One of two links.
pub(super) struct Candidate<'a> {
    /// Its id.
    pub(super) id: LinkId,
    /// Who dialled it.
    pub(super) dialler: PeerId,
    /// What the contact's hello on it listed.
    pub(super) theirs: &'a [LinkId],
}

/// Of two links with one contact, whether the later one is kept. Both ends come to the same answer:
/// if the contact held both at once and different sides dialled, the one dialled by the lower peer
/// id; else the later one, because the earlier is dead at the other end.
#[must_use]
pub(super) fn later_survives(earlier: &Candidate<'_>, later: &Candidate<'_>) -> bool {
    let overlap = earlier.theirs.contains(&later.id) || later.theirs.contains(&earlier.id);
    if !overlap || earlier.dialler == later.dialler {
        return true;
    }
    later.dialler < earlier.dialler
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);

    fn link(id: u8, dialler: PeerId, theirs: &[LinkId]) -> Candidate<'_> {
        Candidate { id: [id; 8], dialler, theirs }
    }

    #[test]
    fn both_sides_keep_the_same_of_two_simultaneous_links() {
        let (one, two) = ([[1; 8]], [[2; 8]]);
        // Alice sees her own dial first, Bob his; each listed the other in its later hello.
        let at_alice = later_survives(&link(1, A, &two), &link(2, B, &one));
        let at_bob = later_survives(&link(2, B, &one), &link(1, A, &two));
        assert!(!at_alice && at_bob, "both keep the link that A dialled");
    }

    #[test]
    fn a_restarted_contact_replaces_its_dead_link() {
        assert!(later_survives(&link(1, A, &[]), &link(2, B, &[])));
        assert!(later_survives(&link(1, A, &[]), &link(2, A, &[])));
    }
}
