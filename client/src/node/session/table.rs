//! Decides who is linked, which of two links stays, and when to dial: a pure state machine for all
//! contacts.
//!
//! It knows what the store says of each contact ([`Facts`]) and what the network did. The caller
//! passes the time and the random numbers. Nothing here waits: what must be done outside is left in
//! [`Effects`].

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::CryptoRng;
use tokio::time::Instant;

use super::redial::Redial;
use crate::api::types::Presence;
use crate::identity::PeerId;
use crate::limits::{MAX_IN_FLIGHT, MAX_IN_FLIGHT_BYTES, RESEND_AFTER};
use crate::model::{ContactId, OutboxId, Reason, UnixMillis};
use crate::node::effect::{Effect, Effects};
use crate::transport::Address;
use crate::wire::envelope::EnvelopeKeys;
use crate::wire::frame::{Bye, LinkId};

mod dialling;
mod links;

const BEFORE_ALL: OutboxId = OutboxId(0);
/// A link that ends sooner counts as a failed dial.
const SHORT_LIFE: Duration = Duration::from_secs(30);
/// Once a link has lasted this long, no contact request from before it can still be on its way.
const SETTLED: Duration = Duration::from_secs(30);
/// A contact's wrong key is reported once in this time.
const KEY_ALARM_PAUSE: Duration = Duration::from_hours(1);

/// Which contacts the node dials by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// All contacts: a message to them needs no dial, and they see each other at once.
    #[default]
    Always,
    /// Those for whom something waits: fewer circuits, and who is there is known by servers.
    WhenNeeded,
}

/// What the store says of a contact, as far as links depend on it.
#[derive(Default)]
pub(crate) struct Facts {
    pub(crate) blocked: bool,
    /// They refused our request: there is nobody to dial.
    pub(crate) refused: bool,
    pub(crate) accepted: Option<Accepted>,
}

/// What an accepted contact has.
pub(crate) struct Accepted {
    pub(crate) address: Address,
    /// Whether both sides share an MLS group. Without one, the conversation must be restarted.
    pub(crate) has_group: bool,
    pub(crate) seal: EnvelopeKeys,
    pub(crate) open: EnvelopeKeys,
}

/// One contact, for as long as the node runs.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) facts: Facts,
    /// Whether anything waits for them: then they are dialled more often.
    pub(crate) waiting: bool,
    pub(crate) link: Option<Link>,
    pub(crate) redial: Redial,
    /// Why the last attempt to reach them failed.
    pub(crate) last_error: Option<Reason>,
    /// What links have told: `Unknown` until the first one.
    pub(crate) presence: Presence,
    pub(crate) since: Option<UnixMillis>,
    dialling: bool,
    key_alarm: Option<Instant>,
    /// When we last accepted a request of theirs.
    accepted_at: Option<Instant>,
}

/// A link that is up.
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) dialled: bool,
    /// The other links that the contact held when they said hello on this one.
    pub(crate) theirs: Vec<LinkId>,
    /// Outbox rows that were handed over and have no receipt yet.
    in_flight: BTreeMap<OutboxId, InFlight>,
    /// The last outbox row that was handed over.
    pub(crate) cursor: OutboxId,
    /// When our restart request was last sent over it.
    restart_asked: Option<Instant>,
    /// Envelopes that did not open.
    undecryptable: u32,
    since: Instant,
    settled: bool,
}

struct InFlight {
    size: usize,
    /// When the stream took it.
    taken: Option<Instant>,
}

/// What a new link is, before it is decided whether it stays.
pub(crate) struct NewLink {
    pub(crate) id: LinkId,
    pub(crate) dialled: bool,
    pub(crate) theirs: Vec<LinkId>,
}

impl Link {
    fn new(new: NewLink, at: Instant) -> Self {
        Self {
            id: new.id,
            dialled: new.dialled,
            theirs: new.theirs,
            in_flight: BTreeMap::new(),
            cursor: BEFORE_ALL,
            restart_asked: None,
            undecryptable: 0,
            since: at,
            settled: false,
        }
    }

