//! The table's rules for dialling: who is due, and what a failure or a network that comes back
//! changes.

use rand::CryptoRng;
use tokio::time::Instant;

use super::{Links, Peer, Sessions};
use crate::model::{ContactId, Reason};
use crate::node::effect::{Effect, Effects};
use crate::node::session::redial::Redial;

impl Sessions {
    pub(crate) fn is_to_be_dialled(&self, peer: &Peer) -> bool {
        let is_useful = peer.waiting || self.policy == Links::Always;
        peer.is_wanted() && peer.link.is_none() && is_useful
    }

    /// When the next dial is due, if any is.
    pub(crate) fn next_dial(&self) -> Option<Instant> {
        let wanted = self.peers.values().filter(|peer| self.is_to_be_dialled(peer));
        wanted.filter_map(|peer| peer.redial.next()).min().filter(|_| self.network_was_ready)
    }

    pub(crate) fn due(&self, at: Instant) -> Vec<ContactId> {
        let is_due = |peer: &Peer| {
            self.is_to_be_dialled(peer) && peer.redial.next().is_some_and(|next| next <= at)
        };
        self.peers.iter().filter(|(_, peer)| is_due(peer)).map(|(contact, _)| *contact).collect()
    }

    /// A dial begins: the number of failures before it.
    pub(crate) fn dial_started(&mut self, contact: ContactId) -> Option<u32> {
        let peer = self.get_mut(contact)?;
        peer.redial.started();
        peer.dialling = true;
        Some(peer.redial.attempt())
    }

    /// A dial or a contact request did not get through.
    pub(crate) fn attempt_failed(
        &mut self,
        contact: ContactId,
        last_error: Reason,
        at: Instant,
        rng: &mut dyn CryptoRng,
    ) {
        let Some(peer) = self.get_mut(contact) else { return };
        (peer.last_error, peer.dialling) = (Some(last_error), false);
        if peer.link.is_none() {
            peer.redial.failed(at, peer.waiting, rng);
        }
    }

    /// A request was answered, but not with yes: it is repeated as long as it waits.
    pub(crate) fn request_failed(
        &mut self,
        contact: ContactId,
        last_error: Reason,
        at: Instant,
        rng: &mut dyn CryptoRng,
    ) {
        let Some(peer) = self.get_mut(contact).filter(|peer| peer.link.is_none()) else { return };
        (peer.last_error, peer.dialling) = (Some(last_error), false);
        peer.redial.failed(at, true, rng);
    }

    /// There is a reason to dial soon. Only something that waits lets a dial go before others.
    pub(crate) fn dial_soon(&mut self, contact: ContactId, at: Instant, fx: &mut Effects) {
        let Some(peer) = self.get_mut(contact) else { return };
        peer.redial.start_now(at);
        if peer.waiting && peer.dialling {
            fx.push(Effect::DialNow(contact));
        }
    }

    /// The contact is to be dialled at once, whatever failed before.
    pub(crate) fn dial_at_once(&mut self, contact: ContactId, at: Instant) {
        if let Some(peer) = self.get_mut(contact) {
            peer.redial = Redial::at_once(at);
        }
    }

    /// The session in which two became contacts becomes their link: no need to dial meanwhile.
    pub(crate) fn session_goes_on(
        &mut self,
        contact: ContactId,
        at: Instant,
        rng: &mut dyn CryptoRng,
    ) {
        if let Some(peer) = self.get_mut(contact) {
            peer.redial.session_goes_on(at, rng);
        }
    }

    /// The network is there, or seems lost.
    pub(crate) fn network_changed(
        &mut self,
        was_ready: bool,
        is_ready: bool,
        at: Instant,
        fx: &mut Effects,
    ) {
        self.network_was_ready |= is_ready;
        if is_ready && !was_ready {
            for contact in self.contacts().collect::<Vec<_>>() {
                self.dial_soon(contact, at, fx);
            }
        }
    }

    pub(crate) fn network_was_ready(&self) -> bool {
        self.network_was_ready
    }
}
