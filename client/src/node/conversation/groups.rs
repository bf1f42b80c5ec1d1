//! Loads MLS groups from the store, writes their changes, and keeps them in memory while a link
//! uses them.

use std::collections::BTreeMap;

use chive_mls::Conversation;

use crate::model::{ContactId, ConversationId, Member};
use crate::node::cx::Cx;
use crate::node::session::table::Sessions;
use crate::store::StoreError;
use crate::store::groups::{self as stored, Acceptance};

/// Groups as they are in the store.
#[derive(Default)]
pub(crate) struct Groups {
    open: BTreeMap<Member, Conversation>,
}

impl Groups {
    /// A group, from memory or from the store. Whoever changes it gives it back with
    /// [`Groups::keep`] once the change is written; if it is not given back, the next one reads the
    /// store.
    pub(crate) async fn take(
        &mut self,
        cx: &mut Cx,
        with: Member,
    ) -> Result<Conversation, StoreError> {
        if let Some(group) = self.open.remove(&with) {
            return Ok(group);
        }
        let group = stored::open(&mut cx.tx, with.conversation).await?;
        group.ok_or(StoreError::broken("a group is missing"))
    }

    /// Writes what has changed of a group, after so many messages were sealed, and keeps it.
    pub(crate) async fn save(
        &mut self,
        cx: &mut Cx,
        with: Member,
        mut group: Conversation,
        sealed: u32,
    ) -> Result<(), StoreError> {
        stored::save(&mut cx.tx, with.conversation, &group.take_changes(), sealed).await?;
        self.keep(with, group);
        Ok(())
    }

    pub(crate) fn keep(&mut self, with: Member, group: Conversation) {
        self.open.insert(with, group);
    }

    pub(crate) fn forget(&mut self, contact: ContactId) {
        self.open.retain(|with, _| with.contact != contact);
    }

    /// Lets go of groups that no link uses.
    pub(crate) fn keep_linked(&mut self, sessions: &Sessions) {
        self.open.retain(|with, _| sessions.is_linked(with.contact));
    }

    pub(crate) fn forget_all(&mut self) {
        self.open.clear();
    }
}

/// Writes a new group, with what must be answered when the request for it comes again.
pub(crate) async fn create(
    cx: &mut Cx,
    conversation: ConversationId,
    group: &mut Conversation,
    acceptance: Option<&Acceptance>,
) -> Result<(), StoreError> {
    stored::create(&mut cx.tx, conversation, &group.take_changes(), acceptance, cx.now).await
}