    /// Whether one more envelope may be handed over.
    pub(crate) fn has_room(&self) -> bool {
        let bytes: usize = self.in_flight.values().map(|envelope| envelope.size).sum();
        self.in_flight.len() < MAX_IN_FLIGHT && bytes < MAX_IN_FLIGHT_BYTES
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn taken(&mut self, row: OutboxId, at: Instant) {
        if let Some(envelope) = self.in_flight.get_mut(&row) {
            envelope.taken = Some(at);
        }
    }

    pub(crate) fn finished(&mut self, row: OutboxId) {
        self.in_flight.remove(&row);
    }

    /// Everything that has no receipt is handed over again.
    pub(crate) fn start_over(&mut self) {
        self.in_flight.clear();
        self.cursor = BEFORE_ALL;
    }

    /// What the link was given in a step that failed has not left: it is given again.
    fn recover(&mut self) {
        self.start_over();
        self.restart_asked = None;
    }

    /// The stream has taken everything, and has had no receipt for part of it for too long.
    fn is_overdue(&self, at: Instant) -> bool {
        let is_late = |taken: Instant| at.saturating_duration_since(taken) > RESEND_AFTER;
        let mut taken = self.in_flight.values().map(|envelope| envelope.taken);
        let all_taken = taken.clone().all(|taken| taken.is_some());
        all_taken && taken.any(|taken| taken.is_some_and(is_late))
    }
}

impl Peer {
    fn new(id: PeerId, at: Instant) -> Self {
        Self {
            id,
            facts: Facts::default(),
            waiting: false,
            link: None,
            redial: Redial::at_once(at),
            last_error: None,
            presence: Presence::Unknown,
            since: None,
            dialling: false,
            key_alarm: None,
            accepted_at: None,
        }
    }

    /// Whether the conversation waits for a new MLS group.
    pub(crate) fn is_restarting(&self) -> bool {
        self.facts.accepted.as_ref().is_some_and(|accepted| !accepted.has_group)
    }

    /// Whether we talk to them at all.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.facts.blocked && !self.facts.refused
    }

    /// The link over which envelopes can go now.
    fn ready_link(&self) -> Option<&Link> {
        self.link.as_ref().filter(|_| !self.is_restarting())
    }
}

/// What becomes of a link that has just been made.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LinkAdmission {
    /// There is no other: it stays.
    Only,
    /// It stays in place of an earlier one.
    Replaces,
    Unwanted,
}

pub(crate) struct Sessions {
    own: PeerId,
    policy: Links,
    /// Whether the network has ever been ready. Dials before that fail at once and only lengthen
    /// pauses; after that, they are what finds a lost network again.
    network_was_ready: bool,
    peers: BTreeMap<ContactId, Peer>,
    /// Contacts of whom something may have changed since [`Sessions::take_touched`].
    touched: BTreeSet<ContactId>,
}

impl Sessions {
    pub(crate) fn new(own: PeerId, policy: Links, network_is_ready: bool) -> Self {
        let (peers, touched) = (BTreeMap::new(), BTreeSet::new());
        Self { own, policy, network_was_ready: network_is_ready, peers, touched }
    }

    pub(crate) fn own(&self) -> PeerId {
        self.own
    }

    pub(crate) fn get(&self, contact: ContactId) -> Option<&Peer> {
        self.peers.get(&contact)
    }

    pub(crate) fn get_mut(&mut self, contact: ContactId) -> Option<&mut Peer> {
        self.touched.insert(contact);
        self.peers.get_mut(&contact)
    }

    pub(crate) fn link(&self, contact: ContactId) -> Option<&Link> {
        self.get(contact)?.link.as_ref()
    }

    pub(crate) fn link_mut(&mut self, contact: ContactId) -> Option<&mut Link> {
        self.get_mut(contact)?.link.as_mut()
    }

    pub(crate) fn is_linked(&self, contact: ContactId) -> bool {
        self.link(contact).is_some()
    }

    /// Whether this is the contact's link that is up.
    pub(crate) fn is_current(&self, contact: ContactId, link: LinkId) -> bool {
        self.link(contact).is_some_and(|current| current.id == link)
    }

