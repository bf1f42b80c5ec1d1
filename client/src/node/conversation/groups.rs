//! MLS groups: in the store, and in memory while they are used over a link.

use std::collections::BTreeMap;

use chive_mls::Conversation;

use crate::model::ContactId;
use crate::node::cx::Cx;
use crate::node::session::table::Sessions;
use crate::store::StoreError;
use crate::store::conversations::{self, Acceptance};

/// Groups as they are in the store.
#[derive(Default)]
pub(crate) struct Groups {
    open: BTreeMap<ContactId, Conversation>,
}

impl Groups {
    /// A group, from memory or from the store. Whoever changes it gives it back with [`Groups::keep`] once
    /// the change is written; if it is not given back, the next one reads the store.
    pub(crate) async fn take(&mut self, cx: &mut Cx, contact: ContactId) -> Result<Conversation, StoreError> {
        if let Some(group) = self.open.remove(&contact) {
            return Ok(group);
        }
        let row = conversations::load(&mut cx.tx, contact).await?;
        let row = row.ok_or(StoreError::broken("a conversation is missing"))?;
        Ok(Conversation::load(&row.mls)?)
    }

    /// Writes what has changed of a group, after so many messages were sealed, and keeps it.
    pub(crate) async fn save(
        &mut self,
        cx: &mut Cx,
        contact: ContactId,
        group: Conversation,
        sealed: u32,
    ) -> Result<(), StoreError> {
        conversations::save(&mut cx.tx, contact, &group.save()?, sealed).await?;
        self.keep(contact, group);
        Ok(())
    }

    pub(crate) fn keep(&mut self, contact: ContactId, group: Conversation) {
        self.open.insert(contact, group);
    }

    pub(crate) fn forget(&mut self, contact: ContactId) {
        self.open.remove(&contact);
    }

    /// Lets go of groups that no link uses.
    pub(crate) fn keep_linked(&mut self, sessions: &Sessions) {
        self.open.retain(|contact, _| sessions.is_linked(*contact));
    }

    pub(crate) fn forget_all(&mut self) {
        self.open.clear();
    }
}

/// Writes a new group, with what must be answered when the request for it comes again.
pub(crate) async fn create(
    cx: &mut Cx,
    contact: ContactId,
    group: &Conversation,
    acceptance: Option<&Acceptance>,
) -> Result<(), StoreError> {
    conversations::create(&mut cx.tx, contact, &group.save()?, acceptance, cx.now).await
}
