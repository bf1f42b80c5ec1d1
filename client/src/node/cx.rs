//! What a domain is given to handle one input: a transaction, the time, randomness, and a list for
//! what must be done once the transaction is committed. Domains have no other way to reach anything
//! outside.

use std::sync::Arc;

use rand::RngCore;
use rand::rngs::StdRng;
use tokio::time::Instant;

use super::effect::Effects;
use crate::api::types::What;
use crate::identity::{Identity, PeerId};
use crate::model::{ContactId, ConversationId, MessageRowId, UnixMillis};
use crate::store::events::{self, Kind};
use crate::store::{StoreError, Tx};
use crate::wire::message::MessageId;

/// The context of one input. All of it is committed, or none.
pub(crate) struct Cx {
    pub(crate) tx: Tx,
    pub(crate) now: UnixMillis,
    /// By the clock that only goes forward.
    pub(crate) at: Instant,
    pub(crate) rng: StdRng,
    pub(crate) own: Arc<Identity>,
    pub(crate) fx: Effects,
}

impl Cx {
    pub(crate) fn own_id(&self) -> PeerId {
        self.own.peer_id()
    }

    /// Whole seconds since 1970.
    pub(crate) fn unix_seconds(&self) -> u64 {
        self.now.0.unsigned_abs() / 1000
    }

    pub(crate) fn fresh_id(&mut self) -> MessageId {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        MessageId(id)
    }

    /// Notes an event that says what it is about by itself.
    pub(crate) async fn note(&mut self, what: &What) -> Result<(), StoreError> {
        let body =
            serde_json::to_string(what).map_err(|error| StoreError::damaged("an event", error))?;
        events::add(&mut self.tx, self.now, Kind::Other, None, Some(&body)).await.map(drop)
    }

    /// Notes that a message came or changed; whoever reads the event sees it as it is then.
    pub(crate) async fn note_message(&mut self, message: MessageRowId) -> Result<(), StoreError> {
        events::add(&mut self.tx, self.now, Kind::Message, Some(message.0), None).await.map(drop)
    }

    /// Notes that a conversation came, or that something about it changed that no message tells of.
    pub(crate) async fn note_conversation(
        &mut self,
        conversation: ConversationId,
    ) -> Result<(), StoreError> {
        events::add(&mut self.tx, self.now, Kind::Conversation, Some(conversation.0), None)
            .await
            .map(drop)
    }

    /// Notes that a contact came or changed.
    pub(crate) async fn note_contact(&mut self, contact: ContactId) -> Result<(), StoreError> {
        events::add(&mut self.tx, self.now, Kind::Contact, Some(contact.0), None).await.map(drop)
    }
}
