//! Messages whose time is over are deleted, from the store's files too.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::types::What;
use crate::model::ConversationId;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::node::input::{Chore, Input};
use crate::store::StoreError;
use crate::store::contacts::{self, ContactRow};
use crate::store::deletion::{Deleted, delete_due};

/// Messages that are deleted in one transaction.
const BATCH: u32 = 100;
/// Batches in a row: then somebody else has a turn, until the next tick.
const BATCHES: u32 = 10;
/// The write-ahead log is emptied of deleted messages once in this time, at most.
const ERASE_PAUSE: Duration = Duration::from_secs(30);
/// A large store is written anew, without what was deleted, once in this time, at most.
const REWRITE_PAUSE: Duration = Duration::from_hours(24);

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
        cx.fx.again(Input::Chore(Chore::Delete { batches_before: batches_before + 1 }));
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

/// Whether old pages of the store may still hold something that was deleted.
#[derive(Default)]
pub(crate) struct Erasure {
    log_due: bool,
    log_emptied: Option<Instant>,
    rewrite_due: bool,
    rewritten: Option<Instant>,
}

impl Erasure {
    pub(crate) fn something_deleted(&mut self) {
        (self.log_due, self.rewrite_due) = (true, true);
    }

    /// Begins what is due. Even if it fails, as on a full disk, it is tried again in its time, not
    /// at once.
    pub(crate) fn begin(&mut self, at: Instant) -> Option<Effect> {
        let is_over = |last: Option<Instant>, pause| {
            last.is_none_or(|last| at.saturating_duration_since(last) >= pause)
        };
        let rewrite = self.rewrite_due && is_over(self.rewritten, REWRITE_PAUSE);
        let log = self.log_due && is_over(self.log_emptied, ERASE_PAUSE);
        if !log && !rewrite {
            return None;
        }

        self.log_emptied = Some(at);
        if rewrite {
            self.rewritten = Some(at);
        }
        Some(Effect::Erase { rewrite })
    }

    /// What became of it. `cleaned`: nobody read the old pages meanwhile.
    pub(crate) fn erased(&mut self, cleaned: bool, rewritten: bool) {
        self.log_due &= !cleaned;
        self.rewrite_due &= !(cleaned && rewritten);
    }
}
