//! What comes in: envelopes are opened, stored and receipted, in one transaction each.

use std::collections::VecDeque;

use sha2::{Digest, Sha256};

use super::actor::Node;
use super::events;
use crate::limits::{MAX_CLOCK_STEP, MAX_HELD};
use crate::model::{ContactId, OutboxId, OutboxKind, UnixMillis};
use crate::store::contacts;
use crate::store::conversations::Before;
use crate::store::messages::{self, Finished, Receipted};
use crate::store::{StoreError, Tx, conversations, terms};
use crate::wire::frame::Frame;
use crate::wire::message::{Content, MessageId, Text};
use chive_mls::{Conversation, MlsError, Opened};

/// Names an envelope, or a request: SHA-256, first 16 bytes.
pub(super) fn digest(envelope: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(envelope)[..16]);
    short
}

/// What an opened envelope leaves to do once it is stored.
#[derive(Default)]
struct Outcome {
    /// Contents to seal and hand to the link.
    answers: Vec<Content>,
    /// An MLS message, sealed already, to hand to the link.
    sealed: Option<Vec<u8>>,
    /// Outbox rows that are finished.
    finished: Vec<OutboxId>,
    /// A new epoch began: what was held can be tried again.
    retry: Vec<Vec<u8>>,
    /// The contact's card changed.
    card: bool,
    /// The contact has ours.
    card_told: bool,
}

impl Outcome {
    fn answer(item: MessageId) -> Self {
        Self { answers: vec![Content::Receipt(vec![item])], ..Self::default() }
    }
}

impl Node {
    /// Takes one envelope of a contact.
    pub(super) async fn receive(&mut self, contact: ContactId, envelope: &[u8]) -> Result<(), StoreError> {
        let mut queue = VecDeque::from([envelope.to_vec()]);
        while let Some(envelope) = queue.pop_front() {
            let Some(peer) = self.peers.get(&contact).filter(|peer| peer.is_wanted()) else { return Ok(()) };
            let Some(accepted) = &peer.accepted else { return Ok(()) };
            if peer.is_beginning() {
                tracing::debug!("an envelope of a conversation that is to begin afresh");
                return Ok(());
            }
            match accepted.open.open(&envelope) {
                Ok(mls) => queue.extend(self.receive_mls(contact, &envelope, &mls).await?),
                Err(error) => {
                    tracing::warn!(%error, "an envelope does not open");
                    self.complain(contact).await?;
                }
            }
        }
        self.pump(contact).await;
        Ok(())
    }

    async fn receive_mls(
        &mut self,
        contact: ContactId,
        envelope: &[u8],
        mls: &[u8],
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let digest = digest(envelope);
        let mut tx = self.store.begin().await?;
        let mut conversation = self.take_conversation(&mut tx, contact).await?;
        let outcome = match conversations::received(&mut tx, contact, &digest).await? {
            Some(Before::Item(item)) => Outcome::answer(item),
            Some(Before::Unusable) => Outcome::default(),
            None => match conversation.open(mls, |epoch| Content::CommitReceipt { epoch }.to_bytes()) {
                Ok(Opened::Content(content)) => {
                    self.take_content(&mut tx, contact, &mut conversation, &content, &digest).await?
                }
                Ok(Opened::Commit { epoch, receipt }) => {
                    conversations::keep_commit_receipt(&mut tx, contact, epoch, &receipt).await?;
                    begin_epoch(&mut tx, contact, Some(receipt), self.clock.now()).await?
                }
                Err(MlsError::LaterEpoch) => {
                    conversations::hold(&mut tx, contact, &digest, envelope, MAX_HELD).await?;
                    Outcome::default()
                }
                Err(MlsError::OtherGroup) => {
                    tracing::debug!("an envelope of a conversation that has begun afresh");
                    self.keep_conversation(contact, conversation);
                    return Ok(vec![]);
                }
                Err(MlsError::StaleCommit(epoch)) => repeat_commit_receipt(&mut tx, contact, epoch).await?,
                Err(error) => {
                    tracing::warn!(%error, "a message does not open");
                    drop(tx);
                    self.complain(contact).await?;
                    return Ok(vec![]);
                }
            },
        };
        self.conclude(tx, contact, conversation, outcome).await
    }

