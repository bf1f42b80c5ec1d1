//! Reads of the local API: they use the store and the view, and never wait for the node.

use std::collections::HashMap;

use tokio::time::Instant;

use super::find::{find_contact, find_heading, parse_id, unknown_message};
use super::handle::NodeHandle;
use super::presence::ServerView;
use super::view::{NodeView, PeerView};
use crate::api::types::{
    Contact, ContactState, Conversation, ErrorCode, Event, Handle, Invitation, Message, Request,
    Search, Server, ServiceState, Status, TorStatus, What,
};
use crate::error::{NodeError, internal, refuse};
use crate::identity::safety_number;
use crate::limits::MAX_SEARCH;
use crate::model::{ContactId, ContactStatus, ConversationId, EventSeq, MessageRowId, Reason};
use crate::store::contacts::ContactRow;
use crate::store::conversations::Heading;
use crate::store::events::{EventRow, Kind};
use crate::store::messages::MessageRow;
use crate::store::{
    Tx, contacts, conversations, events, handles, invitations, messages, outbox, servers, settings,
};
use crate::transport::{NetworkStatus, Reachability, ServicesStatus};

impl NodeHandle {
    /// The state of the node: Tor, services, counts, presence.
    pub async fn status(&self) -> Result<Status, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let waiting = outbox::waiting_of_all(&mut tx).await?.values().sum();
            let requests = handles::count_waiting(&mut tx).await?;
            drop(tx);

