//! Presence: what we publish at our servers, and what servers and links tell of our contacts.
//!
//! | file | what it decides |
//! |---|---|
//! | `own` | our servers, and what we publish there |
//! | `others` | what is shown of a contact |
//! | `plan` | what is to be done at each server |
//! | `supervise` | which tasks write to and read from which server |

use std::collections::{BTreeMap, BTreeSet};

use chive_shared::limits::MINUTE;
use chive_shared::server::ServerId;
use chive_shared::status::State;

use super::session::table::Peer;
use crate::api::types::{Presence, PresenceSource, Server, ServerState};
use crate::limits::TIMES;
use crate::model::{ContactId, OwnPresence, Reason, UnixMillis};
use crate::presence::PresenceUpdate;
use crate::rendezvous::ServerError;

pub(crate) mod others;
pub(crate) mod own;
pub(crate) mod plan;
pub(crate) mod supervise;

/// All servers that concern us, and what is shown of contacts.
pub(crate) struct Presences {
    servers: BTreeMap<ServerId, Known>,
    own: OwnPresence,
    /// Since when we are what our servers tell.
    since: UnixMillis,
    changed: bool,
}

#[derive(Default)]
struct Known {
    ours: bool,
    has_token: bool,
    /// How it took our last record, and how it could be read last.
    written: ServerOutcome,
    read: ServerOutcome,
    announced_at: Option<UnixMillis>,
    checked_at: Option<UnixMillis>,
    records: Option<u64>,
    /// The contacts who are looked for there.
    readers_of: BTreeSet<ContactId>,
    seen: BTreeMap<ContactId, PresenceUpdate>,
}

/// How something went with a server.
#[derive(Clone, PartialEq)]
pub(crate) struct ServerOutcome {
    state: ServerState,
    reason: Option<Reason>,
}

impl Default for ServerOutcome {
    fn default() -> Self {
        Self { state: ServerState::Starting, reason: None }
    }
}

impl ServerOutcome {
    fn good() -> Self {
        Self { state: ServerState::Reachable, reason: None }
    }

    fn failed(error: &ServerError) -> Self {
        tracing::debug!(%error, "a server did not do what it was asked");
        let state = match error {
            ServerError::Refused(_) | ServerError::WorkTooHigh(_) => ServerState::Refused,
            ServerError::Misbehavior(_) => ServerState::Untrusted,
            _ => ServerState::Unreachable,
        };
        Self { state, reason: Some(error.reason()) }
    }
}

impl Known {
    /// The worse of both: a server that takes our records may hide its board, and the reverse.
    fn outcome(&self) -> &ServerOutcome {
        std::cmp::max_by_key(&self.written, &self.read, |outcome| outcome.state)
    }

    fn state(&self) -> ServerState {
        self.outcome().state
    }

    fn view(&self) -> ServerView {
        let ServerOutcome { state, reason } = self.outcome().clone();
        ServerView {
            state,
            reason,
            announced_at: self.announced_at,
            checked_at: self.checked_at,
            records: self.records,
            has_token: self.has_token,
        }
    }
}

/// What readers see of a server.
#[derive(Clone)]
pub(crate) struct ServerView {
    state: ServerState,
    reason: Option<Reason>,
    announced_at: Option<UnixMillis>,
    checked_at: Option<UnixMillis>,
    records: Option<u64>,
    has_token: bool,
}

impl ServerView {
    /// A server that was not asked yet.
    pub(crate) fn starting(has_token: bool) -> Self {
        ServerView { has_token, ..Known::default().view() }
    }

    pub(crate) fn show(self, id: ServerId) -> Server {
        Server {
            address: id.to_address(),
            state: self.state,
            reason: self.reason,
            announced_at: self.announced_at.map(Into::into),
            checked_at: self.checked_at.map(Into::into),
            records: self.records,
            has_token: self.has_token,
        }
    }
}

/// What is known of a contact's presence, by links and by servers.
#[derive(Clone)]
pub(crate) struct OtherPresence {
    linked: bool,
    by_link: Presence,
    since: Option<UnixMillis>,
    update: Option<PresenceUpdate>,
    /// Why nothing else is known; nothing of somebody who is no contact yet.
    unknown: Option<Reason>,
}

/// Whether a contact is there, and how that is known.
pub(crate) struct ShownPresence {
    pub(crate) presence: Presence,
    pub(crate) source: Option<PresenceSource>,
    pub(crate) since: Option<UnixMillis>,
    pub(crate) reason: Option<Reason>,
}