    pub(crate) fn contacts(&self) -> impl Iterator<Item = ContactId> + '_ {
        self.peers.keys().copied()
    }

    /// Something about the contact that others keep may have changed.
    pub(crate) fn touch(&mut self, contact: ContactId) {
        self.touched.insert(contact);
    }

    /// Contacts of whom something may have changed since the last call.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<ContactId> {
        std::mem::take(&mut self.touched)
    }

    /// Brings a contact in line with the store.
    pub(crate) fn set_facts(
        &mut self,
        contact: ContactId,
        id: PeerId,
        facts: Facts,
        at: Instant,
        fx: &mut Effects,
    ) {
        self.touched.insert(contact);
        let peer = self.peers.entry(contact).or_insert_with(|| Peer::new(id, at));
        peer.facts = facts;

        if !peer.is_wanted() && std::mem::take(&mut peer.dialling) {
            fx.push(Effect::StopDial(contact));
        }
    }

    pub(crate) fn remove(&mut self, contact: ContactId, fx: &mut Effects) {
        self.touched.insert(contact);
        if self.peers.remove(&contact).is_some() {
            fx.push(Effect::StopDial(contact));
            fx.push(Effect::Close { contact, bye: None });
        }
    }

    /// A step failed: what it gave to links has not left, and the dials that it began, or whose end
    /// it was told of, may be lost.
    pub(crate) fn recover(&mut self, at: Instant, rng: &mut dyn CryptoRng) {
        for peer in self.peers.values_mut() {
            peer.key_alarm = None;
            match &mut peer.link {
                Some(link) => link.recover(),
                None if peer.redial.next().is_none() => peer.redial.failed(at, peer.waiting, rng),
                None => {}
            }
        }
    }

    /// Whether anything waits for the contact decides how often they are dialled.
    pub(crate) fn set_waiting(&mut self, contact: ContactId, outbox_waits: bool) {
        let Some(peer) = self.get_mut(contact) else { return };
        let in_flight = peer.link.as_ref().is_some_and(|link| !link.is_idle());
        peer.waiting = in_flight || outbox_waits || peer.is_restarting();
    }
}

impl Sessions {
    /// Decides about a link whose both ends have said hello, and keeps it if it stays.
    pub(crate) fn link_up(
        &mut self,
        contact: ContactId,
        new: NewLink,
        at: Instant,
    ) -> LinkAdmission {
        let own = self.own;
        let Some(peer) = self.get_mut(contact) else { return LinkAdmission::Unwanted };
        if !peer.is_wanted() || peer.facts.accepted.is_none() {
            return LinkAdmission::Unwanted;
        }

        let dialler = |dialled: bool| if dialled { own } else { peer.id };
        let arrival = match &peer.link {
            None => LinkAdmission::Only,
            Some(link) => {
                let earlier =
                    Candidate { id: link.id, dialler: dialler(link.dialled), theirs: &link.theirs };
                let later =
                    Candidate { id: new.id, dialler: dialler(new.dialled), theirs: &new.theirs };
                if later_survives(&earlier, &later) {
                    LinkAdmission::Replaces
                } else {
                    LinkAdmission::Unwanted
                }
            }
        };
        if arrival != LinkAdmission::Unwanted {
            peer.link = Some(Link::new(new, at));
            peer.redial.linked();
            peer.last_error = None;
            peer.dialling = false;
        }
        arrival
    }

    /// Lets a link go: what was on its way goes over the next one. False if there is none.
    pub(crate) fn link_down(
        &mut self,
        contact: ContactId,
        at: Instant,
        rng: &mut dyn CryptoRng,
    ) -> bool {
        let Some(peer) = self.get_mut(contact) else { return false };
        let Some(link) = peer.link.take() else { return false };

        // A link that ends at once, again and again, must not be dialled at once, again and again.
        if at.saturating_duration_since(link.since) < SHORT_LIFE {
            peer.redial.failed(at, peer.waiting, rng);
        } else {
            peer.redial.link_lost(at, rng);
        }
        true
    }

    /// What links tell of the contact's presence.
    pub(crate) fn set_presence(&mut self, contact: ContactId, presence: Presence, now: UnixMillis) {
        let Some(peer) = self.get_mut(contact) else { return };
        if std::mem::replace(&mut peer.presence, presence) != presence {
            peer.since = Some(now);
        }
    }

    /// Contacts who were online by a link and have none by now.
    pub(crate) fn silently_gone(&self) -> Vec<ContactId> {
        let is_gone = |peer: &Peer| peer.link.is_none() && peer.presence == Presence::Online;
        self.peers.iter().filter(|(_, peer)| is_gone(peer)).map(|(contact, _)| *contact).collect()
    }
}

/// Tells the other end why its link goes.
pub(crate) fn superseded(contact: ContactId) -> Effect {
    Effect::Close { contact, bye: Some(Bye::Superseded) }
}

struct Candidate<'a> {
    id: LinkId,
    dialler: PeerId,
    /// The links that the contact's hello on it listed.
    theirs: &'a [LinkId],
}

/// Of two links with one contact, whether the later one is kept. Both ends come to the same answer:
/// if the contact held both at once and different sides dialled, the one dialled by the lower peer
/// id; else the later one, because the earlier is dead at the other end.
fn later_survives(earlier: &Candidate<'_>, later: &Candidate<'_>) -> bool {
    let overlap = earlier.theirs.contains(&later.id) || later.theirs.contains(&earlier.id);
    if !overlap || earlier.dialler == later.dialler {
        return true;
    }
    later.dialler < earlier.dialler
}

#[cfg(test)]
mod tests;