            let node = self.node_view()?;
            let (servers, servers_reachable) = node.servers;
            Ok(Status {
                version: env!("CARGO_PKG_VERSION").into(),
                name: node.name,
                started_at: self.view.started_at().into(),
                tor: tor_status(&node.network),
                front_door: service_state(node.services.requests),
                endpoint: service_state(node.services.contacts),
                contacts: count(node.contacts),
                online: count(node.linked),
                waiting,
                presence: node.own_presence.into(),
                servers: count(servers),
                servers_reachable: count(servers_reachable),
                requests,
                last_event: *self.newest.borrow(),
            })
        })
        .await
    }

    /// Every contact, in the order of their names.
    pub async fn contacts(&self) -> Result<Vec<Contact>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            contacts::all(&mut tx).await?.iter().map(|row| self.show_contact(row)).collect()
        })
        .await
    }

    /// One contact. `who`: a name, or an unambiguous beginning (8 digits or more) of an id.
    pub async fn contact(&self, who: &str) -> Result<Contact, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let row = find_contact(&mut tx, who).await?;
            self.show_contact(&row)
        })
        .await
    }

    pub(crate) async fn contact_by_id(&self, contact: ContactId) -> Result<Contact, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            match contacts::by_id(&mut tx, contact).await? {
                Some(row) => self.show_contact(&row),
                None => refuse(ErrorCode::UnknownContact, "the contact was removed meanwhile"),
            }
        })
        .await
    }

    /// Every conversation, in the order in which they began here.
    pub async fn conversations(&self) -> Result<Vec<Conversation>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let mut contacts: HashMap<ConversationId, ContactRow> = contacts::all(&mut tx)
                .await?
                .into_iter()
                .map(|row| (row.conversation, row))
                .collect();
            let mut settings = settings::load_all(&mut tx).await?;
            let waiting = outbox::waiting_of_all(&mut tx).await?;
            let unread = messages::unread_of_all(&mut tx).await?;
            let mut newest: HashMap<ConversationId, MessageRow> = messages::newest_of_all(&mut tx)
                .await?
                .into_iter()
                .map(|row| (row.conversation, row))
                .collect();

            let mut shown = vec![];
            for row in conversations::all(&mut tx).await? {
                let (Some(with), Some(settings)) =
                    (contacts.remove(&row.id), settings.remove(&row.id))
                else {
                    continue;
                };
                let number =
                    |all: &HashMap<ConversationId, u32>| all.get(&row.id).copied().unwrap_or(0);
                let newest = newest
                    .remove(&row.id)
                    .map(|message| self.show_message(&message, &with.heading()));
                shown.push(Conversation {
                    newest,
                    ..row.show(&with, &settings, number(&waiting), number(&unread))
                });
            }
            Ok(shown)
        })
        .await
    }

    /// One conversation: by its id; or, for a direct one, as the contact is found.
    pub async fn conversation(&self, which: &str) -> Result<Conversation, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let within = find_heading(&mut tx, which).await?;
            self.read_conversation(&mut tx, within.conversation)
                .await?
                .map_or_else(removed_meanwhile, Ok)
        })
        .await
    }

    pub(crate) async fn conversation_in_row(
        &self,
        row: ConversationId,
    ) -> Result<Conversation, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            self.read_conversation(&mut tx, row).await?.map_or_else(removed_meanwhile, Ok)
        })
        .await
    }

    /// `None` if it was removed.
    async fn read_conversation(
        &self,
        tx: &mut Tx,
        id: ConversationId,
    ) -> Result<Option<Conversation>, NodeError> {
        let row = conversations::by_id(tx, id).await?;
        let (Some(row), Some(with)) = (row, contacts::by_conversation(tx, id).await?) else {
            return Ok(None);
        };
        let settings = settings::load(tx, id).await?;
        let waiting = outbox::waiting(tx, id).await?;
        let unread = messages::unread(tx, id).await?;
        let newest = messages::newest(tx, id)
            .await?
            .map(|message| self.show_message(&message, &with.heading()));
        Ok(Some(Conversation { newest, ..row.show(&with, &settings, waiting, unread) }))
    }

    /// Oldest first, at most `limit`, those just before the message `before` (or the newest).
    pub async fn history(
        &self,
        which: &str,
        limit: u32,
        before: Option<&str>,
    ) -> Result<Vec<Message>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let within = find_heading(&mut tx, which).await?;
            let before = match before {
                None => None,
                Some(id) => {
                    match messages::in_conversation(&mut tx, within.conversation, parse_id(id)?)
                        .await?
                    {
                        Some(row) => Some(messages::Position { clock: row.clock, id: row.id }),
                        None => return unknown_message(),
                    }
                }
            };
            let rows = messages::history(&mut tx, within.conversation, limit, before).await?;

            Ok(rows.iter().map(|row| self.show_message(row, &within)).collect())
        })
        .await
    }

    /// Messages with all the words that are searched for, newest first.
    pub async fn search(&self, search: Search) -> Result<Vec<Message>, NodeError> {
        self.read(async {
            if search.text.trim().is_empty() || search.text.len() > MAX_SEARCH {
                return refuse(
                    ErrorCode::InvalidText,
                    format!("search for 1 to {MAX_SEARCH} bytes of text"),
                );
            }

            let mut tx = self.store.begin().await?;
            let within = match &search.conversation {
                Some(which) => Some(find_heading(&mut tx, which).await?.conversation),
                None => None,
            };
            let before = match &search.before {
                None => None,
                Some(id) => match messages::by_id(&mut tx, parse_id(id)?).await? {
                    Some(row) => Some(row.row),
                    None => return unknown_message(),
                },
            };
            let found =
                messages::search(&mut tx, &search.text, within, search.limit, before).await?;

            Ok(found
                .iter()
                .map(|found| self.show_message(&found.message, &found.heading))
                .collect())
        })
        .await
    }

    /// One message by its id.
    pub async fn message(&self, id: &str) -> Result<Message, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let row = messages::by_id(&mut tx, parse_id(id)?).await?;
            self.read_message(&mut tx, row).await?.map_or_else(unknown_message, Ok)
        })
        .await
    }

    pub(crate) async fn message_in_row(&self, row: MessageRowId) -> Result<Message, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let row = messages::by_row(&mut tx, row).await?;
            self.read_message(&mut tx, row).await?.map_or_else(unknown_message, Ok)
        })
        .await
    }

    /// All invitations that are remembered.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let now = self.clock.now();
            Ok(invitations::all(&mut tx).await?.iter().map(|row| row.show(now)).collect())
        })
        .await
    }

    /// The presence servers of ours.
    pub async fn servers(&self) -> Result<Vec<Server>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            let rows = servers::all(&mut tx).await?;
            let view = |row: &servers::ServerRow| {
                self.view
                    .server(row.id)
                    .unwrap_or_else(|| ServerView::starting(row.token.is_some()))
            };
            Ok(rows.iter().map(|row| view(row).show(row.id)).collect())
        })
        .await
    }

    /// Every handle of ours, with what its server says of it.
    pub async fn handles(&self) -> Result<Vec<Handle>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            Ok(handles::all(&mut tx).await?.iter().map(handles::HandleRow::show).collect())
        })
        .await
    }

    /// Requests of people who found us by a handle and wait for our answer; oldest first.
    pub async fn requests(&self) -> Result<Vec<Request>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            Ok(handles::waiting(&mut tx)
                .await?
                .iter()
                .map(handles::HandleRequestRow::show)
                .collect())
        })
        .await
    }

    fn node_view(&self) -> Result<NodeView, NodeError> {
        self.view.node().ok_or_else(|| internal(&"the node has not begun"))
    }
}