    /// Seals the answers, stores everything, then hands over and shows.
    async fn conclude(
        &mut self,
        mut tx: Tx,
        contact: ContactId,
        mut conversation: Conversation,
        outcome: Outcome,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let sealed = outcome.answers.iter().map(|content| conversation.seal(&content.to_bytes()));
        let mut answers = sealed.collect::<Result<Vec<_>, _>>()?;
        let state = conversation.save()?;
        conversations::save(&mut tx, contact, &state, u32::try_from(answers.len()).unwrap_or(0)).await?;
        self.commit(tx).await?;
        answers.extend(outcome.sealed);
        self.keep_conversation(contact, conversation);
        self.hand_over_unkept(contact, &answers);
        self.finish_rows(contact, &outcome.finished);
        if outcome.card {
            self.reload(contact).await?;
        }
        if outcome.card || outcome.card_told {
            self.refresh_servers().await?;
        }
        Ok(outcome.retry)
    }

    async fn take_content(
        &mut self,
        tx: &mut Tx,
        contact: ContactId,
        conversation: &mut Conversation,
        content: &[u8],
        digest: &[u8],
    ) -> Result<Outcome, StoreError> {
        let now = self.clock.now();
        // What opens was sealed by somebody who has joined.
        conversations::forget_acceptance(tx, contact).await?;
        let content = match Content::from_bytes(content) {
            Ok(content) => content,
            Err(error) => {
                tracing::warn!(%error, "a content cannot be read");
                return unusable(tx, contact, digest).await;
            }
        };
        match content {
            Content::Text(text) => take_text(tx, contact, text, digest, now).await,
            Content::Receipt(items) => take_receipts(tx, contact, &items, now).await,
            Content::CommitReceipt { epoch } => {
                if !conversation.commit_receipted(epoch)? {
                    return Ok(Outcome::default());
                }
                let finished = messages::finish_commit(tx, contact).await?;
                Ok(Outcome { finished: finished.into_iter().collect(), ..begin_epoch(tx, contact, None, now).await? })
            }
            Content::Card { id, card } => {
                conversations::remember_received(tx, contact, digest, id).await?;
                let is_news = contacts::take_card(tx, contact, &card).await?;
                if is_news {
                    self.rename_as_card(tx, contact, &card).await?;
                    events::note_contact(tx, contact, now).await?;
                }
                Ok(Outcome { card: is_news, ..Outcome::answer(id) })
            }
            Content::Terms { id, terms: theirs } => {
                conversations::remember_received(tx, contact, digest, id).await?;
                if terms::take(tx, contact, &theirs).await? {
                    events::note_contact(tx, contact, now).await?;
                }
                Ok(Outcome::answer(id))
            }
            Content::Read { id, items } => take_read(tx, contact, id, &items, digest, now).await,
            Content::Unknown { id: Some(id) } => {
                conversations::remember_received(tx, contact, digest, id).await?;
                Ok(Outcome::answer(id))
            }
            Content::Unknown { id: None } => Ok(Outcome::default()),
        }
    }

    /// The conversation from memory or from the store. Whoever changes it puts it back once the
    /// change is stored; if that fails, the next one reads the store.
    pub(super) async fn take_conversation(
        &mut self,
        tx: &mut Tx,
        contact: ContactId,
    ) -> Result<Conversation, StoreError> {
        if let Some(conversation) = self.peers.get_mut(&contact).and_then(|peer| peer.conversation.take()) {
            return Ok(conversation);
        }
        let row = conversations::load(tx, contact).await?.ok_or(StoreError::broken("a conversation is missing"))?;
        Ok(Conversation::load(&row.mls)?)
    }

    pub(super) fn keep_conversation(&mut self, contact: ContactId, conversation: Conversation) {
        if let Some(peer) = self.peers.get_mut(&contact).filter(|peer| peer.link.is_some()) {
            peer.conversation = Some(conversation);
        }
    }

    /// Hands over what is made again when it is lost: receipts. One that finds no place ends the link, so that none
    /// overtakes it: over the next link, the contact repeats all that has no receipt.
    fn hand_over_unkept(&mut self, contact: ContactId, mls: &[Vec<u8>]) {
        let Some(peer) = self.peers.get(&contact) else { return };
        let (Some(accepted), Some(live)) = (&peer.accepted, &peer.link) else { return };
        for message in mls {
            let envelope = accepted.seal.seal(message, &mut self.rng);
            if !envelope.is_ok_and(|envelope| live.sender.send(Frame::Envelope(envelope), None)) {
                live.sender.cancel.cancel();
            }
        }
    }

