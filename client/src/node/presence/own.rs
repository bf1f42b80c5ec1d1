//! Our servers, and what we publish there: for all contacts, and for each contact who does not have
//! our newest card.

use std::collections::BTreeMap;
use std::sync::Arc;

use chive_shared::blinding::{PresenceKey, PresenceSecret};
use chive_shared::server::ServerId;
use chive_shared::status::{Hint, State};
use futures::FutureExt;

use super::plan::{PresencePlan, ServerPlan};
use super::{Presences, ServerView};
use crate::api::types::{self, ErrorCode, NewServer, Server, Status, What};
use crate::error::{NodeError, refuse};
use crate::identity::{PeerId, derive};
use crate::limits::{MAX_FORWARDS, MAX_READ_SERVERS, MAX_SERVERS, MAX_TOKEN};
use crate::model::{ContactStatus, OutboxKind, OwnPresence};
use crate::node::NodeHandle;
use crate::node::contacts::book::{own_card, revise_card};
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::node::find::parse_server;
use crate::presence::{Announcement, Subject};
use crate::rendezvous::writer::Announcements;
use crate::store::contacts::{self, ContactRow};
use crate::store::servers::{self, ServerRow};
use crate::store::{StoreError, outbox};

/// What the presence of one person is sealed with for one contact alone, until they have our newest
/// card.
const FORWARD_LABEL: &[u8] = b"chive/v1/forward";

impl NodeHandle {
    /// Publishes our presence at one more server.
    pub async fn add_server(&self, new: NewServer) -> Result<Server, NodeError> {
        self.call(move |core, cx| add_server(core, cx, new).boxed()).await
    }

    /// Publishes our presence at a server no longer.
    pub async fn remove_server(&self, address: &str) -> Result<(), NodeError> {
        let id = parse_server(address)?;
        self.call(move |_, cx| remove_server(cx, id).boxed()).await
    }

    /// What our servers tell of us from now on.
    pub async fn set_presence(&self, presence: types::OwnPresence) -> Result<Status, NodeError> {
        self.call(move |core, cx| set_presence(core, cx, presence.into()).boxed()).await?;
        self.status().await
    }
}

async fn add_server(core: &mut Core, cx: &mut Cx, new: NewServer) -> Result<Server, NodeError> {
    let id = parse_server(&new.address)?;
    let token = new.token.as_deref().map(str::trim).filter(|token| !token.is_empty());
    let is_bad =
        |token: &str| token.len() > MAX_TOKEN || token.bytes().any(|byte| !byte.is_ascii_graphic());
    if token.is_some_and(is_bad) {
        let detail = format!("a token has at most {MAX_TOKEN} printable characters");
        return refuse(ErrorCode::OutOfRange, detail);
    }
    if servers::all(&mut cx.tx).await?.len() >= MAX_SERVERS {
        return refuse(
            ErrorCode::OutOfRange,
            format!("a profile has at most {MAX_SERVERS} servers"),
        );
    }
    if !servers::add(&mut cx.tx, id, token, cx.now).await? {
        return refuse(
            ErrorCode::ServerKnown,
            "this server is one of yours already: `chive server list`",
        );
    }

    revise_card(cx).await?;
    let outcome =
        core.presences.servers.get(&id).map(|known| known.outcome().clone()).unwrap_or_default();
    core.reported.servers.is_news(id, outcome);
    let server = core.presences.once_ours(id, token.is_some()).show(id);
    cx.note(&What::Server { server: server.clone() }).await?;
    Ok(server)
}

async fn remove_server(cx: &mut Cx, id: ServerId) -> Result<(), NodeError> {
    if !servers::remove(&mut cx.tx, id).await? {
        return refuse(
            ErrorCode::UnknownServer,
            "this server is none of yours: `chive server list`",
        );
    }
    revise_card(cx).await?;
    Ok(())
}

async fn set_presence(
    core: &mut Core,
    cx: &mut Cx,
    presence: OwnPresence,
) -> Result<(), NodeError> {
    if presence != core.presences.own() {
        servers::set_own_presence(&mut cx.tx, presence).await?;
        core.presences.set_own(presence, cx.now);
        cx.fx.marks.presence = true;
    }
    Ok(())
}

/// Brings servers in line with ours, with our contacts and with our card.
pub(crate) async fn refresh(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    let ours: BTreeMap<ServerId, ServerRow> =
        servers::all(&mut cx.tx).await?.into_iter().map(|row| (row.id, row)).collect();
    let mut subjects = subjects(cx).await?;
    let announcements =
        if ours.is_empty() { None } else { Some(Arc::new(announcements(core, cx).await?)) };

    let ids: Vec<ServerId> = ours.keys().chain(subjects.keys()).copied().collect();
    let mut plan = PresencePlan { servers: BTreeMap::new() };
    for id in ids {
        let row = ours.get(&id);
        let server = ServerPlan {
            token: row.and_then(|row| row.token.clone()),
            announcements: announcements.clone().filter(|_| row.is_some()),
            subjects: subjects.remove(&id).unwrap_or_default(),
        };
        plan.servers.entry(id).or_insert(server);
    }
    core.presences.follow(&plan);
    for contact in core.sessions.contacts().collect::<Vec<_>>() {
        core.sessions.touch(contact);
    }
    cx.fx.push(Effect::Presence(plan));
    Ok(())
}

