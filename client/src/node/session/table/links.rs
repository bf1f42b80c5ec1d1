//! The table's rules for links that are up: what is due on them, and how a link takes envelopes as
//! a `Path`.

use tokio::time::Instant;

use super::{InFlight, KEY_ALARM_PAUSE, Link, Peer, SETTLED, Sessions};
use crate::api::types::Presence;
use crate::limits::RESEND_AFTER;
use crate::model::{ContactId, OutboxId, UnixMillis};
use crate::node::effect::{Effect, Effects};
use crate::node::path::{Offered, Path};
use crate::node::session::redial::Redial;
use crate::wire::frame::Frame;

/// What is due on links that are up.
impl Sessions {
    /// Contacts to whom the outbox is handed over now: again, where receipts are overdue, and for
    /// the first time, where something waits beside an idle link.
    pub(crate) fn deliveries_due(&mut self, at: Instant) -> Vec<ContactId> {
        let mut due = vec![];
        for (contact, peer) in &mut self.peers {
            let Some(link) = &mut peer.link else { continue };
            if link.is_overdue(at) {
                link.start_over();
            }
            if peer.waiting && link.is_idle() {
                due.push(*contact);
            }
        }
        due
    }

    /// Contacts whose link brought no answer to our restart request in time.
    pub(crate) fn restarts_due(&self, at: Instant) -> Vec<ContactId> {
        let is_late = |asked: Instant| at.saturating_duration_since(asked) > RESEND_AFTER;
        let is_due = |peer: &Peer| {
            let asked = peer.link.as_ref().and_then(|link| link.restart_asked);
            peer.is_restarting() && asked.is_some_and(is_late)
        };
        self.peers.iter().filter(|(_, peer)| is_due(peer)).map(|(contact, _)| *contact).collect()
    }

    /// A restart request goes out over the link. False if there is no link.
    pub(crate) fn restart_asked(&mut self, contact: ContactId, at: Instant) -> bool {
        let Some(link) = self.link_mut(contact) else { return false };
        link.restart_asked = Some(at);
        true
    }

    /// Contacts whose link has just lasted long enough for no earlier request to be on its way.
    pub(crate) fn settle(&mut self, at: Instant) -> Vec<ContactId> {
        let mut settled = vec![];
        for (contact, peer) in &mut self.peers {
            let Some(link) = &mut peer.link else { continue };
            if !link.settled && at.saturating_duration_since(link.since) >= SETTLED {
                link.settled = true;
                settled.push(*contact);
            }
        }
        settled
    }

    /// An envelope did not open: how many did not on this link.
    pub(crate) fn undecryptable(&mut self, contact: ContactId) -> Option<u32> {
        let link = self.link_mut(contact)?;
        link.undecryptable += 1;
        Some(link.undecryptable)
    }

    /// The contact's group was replaced: nothing that is on its way can be opened any more.
    pub(crate) fn group_replaced(&mut self, contact: ContactId) {
        let Some(peer) = self.get_mut(contact) else { return };
        peer.last_error = None;
        if let Some(link) = &mut peer.link {
            link.start_over();
        }
    }

    /// Whether a wrong key of this contact is to be reported now.
    pub(crate) fn key_alarm(&mut self, contact: ContactId, at: Instant) -> bool {
        let Some(peer) = self.get_mut(contact) else { return false };
        let is_recent = |last: Instant| at.saturating_duration_since(last) < KEY_ALARM_PAUSE;
        if peer.key_alarm.is_some_and(is_recent) {
            return false;
        }
        peer.key_alarm = Some(at);
        true
    }

    /// We have accepted their request.
    pub(crate) fn accepted_request(&mut self, contact: ContactId, at: Instant) {
        if let Some(peer) = self.get_mut(contact) {
            peer.accepted_at = Some(at);
        }
    }

    /// Whether we accepted a request of theirs at this moment or later.
    pub(crate) fn has_accepted_since(&self, contact: ContactId, at: Instant) -> bool {
        self.get(contact).and_then(|peer| peer.accepted_at).is_some_and(|accepted| accepted >= at)
    }

    /// The contact can be dialled from now on, as if nothing had failed.
    pub(crate) fn activate(&mut self, contact: ContactId, at: Instant, now: UnixMillis) {
        if let Some(peer) = self.get_mut(contact) {
            peer.redial = Redial::at_once(at);
            peer.last_error = None;
            peer.since.get_or_insert(now);
        }
    }

    /// How many contacts there are, and how many of them are online by a link.
    pub(crate) fn count(&self) -> (usize, usize) {
        let online = self.peers.values().filter(|peer| peer.presence == Presence::Online).count();
        (self.peers.len(), online)
    }

    /// The way over the contact's link, if envelopes can go over it now.
    pub(crate) fn path(&mut self, contact: ContactId) -> Option<LinkPath<'_>> {
        self.peers.get(&contact)?.ready_link()?;
        let link = self.link_mut(contact)?;
        Some(LinkPath { contact, link })
    }
}

/// A link as a way for envelopes.
pub(crate) struct LinkPath<'a> {
    contact: ContactId,
    link: &'a mut Link,
}

impl LinkPath<'_> {
    /// The last outbox row that was handed over.
    pub(crate) fn cursor(&self) -> OutboxId {
        self.link.cursor
    }

    pub(crate) fn has_room(&self) -> bool {
        self.link.has_room()
    }
}

impl Path for LinkPath<'_> {
    fn offer(&mut self, row: OutboxId, envelope: Vec<u8>, fx: &mut Effects) -> Offered {
        if !self.link.has_room() {
            return Offered::Full;
        }
        let size = envelope.len();
        self.link.in_flight.insert(row, InFlight { size, taken: None });
        self.link.cursor = row;

        let frame = Frame::Envelope(envelope);
        fx.push(Effect::Send { contact: self.contact, frame, outbox: Some(row) });
        Offered::Taken
    }
}