impl OtherPresence {
    /// By the link, else by the newer of what a server shows and the link's end.
    pub(crate) fn at(&self, now: UnixMillis) -> ShownPresence {
        let unknown = |reason| ShownPresence {
            presence: Presence::Unknown,
            source: None,
            since: None,
            reason,
        };
        let by_link = |presence| ShownPresence {
            presence,
            source: Some(PresenceSource::Link),
            since: self.since,
            reason: None,
        };
        if self.linked {
            return by_link(Presence::Online);
        }

        let left = (self.by_link != Presence::Unknown).then_some(self.since).flatten();
        match &self.update {
            // A record tells the minute in which it was written.
            Some(update)
                if left.is_none_or(|left| update.written.saturating_add(MINUTE) > left.0) =>
            {
                if update.dies <= now.0 {
                    unknown(Some(Reason::PresenceExpired))
                } else {
                    by_server(update)
                }
            }
            _ if left.is_some() => by_link(Presence::Offline),
            _ => unknown(self.unknown.clone()),
        }
    }
}

fn by_server(update: &PresenceUpdate) -> ShownPresence {
    let presence = match update.status.state {
        State::Online => Presence::Online,
        State::Away => Presence::Away,
        State::Offline => Presence::Offline,
    };
    let since = Some(update.status.since).filter(|since| TIMES.contains(since)).map(UnixMillis);
    ShownPresence { presence, source: Some(PresenceSource::Server), since, reason: None }
}

impl Presences {
    pub(crate) fn new(own: OwnPresence, now: UnixMillis) -> Self {
        Self { servers: BTreeMap::new(), own, since: now, changed: true }
    }

    pub(crate) fn own(&self) -> OwnPresence {
        self.own
    }

    pub(crate) fn set_own(&mut self, own: OwnPresence, now: UnixMillis) {
        if std::mem::replace(&mut self.own, own) != own {
            self.since = now;
        }
    }

    /// Ours, and those of them that the last request reached.
    pub(crate) fn count_servers(&self) -> (usize, usize) {
        let ours = self.servers.values().filter(|known| known.ours);
        let reachable = ours.clone().filter(|known| known.state() == ServerState::Reachable);
        (ours.count(), reachable.count())
    }

    /// What readers see of all servers, if it has changed since the last call.
    pub(crate) fn changed_servers(&mut self) -> Option<BTreeMap<ServerId, ServerView>> {
        std::mem::take(&mut self.changed)
            .then(|| self.servers.iter().map(|(id, known)| (*id, known.view())).collect())
    }

    /// What is known of a contact.
    pub(crate) fn of(&self, contact: ContactId, peer: &Peer) -> OtherPresence {
        OtherPresence {
            // Between two links of which one was chosen, a contact stays online.
            linked: peer.presence == Presence::Online,
            by_link: peer.presence,
            since: peer.since,
            update: self.newest(contact).copied(),
            unknown: peer.facts.accepted.is_some().then(|| self.why_unknown(contact)),
        }
    }

    /// The newest that any server showed of a contact, dead or alive.
    fn newest(&self, contact: ContactId) -> Option<&PresenceUpdate> {
        let believed =
            self.servers.values().filter(|known| known.state() != ServerState::Untrusted);
        believed.filter_map(|known| known.seen.get(&contact)).max_by_key(|update| update.written)
    }

    fn why_unknown(&self, contact: ContactId) -> Reason {
        let mut at =
            self.servers.values().filter(|known| known.readers_of.contains(&contact)).peekable();
        if at.peek().is_none() {
            return Reason::PresenceWithoutServer;
        }
        if at.clone().any(|known| known.state() == ServerState::Reachable) {
            return Reason::PresenceWithoutRecord;
        }
        let cause =
            at.find_map(|known| known.outcome().reason.clone()).unwrap_or(Reason::ServerNotAsked);
        Reason::PresenceServer { cause: cause.boxed() }
    }
}

#[cfg(test)]
mod tests {
    use chive_shared::status::Status;

    use super::*;

    #[test]
    fn any_time_of_a_record_is_shown_without_a_panic() {
        for time in [i64::MIN, -1, 0, 1, i64::MAX] {
            let status = Status { state: State::Away, since: time, hint: None };
            let update =
                PresenceUpdate { contact: ContactId(7), status, written: time, dies: i64::MAX };
            let seen = OtherPresence {
                linked: false,
                by_link: Presence::Offline,
                since: Some(UnixMillis(0)),
                update: Some(update),
                unknown: None,
            };
            let newer = if time < 1 - MINUTE { Presence::Offline } else { Presence::Away };
            assert_eq!(seen.at(UnixMillis(time.saturating_sub(1))).presence, newer, "{time}");
        }
    }
}
