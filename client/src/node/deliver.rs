//! What goes out: the outbox is sealed when it first meets a link, handed over in order, and handed
//! over again, the same bytes, until its receipt comes.

use tokio::time::Instant;

use super::actor::Node;
use super::events;
use super::peer::Peer;
use crate::limits::{MAX_SEEN, RESEND_AFTER};
use crate::model::{ContactId, OutboxId, OutboxKind};
use crate::store::contacts;
use crate::store::messages::{self, Expired, OutboxRow};
use crate::store::{StoreError, Tx, conversations};
use crate::wire::card::Card;
use crate::wire::frame::Frame;
use crate::wire::message::{Content, MessageId, Text};
use chive_mls::Conversation;

/// Outbox rows sealed in one transaction.
const BATCH: u32 = 8;
/// Our keys of a conversation are replaced after so many sealed messages, receipts among them.
pub const UPDATE_AFTER: u32 = 100;

impl Node {
    /// Hands over what waits, as far as there is room on the link.
    ///
    /// What was accepted is in the store, whatever happens here: a failure is logged, and the next
    /// tick tries again.
    pub(super) async fn pump(&mut self, contact: ContactId) {
        if let Err(error) = self.try_pump(contact).await {
            tracing::error!(%error, "what waits for a contact could not be handed over");
        }
    }

    async fn try_pump(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let ready = |peer: &&Peer| !peer.is_beginning();
        while let Some(live) = self.peers.get(&contact).filter(ready).and_then(|peer| peer.link.as_ref()) {
            let cursor = live.cursor;
            if !live.has_room() {
                break;
            }
            let tx = self.store.begin().await?;
            if self.hand_over_batch(tx, contact, cursor).await? < BATCH as usize {
                break;
            }
        }
        self.refresh_waiting(contact).await
    }

    /// Commits what was just put into the outbox, and hands it over if there is a link: sealed in the
    /// same transaction.
    pub(super) async fn commit_and_pump(&mut self, tx: Tx, contact: ContactId) -> Result<(), StoreError> {
        let ready = |peer: &&Peer| !peer.is_beginning();
        let live = self.peers.get(&contact).filter(ready).and_then(|peer| peer.link.as_ref());
        let Some(cursor) = live.filter(|live| live.has_room()).map(|live| live.cursor) else {
            return self.commit(tx).await;
        };
        if self.hand_over_batch(tx, contact, cursor).await? == BATCH as usize {
            self.pump(contact).await;
        }
        Ok(())
    }