impl Presences {
    /// How a server is to be shown that becomes ours: contacts of ours may have it already.
    fn once_ours(&self, id: ServerId, has_token: bool) -> ServerView {
        let known = self.servers.get(&id);
        known.map_or_else(
            || ServerView::starting(has_token),
            |known| ServerView { has_token, ..known.view() },
        )
    }

    /// What was seen of contacts who are not looked for any more is forgotten.
    fn follow(&mut self, plan: &PresencePlan) {
        self.servers.retain(|id, _| plan.servers.contains_key(id));
        for (id, server) in &plan.servers {
            let known = self.servers.entry(*id).or_default();
            (known.ours, known.has_token) =
                (server.announcements.is_some(), server.token.is_some());
            if !known.ours {
                known.written = super::ServerOutcome::default();
            }
            known.readers_of = server.subjects.iter().map(|subject| subject.contact).collect();
            let readers_of = &known.readers_of;
            known.seen.retain(|contact, _| readers_of.contains(contact));
        }
        self.changed = true;
    }
}

/// Whom to look for, at which servers.
async fn subjects(cx: &mut Cx) -> Result<BTreeMap<ServerId, Vec<Subject>>, StoreError> {
    let mut all: BTreeMap<ServerId, Vec<Subject>> = BTreeMap::new();
    for row in contacts::all(&mut cx.tx).await? {
        let (Some(keys), Some(published)) = (row.keys()?, row.presence()?) else { continue };
        let Ok(key) = PresenceKey::from_bytes(&keys.identity.presence) else { continue };
        if row.blocked || row.state != ContactStatus::Accepted {
            continue;
        }
        for server in published.servers.into_iter().take(MAX_SERVERS) {
            if all.len() >= MAX_READ_SERVERS && !all.contains_key(&server) {
                continue;
            }
            let subjects = all.entry(server).or_default();
            for secret in [published.secret.clone(), forward(&keys.pair, row.peer_id)] {
                subjects.push(Subject { contact: row.id, key, secret });
            }
        }
    }

    Ok(all)
}

/// What our servers are to tell.
async fn announcements(core: &Core, cx: &mut Cx) -> Result<Announcements, StoreError> {
    let card = own_card(cx, None).await?;
    let state = match core.presences.own {
        OwnPresence::On => Some(State::Online),
        OwnPresence::Away => Some(State::Away),
        OwnPresence::Invisible => None,
    };
    let hint = card.onion().map(|onion| Hint { revision: card.revision, endpoint: onion.0 });
    let since = core.presences.since.0;
    let says = |secret| Announcement { secret, state, since, hint };

    let mut announcements = vec![says(PresenceSecret(card.presence_secret))];
    for row in uninformed(cx).await? {
        if let Some(keys) = row.keys()? {
            announcements.push(says(forward(&keys.pair, cx.own_id())));
        }
    }
    Ok(Announcements { announcements, last: false })
}

/// Contacts who may look for us where we are no longer.
async fn uninformed(cx: &mut Cx) -> Result<Vec<ContactRow>, StoreError> {
    let mut all = vec![];
    for row in contacts::all(&mut cx.tx).await? {
        let reads = row.state == ContactStatus::Accepted && !row.blocked && row.decoy.is_none();
        if reads
            && all.len() < MAX_FORWARDS
            && outbox::waits(&mut cx.tx, row.id, OutboxKind::Card).await?
        {
            all.push(row);
        }
    }
    Ok(all)
}

/// What the presence of `owner` is sealed with for the other of a pair alone.
fn forward(pair: &[u8; 32], owner: PeerId) -> PresenceSecret {
    PresenceSecret(*derive(pair, FORWARD_LABEL, &owner.0))
}

#[cfg(test)]
mod tests {
    use super::super::{Known, ServerOutcome};
    use super::*;
    use crate::api::types::ServerState;
    use crate::model::UnixMillis;

    #[test]
    fn a_server_that_contacts_use_is_shown_as_it_is_once_it_is_ours() {
        let (read, other) = (ServerId([1; 32]), ServerId([2; 32]));
        let mut presences = Presences::new(OwnPresence::On, UnixMillis(0));
        presences.servers.insert(read, Known { read: ServerOutcome::good(), ..Known::default() });

        let state = |id| presences.once_ours(id, false).show(id).state;
        assert_eq!((state(read), state(other)), (ServerState::Reachable, ServerState::Starting));
        assert!(presences.once_ours(read, true).show(read).has_token);
    }
}
