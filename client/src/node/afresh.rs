//! Conversations that begin afresh, over a link between contacts: the side that has lost its MLS
//! state asks, the other makes a new group. The pair secret stays, so that links go on.

use tokio::time::Instant;

use super::actor::Node;
use super::envelopes::digest;
use super::events;
use super::peer::Peer;
use crate::api::types::What;
use crate::limits::{MAX_KEY_PACKAGE, MAX_WELCOME, RESEND_AFTER};
use crate::model::{ContactId, OutboxId, OutboxKind, Reason, UnixMillis};
use crate::store::contacts::{self, ContactRow};
use crate::store::conversations::{self, Acceptance};
use crate::store::{StoreError, Tx, afresh, messages};
use crate::wire::card::Introduction;
use crate::wire::frame::{Frame, FrameError, Refusal};
use crate::wire::restart::Restart;
use chive_mls::{Conversation, Draft};

impl Node {
    /// Asks over the link that is up: the same question until it is answered.
    pub(super) async fn ask_to_restart(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let Some(live) = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut()) else { return Ok(()) };
        live.asked = Some(Instant::now());
        let mut tx = self.store.begin().await?;
        let question = if let Some(row) = afresh::question(&mut tx, contact).await? {
            row.question
        } else {
            let question = self.new_question(&mut tx, contact).await?;
            self.commit(tx).await?;
            question
        };
        self.say(contact, Frame::Restart(question));
        Ok(())
    }

    /// Asks again where a live link brought no answer.
    pub(super) async fn repeat_questions(&mut self) -> Result<(), StoreError> {
        let late = |peer: &Peer| {
            let asked = peer.link.as_ref().and_then(|live| live.asked);
            peer.is_beginning() && asked.is_some_and(|asked| asked.elapsed() > RESEND_AFTER)
        };
        let due: Vec<ContactId> = self.peers.iter().filter(|(_, peer)| late(peer)).map(|(id, _)| *id).collect();
        for contact in due {
            self.ask_to_restart(contact).await?;
        }
        Ok(())
    }

    async fn new_question(&mut self, tx: &mut Tx, contact: ContactId) -> Result<Vec<u8>, StoreError> {
        let draft = Draft::new(self.clock.now().0.unsigned_abs() / 1000, &mut self.rng)
            .map_err(|error| StoreError::damaged("no key package can be made", error))?;
        let question = self.restart(tx, contact, draft.key_package).await?.to_bytes();
        afresh::ask(tx, contact, &draft.blob, &question).await?;
        Ok(question)
    }

    async fn restart(&self, tx: &mut Tx, contact: ContactId, mls: Vec<u8>) -> Result<Restart, StoreError> {
        let row = contacts::by_id(tx, contact).await?.ok_or(StoreError::broken("a contact vanished"))?;
        let introduction =
            Introduction { card: self.own_card(tx, Some(contact)).await?, mls, withdrawn: None, message: None };
        let heard = afresh::heard(tx, contact).await?;
        Ok(Restart { introduction, heard, clock: row.clock.cast_unsigned() })
    }

    /// The contact has lost its side of the conversation.
    pub(super) async fn restart_asked(&mut self, contact: ContactId, question: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let Some(row) = contacts::by_id(&mut tx, contact).await? else { return Ok(()) };
        // Both have lost it: the lower peer id makes the new one.
        if !row.begun && row.peer_id < self.own_id() {
            return Ok(());
        }
        let name = digest(question);
        let given = conversations::load(&mut tx, contact).await?.and_then(|conversation| conversation.acceptance);
        if let Some(given) = given.filter(|given| given.request == name) {
            drop(tx);
            self.say(contact, Frame::Restarted(given.answer));
            // What came before the answer could not be opened there.
            self.hand_over_anew(contact).await;
            return Ok(());
        }
        // Without a conversation, what was answered is of a time before a restore, and its answer is lost.
        if row.begun && afresh::was_answered(&mut tx, contact, &name).await? {
            return Ok(());
        }
        let Some(answer) = self.make_afresh(&mut tx, contact, question, &name).await? else {
            self.say(contact, Frame::Refuse(Refusal::Unusable));
            return Ok(());
        };
        note_restarted(&mut tx, &row, true, self.clock.now()).await?;
        self.commit(tx).await?;
        self.reload(contact).await?;
        self.say(contact, Frame::Restarted(answer));
        self.hand_over_anew(contact).await;
        Ok(())
    }

    /// A new group in place of what there was. `None` if the question cannot be used.
    async fn make_afresh(
        &mut self,
        tx: &mut Tx,
        contact: ContactId,
        question: &[u8],
        name: &[u8; 16],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let Ok(theirs) = Restart::from_bytes(question, MAX_KEY_PACKAGE) else { return Ok(None) };
        let created = Conversation::create(&theirs.introduction.mls, &mut self.rng);
        let Ok((conversation, welcome, _)) =
            created.inspect_err(|error| tracing::warn!(%error, "a key package cannot be used"))
        else {
            return Ok(None);
        };
        let state = conversation.save()?;
        conversations::forget(tx, contact).await?;
        // The answer holds our card.
        messages::drop_kind(tx, contact, OutboxKind::Card).await?;
        self.take_restart(tx, contact, &theirs).await?;
        let answer = self.restart(tx, contact, welcome).await?.to_bytes();
        let acceptance = Acceptance { request: *name, answer };
        conversations::create(tx, contact, &state, Some(&acceptance), self.clock.now()).await?;
        self.put_terms(tx, contact).await?;
        afresh::remember_answered(tx, contact, name).await?;
        Ok(Some(acceptance.answer))
    }

    /// Our question was answered. An answer to another one says nothing.
    pub(super) async fn restarted(&mut self, contact: ContactId, answer: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let (Some(row), Some(asked)) =
            (contacts::by_id(&mut tx, contact).await?, afresh::question(&mut tx, contact).await?)
        else {
            return Ok(());
        };
        let Ok(theirs) = Restart::from_bytes(answer, MAX_WELCOME) else { return Ok(()) };
        let joined = Conversation::join(&asked.draft, &theirs.introduction.mls);
        let Ok((conversation, _)) = joined.inspect_err(|error| tracing::warn!(%error, "a welcome cannot be used"))
        else {
            return Ok(());
        };
        let state = conversation.save()?;
        conversations::forget(&mut tx, contact).await?;
        messages::drop_kind(&mut tx, contact, OutboxKind::Card).await?;
        self.take_restart(&mut tx, contact, &theirs).await?;
        conversations::create(&mut tx, contact, &state, None, self.clock.now()).await?;
        self.put_terms(&mut tx, contact).await?;
        let ours = Restart::from_bytes(&asked.question, MAX_KEY_PACKAGE);
        let ours = ours.map_err(|error| StoreError::damaged("a stored question", error))?;
        if self.own_card(&mut tx, None).await?.revision > ours.introduction.card.revision {
            self.put_card(&mut tx, contact).await?;
        }
        note_restarted(&mut tx, &row, false, self.clock.now()).await?;
        self.commit(tx).await?;
        self.reload(contact).await?;
        self.hand_over_anew(contact).await;
        Ok(())
    }

    /// The link is live: its card is the newest, whatever its revision.
    async fn take_restart(&self, tx: &mut Tx, contact: ContactId, theirs: &Restart) -> Result<(), StoreError> {
        afresh::take_place(tx, contact, theirs.heard, theirs.clock).await?;
        contacts::take_card(tx, contact, &theirs.introduction.card).await?;
        events::note_contact(tx, contact, self.clock.now()).await
    }

    /// The contact could not use what we sent, while our question waits.
    pub(super) async fn restart_failed(&mut self, contact: ContactId, frame: &Frame) -> Result<(), StoreError> {
        let Some(peer) = self.peers.get_mut(&contact).filter(|peer| peer.is_beginning()) else { return Ok(()) };
        match frame {
            Frame::Error(FrameError::UnknownFrame) => {
                peer.trouble = Some(Reason::RestartUnsupported);
            }
            Frame::Refuse(_) => {
                peer.trouble = Some(Reason::RestartUnusable);
                // The next link brings a fresh one.
                let mut tx = self.store.begin().await?;
                afresh::forget_question(&mut tx, contact).await?;
                self.commit(tx).await?;
            }
            _ => {}
        }
        Ok(())
    }

    /// What is on its way on the link belongs to a group that is no more.
    async fn hand_over_anew(&mut self, contact: ContactId) {
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.conversation = None;
            peer.trouble = None;
            if let Some(live) = &mut peer.link {
                live.in_flight.clear();
                live.cursor = OutboxId(0);
            }
        }
        self.pump(contact).await;
    }

    fn say(&self, contact: ContactId, frame: Frame) {
        if let Some(live) = self.peers.get(&contact).and_then(|peer| peer.link.as_ref()) {
            let _ = live.sender.send(frame, None);
        }
    }
}

/// Tells the owner. `by_contact`: the contact has lost its side, not we.
pub(super) async fn note_restarted(
    tx: &mut Tx,
    row: &ContactRow,
    by_contact: bool,
    now: UnixMillis,
) -> Result<(), StoreError> {
    let id = row.peer_id.to_hex();
    events::note(tx, &What::ConversationRestarted { id, name: row.name.clone(), by_contact }, now).await
}