    fn finish_rows(&mut self, contact: ContactId, rows: &[OutboxId]) {
        if let Some(live) = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut()) {
            live.in_flight.retain(|row, _| !rows.contains(row));
        }
    }
}

async fn take_text(
    tx: &mut Tx,
    contact: ContactId,
    text: Text,
    digest: &[u8],
    now: UnixMillis,
) -> Result<Outcome, StoreError> {
    let Some(row) = contacts::by_id(tx, contact).await? else { return Ok(Outcome::default()) };
    // A clock from the far future would push every later message to the end of all numbers.
    let limit = row.clock.cast_unsigned().saturating_add(MAX_CLOCK_STEP);
    if text.clock > limit || text.counter == 0 || text.counter > i64::MAX.cast_unsigned() {
        tracing::warn!("a message with an impossible place in the order");
        return unusable(tx, contact, digest).await;
    }
    conversations::remember_received(tx, contact, digest, text.id).await?;
    let timer = match text.disappear_after {
        Some(timer) => terms::load(tx, contact).await?.consented(timer),
        None => None,
    };
    if let Some(message) = messages::add_theirs(tx, contact, &text, timer, now).await? {
        events::note_message(tx, message, now).await?;
    }
    let seen = take_receipts(tx, contact, &text.seen, now).await?;
    Ok(Outcome { answers: vec![Content::Receipt(vec![text.id])], ..seen })
}

/// No receipt, which would say that it is stored; and no complaint when it comes again: the envelope opened.
async fn unusable(tx: &mut Tx, contact: ContactId, digest: &[u8]) -> Result<Outcome, StoreError> {
    conversations::remember_unusable(tx, contact, digest).await?;
    Ok(Outcome::default())
}

async fn take_receipts(
    tx: &mut Tx,
    contact: ContactId,
    items: &[MessageId],
    now: UnixMillis,
) -> Result<Outcome, StoreError> {
    let mut outcome = Outcome::default();
    for item in items {
        let Receipted { outbox, message } = messages::receipt(tx, contact, *item, now).await?;
        if let Some(Finished { id, kind, body }) = outbox {
            outcome.finished.push(id);
            outcome.card_told |= kind == OutboxKind::Card;
            if let (OutboxKind::Settings, Some(Ok(Content::Terms { terms: ours, .. }))) =
                (kind, body.as_deref().map(Content::from_bytes))
            {
                terms::told(tx, contact, &ours).await?;
                events::note_contact(tx, contact, now).await?;
            }
        }
        if let Some(message) = message {
            events::note_message(tx, message, now).await?;
        }
    }
    Ok(outcome)
}

/// What was read was stored, so this is a receipt, too. Whether it was read counts only if we allow it.
async fn take_read(
    tx: &mut Tx,
    contact: ContactId,
    id: MessageId,
    items: &[MessageId],
    digest: &[u8],
    now: UnixMillis,
) -> Result<Outcome, StoreError> {
    conversations::remember_received(tx, contact, digest, id).await?;
    let stored = take_receipts(tx, contact, items, now).await?;
    if terms::load(tx, contact).await?.own().read_receipts {
        for item in items {
            if let Some(message) = messages::was_read(tx, contact, *item, now).await? {
                events::note_message(tx, message, now).await?;
            }
        }
    }
    Ok(Outcome { answers: vec![Content::Receipt(vec![id])], ..stored })
}

async fn begin_epoch(
    tx: &mut Tx,
    contact: ContactId,
    sealed: Option<Vec<u8>>,
    now: UnixMillis,
) -> Result<Outcome, StoreError> {
    conversations::begin_epoch(tx, contact, now).await?;
    Ok(Outcome { sealed, retry: conversations::take_held(tx, contact).await?, ..Outcome::default() })
}

async fn repeat_commit_receipt(tx: &mut Tx, contact: ContactId, epoch: u64) -> Result<Outcome, StoreError> {
    let row = conversations::load(tx, contact).await?.ok_or(StoreError::broken("a conversation is missing"))?;
    let is_last = row.receipted_epoch == Some(epoch.cast_signed());
    Ok(Outcome { sealed: row.commit_receipt.filter(|_| is_last), ..Outcome::default() })
}