    /// Seals what waits after a row, commits, and hands it over: how many there were.
    async fn hand_over_batch(&mut self, mut tx: Tx, contact: ContactId, cursor: OutboxId) -> Result<usize, StoreError> {
        let rows = messages::outbox(&mut tx, contact, cursor, BATCH).await?;
        if rows.is_empty() {
            self.commit(tx).await?;
            return Ok(0);
        }
        let count = rows.len();
        let envelopes = self.seal_batch(tx, contact, rows).await?;
        let Some(live) = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut()) else { return Ok(0) };
        for (row, envelope) in envelopes {
            let size = envelope.len();
            if !live.has_room() || !live.sender.send(Frame::Envelope(envelope), Some(row)) {
                return Ok(0);
            }
            live.in_flight.insert(row, (size, None));
            live.cursor = row;
        }
        Ok(count)
    }

    /// The envelopes of these rows; those without one get it now, with the state that made it.
    async fn seal_batch(
        &mut self,
        mut tx: Tx,
        contact: ContactId,
        rows: Vec<OutboxRow>,
    ) -> Result<Vec<(OutboxId, Vec<u8>)>, StoreError> {
        let unsealed = u32::try_from(rows.iter().filter(|row| row.envelope.is_none()).count()).unwrap_or(0);
        let mut conversation = match unsealed {
            0 => None,
            _ => Some(self.take_conversation(&mut tx, contact).await?),
        };
        let mut envelopes = Vec::with_capacity(rows.len());
        for row in rows {
            let envelope = match (&row.envelope, &mut conversation) {
                (Some(envelope), _) => envelope.clone(),
                (None, Some(conversation)) => self.seal_row(&mut tx, contact, conversation, &row).await?,
                (None, None) => return Err(StoreError::broken("the outbox")),
            };
            envelopes.push((row.id, envelope));
        }
        if let Some(conversation) = &conversation {
            let state = conversation.save()?;
            conversations::save(&mut tx, contact, &state, unsealed).await?;
        }
        self.commit(tx).await?;
        if let Some(conversation) = conversation {
            self.keep_conversation(contact, conversation);
        }
        Ok(envelopes)
    }

    async fn seal_row(
        &mut self,
        tx: &mut Tx,
        contact: ContactId,
        conversation: &mut Conversation,
        row: &OutboxRow,
    ) -> Result<Vec<u8>, StoreError> {
        let item = row.item;
        let content = match (row.kind, &row.body) {
            (OutboxKind::Message, _) => text_of(tx, contact, item).await?,
            (OutboxKind::Settings | OutboxKind::Read, Some(body)) => Content::from_bytes(body).ok(),
            (OutboxKind::Card, Some(body)) => Card::from_bytes(body).ok().map(|card| Content::Card { id: item, card }),
            _ => None,
        };
        let Some(content) = content else { return Err(StoreError::broken("the outbox")) };
        let mls = conversation.seal(&content.to_bytes())?;
        let envelope = self.envelope(contact, &mls).ok_or(StoreError::broken("a message of impossible size"))?;
        messages::set_envelope(tx, row.id, &envelope).await?;
        Ok(envelope)
    }

    fn envelope(&mut self, contact: ContactId, mls: &[u8]) -> Option<Vec<u8>> {
        let accepted = self.peers.get(&contact)?.accepted.as_ref()?;
        let sealed = accepted.seal.seal(mls, &mut self.rng);
        sealed.inspect_err(|error| tracing::error!(%error, "a message could not be sealed")).ok()
    }

    /// A link has taken an outbox row.
    pub(super) async fn flushed(&mut self, contact: ContactId, outbox: OutboxId) -> Result<(), StoreError> {
        let live = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut());
        if let Some((_, taken)) = live.and_then(|live| live.in_flight.get_mut(&outbox)) {
            *taken = Some(Instant::now());
        }
        let (mut tx, now) = (self.store.begin().await?, self.clock.now());
        if let Some(message) = messages::mark_sent(&mut tx, outbox, now).await? {
            events::note_message(&mut tx, message, now).await?;
            self.commit(tx).await?;
        }
        Ok(())
    }

    /// What a live link took long ago and has no receipt is handed over again, once all of it was
    /// taken; and what waits beside an idle link is handed over.
    pub(super) async fn resend(&mut self) {
        let mut due = vec![];
        for (contact, peer) in &mut self.peers {
            let Some(live) = &mut peer.link else { continue };
            let late = |taken: &Option<Instant>| taken.is_some_and(|at| at.elapsed() > RESEND_AFTER);
            let all_taken = live.in_flight.values().all(|(_, taken)| taken.is_some());
            if all_taken && live.in_flight.values().any(|(_, taken)| late(taken)) {
                live.in_flight.clear();
                live.cursor = OutboxId(0);
            }
            if peer.waiting && live.in_flight.is_empty() {
                due.push(*contact);
            }
        }
        for contact in due {
            self.pump(contact).await;
        }
    }

    /// Gives up what was not delivered in its time.
    pub(super) async fn expire(&mut self) -> Result<(), StoreError> {
        let (mut tx, now) = (self.store.begin().await?, self.clock.now());
        let expired = messages::expire(&mut tx, now).await?;
        if expired.is_empty() {
            return Ok(());
        }
        for Expired { message, .. } in &expired {
            events::note_message(&mut tx, *message, now).await?;
        }
        self.commit(tx).await?;
        for Expired { contact, outbox, .. } in expired {
            if let Some(live) = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut()) {
                outbox.and_then(|row| live.in_flight.remove(&row));
            }
            self.refresh_waiting(contact).await?;
        }
        Ok(())
    }

    /// Replaces our keys in conversations where it is our turn and time.
    pub(super) async fn update_keys(&mut self) {
        let due = async {
            let mut tx = self.store.begin().await?;
            conversations::due(&mut tx, self.clock.now(), self.update_after).await
        };
        let due = due.await.inspect_err(|error| tracing::error!(%error, "the conversations could not be read"));
        let is_linked = |contact: &ContactId| self.peers.get(contact).is_some_and(|peer| peer.link.is_some());
        let due: Vec<ContactId> = due.unwrap_or_default().into_iter().filter(is_linked).collect();
        for contact in due {
            if let Err(error) = self.update_keys_with(contact).await {
                tracing::error!(%error, "our keys of a conversation could not be replaced");
            }
        }
    }

    async fn update_keys_with(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let mut conversation = self.take_conversation(&mut tx, contact).await?;
        if !conversation.may_commit() {
            self.keep_conversation(contact, conversation);
            return Ok(());
        }
        let epoch = conversation.epoch();
        let commit = conversation.commit()?;
        let Some(envelope) = self.envelope(contact, &commit) else { return Ok(()) };
        let state = conversation.save()?;
        conversations::save(&mut tx, contact, &state, 0).await?;
        messages::put(&mut tx, contact, OutboxKind::Commit, commit_item(epoch), None, Some(&envelope)).await?;
        self.commit(tx).await?;
        self.keep_conversation(contact, conversation);
        self.pump(contact).await;
        Ok(())
    }

    /// Whether anything waits for the contact decides how often it is dialled.
    pub(super) async fn refresh_waiting(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let peer = self.peers.get_mut(&contact);
        if let Some(peer) = peer.filter(|peer| peer.link.as_ref().is_some_and(|live| !live.in_flight.is_empty())) {
            peer.waiting = true;
            return Ok(());
        }
        let mut tx = self.store.begin().await?;
        let waits = messages::anything_waits(&mut tx, contact).await?;
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.waiting = waits || peer.is_beginning();
        }
        Ok(())
    }
}

/// What the outbox calls the commit of an epoch: never the id of a message.
fn commit_item(epoch: u64) -> MessageId {
    let mut item = [0; 16];
    item[8..].copy_from_slice(&epoch.to_be_bytes());
    MessageId(item)
}

/// A message gets its number when it is sealed, so that one taken back before leaves no gap.
async fn text_of(tx: &mut Tx, contact: ContactId, id: MessageId) -> Result<Option<Content>, StoreError> {
    let (Some(message), Some(row)) = (messages::ours(tx, contact, id).await?, contacts::by_id(tx, contact).await?)
    else {
        return Ok(None);
    };
    let counter = message.counter.unwrap_or(row.next_counter);
    if message.counter.is_none() {
        messages::number(tx, message.row, contact, counter).await?;
    }
    Ok(Some(Content::Text(Text {
        id,
        counter: counter.cast_unsigned(),
        clock: message.clock.cast_unsigned(),
        created_at: message.created_at.0,
        seen: messages::newest_of(tx, contact, u32::try_from(MAX_SEEN).unwrap_or(0)).await?,
        disappear_after: message.disappear_after.map(i64::cast_unsigned),
        text: message.text,
    })))
}
