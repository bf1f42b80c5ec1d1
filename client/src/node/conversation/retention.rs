//! Deletes messages whose time is over, in batches.

use std::collections::BTreeMap;

use crate::api::types::What;
use crate::model::ConversationId;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Remainder;
use crate::store::StoreError;
use crate::store::contacts::{self, ContactRow};
use crate::store::deletion::{Deleted, delete_due};

/// Messages that are deleted in one transaction.
const BATCH: u32 = 100;
/// Batches in a row: then somebody else has a turn, until the next tick.
const BATCHES: u32 = 10;
/// Deletes a batch of what is due, and says so.
pub(crate) async fn delete_batch(
    core: &mut Core,
    cx: &mut Cx,
    batches_before: u32,
) -> Result<(), StoreError> {
    let deleted = delete_due(&mut cx.tx, cx.now, BATCH).await?;
    if deleted.is_empty() {
        return Ok(());
    }
    let is_last = deleted.len() < BATCH as usize || batches_before + 1 >= BATCHES;

    for (conversation, messages) in by_conversation(deleted) {
        let row = contacts::by_conversation(&mut cx.tx, conversation).await?;
        let Some(ContactRow { name, public_id, .. }) = row else { continue };
        cx.note(&What::MessagesGone { conversation: public_id.to_hex(), name, messages }).await?;
    }
    core.erasure.something_deleted();
    if !is_last {
        cx.fx.again(Remainder::Delete { batches_before: batches_before + 1 });
    }
    Ok(())
}

fn by_conversation(deleted: Vec<Deleted>) -> BTreeMap<ConversationId, Vec<String>> {
    let mut all: BTreeMap<ConversationId, Vec<String>> = BTreeMap::new();
    for Deleted { conversation, id } in deleted {
        all.entry(conversation).or_default().push(data_encoding::HEXLOWER.encode(&id.0));
    }
    all
}