/// Events: kept with what happened, read as things are now.
impl NodeHandle {
    /// Events after a cursor, oldest first, at most `limit`. `CursorExpired` when some are gone.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, NodeError> {
        self.read(async {
            let newest = EventSeq(*self.newest.borrow());
            let after = EventSeq(after);
            if after == newest {
                return Ok(vec![]);
            }
            let mut tx = self.store.begin().await?;
            let newest = events::newest(&mut tx).await?;
            let first_kept = events::oldest(&mut tx).await?.unwrap_or(EventSeq(newest.0 + 1));
            if after > newest || (after < newest && after.0 + 1 < first_kept.0) {
                let detail = "there are no events right after this cursor any more, or not yet: \
                             read the contacts and \
                              the history, then go on from the newest event";
                return refuse(ErrorCode::CursorExpired, detail);
            }

            let (mut shown, mut after) = (vec![], after);
            // A page that is empty says that there is nothing more: go past what is gone since.
            while shown.is_empty() {
                let rows = events::after(&mut tx, after, limit).await?;
                let Some(last) = rows.last() else { break };
                after = last.seq;
                for row in rows {
                    let (seq, at) = (row.seq, row.at);
                    let what = self.what(&mut tx, row).await?;
                    shown.extend(what.map(|what| Event { seq: seq.0, at: at.into(), what }));
                }
            }
            Ok(shown)
        })
        .await
    }

    /// `None` for what is gone since.
    async fn what(&self, tx: &mut Tx, row: EventRow) -> Result<Option<What>, NodeError> {
        let subject = row.subject.unwrap_or_default();
        Ok(match row.kind {
            Kind::Message => {
                let row = messages::by_row(tx, MessageRowId(subject)).await?;
                self.read_message(tx, row).await?.map(|message| What::Message { message })
            }
            Kind::Contact => match contacts::by_id(tx, ContactId(subject)).await? {
                Some(row) => Some(What::Contact { contact: self.show_contact(&row)? }),
                None => None,
            },
            Kind::Conversation => {
                let conversation = self.read_conversation(tx, ConversationId(subject)).await?;
                conversation.map(|conversation| What::Conversation { conversation })
            }
            Kind::Other => {
                let body = row.body.unwrap_or_default();
                Some(serde_json::from_str(&body).map_err(|error| internal(&error))?)
            }
        })
    }
}

impl NodeHandle {
    /// Each with the heading of its conversation.
    async fn read_messages(
        &self,
        tx: &mut Tx,
        rows: &[MessageRow],
    ) -> Result<Vec<Message>, NodeError> {
        let conversations = rows.iter().map(|row| row.conversation).collect();
        let headings = conversations::headings(tx, &conversations).await?;
        let shown = rows
            .iter()
            .filter_map(|row| Some(self.show_message(row, headings.get(&row.conversation)?)));
        Ok(shown.collect())
    }

    async fn read_message(
        &self,
        tx: &mut Tx,
        row: Option<MessageRow>,
    ) -> Result<Option<Message>, NodeError> {
        Ok(self.read_messages(tx, row.as_slice()).await?.pop())
    }

    fn show_message(&self, row: &MessageRow, within: &Heading) -> Message {
        row.show(within, |contact| self.view.why_waiting(contact, Instant::now()))
    }

    fn show_contact(&self, row: &ContactRow) -> Result<Contact, NodeError> {
        let peer = self.view.peer(row.id);
        let (state, reason) = self.state_of(row, peer.as_ref());
        let presence = peer.map(|peer| peer.presence.at(self.clock.now()));
        let own = self.node_view()?.own;
        let id = row.peer_id;
        let is_known = row.keys()?.is_some();

        Ok(Contact {
            id: id.to_hex(),
            name: row.name.clone(),
            shared_name: row.shared_name.clone(),
            state,
            reason,
            presence: presence
                .as_ref()
                .map_or(crate::api::types::Presence::Unknown, |shown| shown.presence),
            presence_source: presence.as_ref().and_then(|shown| shown.source),
            since: presence.as_ref().and_then(|shown| shown.since).map(Into::into),
            presence_reason: presence.and_then(|shown| shown.reason),
            presence_hidden: row.decoy.is_some(),
            verified: row.verified,
            safety_number: is_known.then(|| safety_number(own, id)),
            conversation: row.public_id.to_hex(),
            created_at: row.created_at.into(),
        })
    }

    fn state_of(
        &self,
        row: &ContactRow,
        peer: Option<&PeerView>,
    ) -> (ContactState, Option<Reason>) {
        let why_waiting = || self.view.why_waiting(row.id, Instant::now());
        match (row.state, row.blocked) {
            (_, true) => (ContactState::Blocked, None),
            (ContactStatus::Requested, _) => (ContactState::Requested, Some(why_waiting())),
            (ContactStatus::Refused, _) => (ContactState::Refused, row.refusal.clone()),
            (ContactStatus::Accepted, _) => {
                let is_away = peer.is_some_and(PeerView::is_away);
                (ContactState::Accepted, is_away.then(why_waiting))
            }
        }
    }
}

fn removed_meanwhile<T>() -> Result<T, NodeError> {
    refuse(ErrorCode::UnknownConversation, "the conversation was removed meanwhile")
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

pub(crate) fn tor_status(network: &NetworkStatus) -> TorStatus {
    let NetworkStatus { ready, percent, summary, stalled } = network.clone();
    TorStatus { ready, percent, summary, stalled }
}

pub(crate) fn services_changed(services: ServicesStatus) -> What {
    What::Doors {
        front_door: service_state(services.requests),
        endpoint: service_state(services.contacts),
    }
}

fn service_state(state: Reachability) -> ServiceState {
    match state {
        Reachability::Closed => ServiceState::Closed,
        Reachability::Starting => ServiceState::Starting,
        Reachability::Reachable => ServiceState::Reachable,
        Reachability::Unreachable => ServiceState::Unreachable,
    }
}
