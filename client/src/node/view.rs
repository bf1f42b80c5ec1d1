//! What readers see of the node's memory: a copy that is brought up to date after each step, so
//! that reads need not wait for the node.

use std::collections::BTreeMap;

use chive_shared::server::ServerId;
use parking_lot::RwLock;
use tokio::time::Instant;

use super::core::Core;
use super::presence::{OtherPresence, ServerView};
use super::session::table::{Peer, Sessions};
use crate::identity::PeerId;
use crate::model::{ContactId, OwnPresence, Reason, UnixMillis};
use crate::transport::{NetworkStatus, ServicesStatus};

/// A copy of what readers need.
pub(crate) struct View {
    started_at: UnixMillis,
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    peers: BTreeMap<ContactId, PeerView>,
    node: Option<NodeView>,
    servers: BTreeMap<ServerId, ServerView>,
}

/// The node as a whole.
#[derive(Clone)]
pub(crate) struct NodeView {
    pub(crate) own: PeerId,
    pub(crate) name: String,
    pub(crate) network: NetworkStatus,
    pub(crate) services: ServicesStatus,
    pub(crate) own_presence: OwnPresence,
    pub(crate) contacts: usize,
    pub(crate) linked: usize,
    /// Servers of ours, and how many of them the last request reached.
    pub(crate) servers: (usize, usize),
}

#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct PeerView {
    blocked: bool,
    refused: bool,
    accepted: bool,
    pub(crate) linked: bool,
    restarting: bool,
    /// No dial is made until something waits.
    idle: bool,
    last_error: Option<Reason>,
    next_dial: Option<Instant>,
    pub(crate) presence: OtherPresence,
}

impl View {
    pub(crate) fn new(started_at: UnixMillis) -> Self {
        Self { started_at, inner: RwLock::default() }
    }

    pub(crate) fn started_at(&self) -> UnixMillis {
        self.started_at
    }

    /// Copies what has changed since the last time.
    pub(crate) fn update(&self, core: &mut Core) {
        let touched = core.sessions.take_touched();
        let mut inner = self.inner.write();
        for contact in touched {
            match core.sessions.get(contact) {
                Some(peer) => drop(inner.peers.insert(contact, PeerView::of(contact, peer, core))),
                None => drop(inner.peers.remove(&contact)),
            }
        }
        inner.node = Some(NodeView::of(core));
        if let Some(servers) = core.presences.changed_servers() {
            inner.servers = servers;
        }
    }

    /// The node as it is now.
    pub(crate) fn node(&self) -> Option<NodeView> {
        self.inner.read().node.clone()
    }

    pub(crate) fn peer(&self, contact: ContactId) -> Option<PeerView> {
        self.inner.read().peers.get(&contact).cloned()
    }

    pub(crate) fn server(&self, server: ServerId) -> Option<ServerView> {
        self.inner.read().servers.get(&server).cloned()
    }

    /// Why something that waits for a contact waits.
    pub(crate) fn why_waiting(&self, contact: ContactId, at: Instant) -> Reason {
        let inner = self.inner.read();
        match (inner.peers.get(&contact), &inner.node) {
            (Some(peer), Some(node)) => peer.why_waiting(&node.network, at),
            _ => Reason::ContactGone,
        }
    }
}

impl NodeView {
    fn of(core: &Core) -> Self {
        let (contacts, linked) = core.sessions.count();
        Self {
            own: core.sessions.own(),
            name: core.owner.name.clone(),
            network: core.network.clone(),
            services: core.services,
            own_presence: core.presences.own(),
            contacts,
            linked,
            servers: core.presences.count_servers(),
        }
    }
}

impl PeerView {
    fn of(contact: ContactId, peer: &Peer, core: &Core) -> Self {
        let sessions: &Sessions = &core.sessions;
        Self {
            blocked: peer.facts.blocked,
            refused: peer.facts.refused,
            accepted: peer.facts.accepted.is_some(),
            linked: peer.link.is_some(),
            restarting: peer.is_restarting(),
            idle: !sessions.is_to_be_dialled(peer),
            last_error: peer.last_error.clone(),
            next_dial: peer.redial.next(),
            presence: core.presences.of(contact, peer),
        }
    }

    /// Whether messages cannot reach them now.
    pub(crate) fn is_away(&self) -> bool {
        !self.linked || self.restarting
    }

    fn why_waiting(&self, network: &NetworkStatus, at: Instant) -> Reason {
        if self.blocked {
            return Reason::ContactBlocked;
        }
        if self.refused {
            return Reason::ContactRefused;
        }
        if self.linked && self.restarting {
            let cause = self.last_error.clone().unwrap_or(Reason::AwaitingAnswer);
            return Reason::Restarting { cause: cause.boxed() };
        }
        if self.linked {
            return Reason::Unconfirmed;
        }
        if !network.ready {
            return network.obstacle();
        }
        if self.accepted && !self.restarting && self.idle {
            return Reason::ConnectsWhenNeeded;
        }

        let cause = self.attempts(at).boxed();
        if self.restarting {
            Reason::RestartPending { cause }
        } else if self.accepted {
            Reason::NotConnected { cause }
        } else {
            Reason::Unanswered { cause }
        }
    }

    /// What the attempts to reach them have come to.
    fn attempts(&self, at: Instant) -> Reason {
        match (&self.last_error, self.next_dial) {
            (Some(last_error), Some(next)) => {
                let in_seconds = next.saturating_duration_since(at).as_secs();
                Reason::Retrying { cause: last_error.clone().boxed(), in_seconds }
            }
            _ => Reason::Connecting,
        }
    }
}
