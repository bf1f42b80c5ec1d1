//! What both sides let happen to messages, what was read, and what is due to be deleted.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Node, refuse};
use super::events;
use super::messages::parse_id;
use crate::api::types::{Contact, ContactChange, ErrorCode, MarkRead, What};
use crate::fault::Fault;
use crate::limits::{DISAPPEAR_AFTER, MAX_RECEIPT_IDS, RETENTION};
use crate::model::{ContactId, ContactStatus, OutboxKind, Policy};
use crate::store::contacts;
use crate::store::deletion::{Deleted, delete_due};
use crate::store::{StoreError, Tx, messages, terms};
use crate::wire::message::{Content, MessageId};

/// Messages deleted in one transaction.
const BATCH: u32 = 100;
/// Transactions in a row: then somebody else has a turn, until the next tick.
const BATCHES: u32 = 10;
/// What was deleted is taken out of the write-ahead log, too, at most once in so long.
const ERASE_PAUSE: Duration = Duration::from_secs(30);

/// A large store is written anew, without what was deleted, at most once in so long.
const ANEW_PAUSE: Duration = Duration::from_hours(24);

/// Whether something was deleted that old pages may still hold.
#[derive(Default)]
pub(super) struct Erasure {
    due: bool,
    last: Option<Instant>,
    /// Deleted since the store was written anew.
    anew_due: bool,
    anew_last: Option<Instant>,
}

impl Node {
    /// Changes what we let happen in a conversation, and tells the contact.
    pub(super) async fn change_terms(
        &mut self,
        tx: &mut Tx,
        contact: ContactId,
        change: &ContactChange,
    ) -> Result<(), Fault> {
        check_range("messages disappear after", change.disappear_after, &DISAPPEAR_AFTER)?;
        check_range("messages are kept for", change.retain, &RETENTION)?;
        if let Some(seconds) = change.retain {
            let seconds = (seconds > 0).then_some(seconds.cast_signed());
            terms::set_retention(tx, contact, seconds).await?;
        }
        let ours = terms::load(tx, contact).await?.own();
        let wanted = Policy {
            disappear_after: change.disappear_after.unwrap_or(ours.disappear_after),
            read_receipts: change.read_receipts.unwrap_or(ours.read_receipts),
        };
        if ours.read_receipts && !wanted.read_receipts {
            // What waits to be told would be told against our will.
            messages::drop_kind(tx, contact, OutboxKind::Read).await?;
        }
        if wanted != ours {
            terms::set(tx, contact, wanted).await?;
            self.put_terms(tx, contact).await?;
        }
        Ok(())
    }

    /// Tells the contact what we want, in place of what still waits; nothing if we never wanted anything.
    pub(super) async fn put_terms(&mut self, tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
        let Some(ours) = terms::load(tx, contact).await?.ours() else { return Ok(()) };
        // Who is not a contact yet is told when the conversation begins.
        if contacts::by_id(tx, contact).await?.is_none_or(|row| row.state != ContactStatus::Accepted) {
            return Ok(());
        }
        let id = self.fresh_id();
        messages::drop_kind(tx, contact, OutboxKind::Settings).await?;
        let body = Content::Terms { id, terms: ours }.to_bytes();
        messages::put(tx, contact, OutboxKind::Settings, id, Some(&body), None).await
    }

    /// Somebody has seen the messages of a contact.
    pub(super) async fn mark_read(&mut self, who: &str, mark: &MarkRead) -> Result<Contact, Fault> {
        let (mut tx, now) = (self.begin().await?, self.clock.now());
        let row = self.find_contact(&mut tx, who).await?;
        let up_to = match &mark.up_to {
            None => None,
            Some(id) => match messages::in_conversation(&mut tx, row.id, parse_id(id)?).await? {
                Some(message) => Some(message.row),
                None => return super::messages::unknown_message(),
            },
        };
        let read = messages::mark_read(&mut tx, row.id, up_to, now).await?;
        if !read.is_empty() {
            if terms::load(&mut tx, row.id).await?.in_force().read_receipts {
                self.put_read(&mut tx, row.id, &read).await?;
            }
            events::note_contact(&mut tx, row.id, now).await?;
        }
        self.commit(tx).await?;
        if !read.is_empty() {
            self.pump(row.id).await;
        }
        let mut tx = self.begin().await?;
        Ok(self.show_contact(&mut tx, &row).await?)
    }

    /// Tells the contact which of its messages were read, with what waits to be told already.
    async fn put_read(&mut self, tx: &mut Tx, contact: ContactId, read: &[MessageId]) -> Result<(), StoreError> {
        let mut read = read.to_vec();
        if let Some(waiting) = messages::unsealed(tx, contact, OutboxKind::Read).await? {
            let content = waiting.body.as_deref().map(Content::from_bytes);
            let Some(Ok(Content::Read { id, mut items })) = content else {
                return Err(StoreError::broken("the outbox"));
            };
            let room = MAX_RECEIPT_IDS.saturating_sub(items.len()).min(read.len());
            items.extend(read.drain(..room));
            messages::set_body(tx, waiting.id, &Content::Read { id, items }.to_bytes()).await?;
        }
        for items in read.chunks(MAX_RECEIPT_IDS) {
            let id = self.fresh_id();
            let body = Content::Read { id, items: items.to_vec() }.to_bytes();
            messages::put(tx, contact, OutboxKind::Read, id, Some(&body), None).await?;
        }
        Ok(())
    }

    /// Deletes what is due, and says so.
    pub(super) async fn delete_due(&mut self) -> Result<(), StoreError> {
        for _ in 0..BATCHES {
            let (mut tx, now) = (self.store.begin().await?, self.clock.now());
            let deleted = delete_due(&mut tx, now, BATCH).await?;
            if deleted.is_empty() {
                return Ok(());
            }
            let is_last = deleted.len() < BATCH as usize;
            for (contact, gone) in by_contact(deleted) {
                let Some(row) = contacts::by_id(&mut tx, contact).await? else { continue };
                let id = row.peer_id.to_hex();
                events::note(&mut tx, &What::MessagesGone { id, name: row.name, messages: gone }, now).await?;
            }
            self.commit(tx).await?;
            self.erase_soon();
            if is_last {
                break;
            }
        }
        Ok(())
    }

    /// Something was deleted.
    pub(super) fn erase_soon(&mut self) {
        (self.erasure.due, self.erasure.anew_due) = (true, true);
    }

    /// Takes what was deleted out of the write-ahead log, too.
    pub(super) async fn erase(&mut self) -> Result<(), StoreError> {
        let over = |last: Option<Instant>, pause| last.is_none_or(|last| last.elapsed() >= pause);
        let anew = self.erasure.anew_due && over(self.erasure.anew_last, ANEW_PAUSE);
        let log = self.erasure.due && over(self.erasure.last, ERASE_PAUSE);
        if !log && !anew {
            return Ok(());
        }
        // Also if it fails, as on a full disk: it is tried again in its time, not at once.
        let now = Some(Instant::now());
        self.erasure.last = now;
        if anew {
            self.erasure.anew_last = now;
        }
        let is_empty = self.store.erase(anew).await?;
        self.erasure.due = !is_empty;
        self.erasure.anew_due &= !anew;
        Ok(())
    }
}

fn by_contact(deleted: Vec<Deleted>) -> BTreeMap<ContactId, Vec<String>> {
    let mut all: BTreeMap<ContactId, Vec<String>> = BTreeMap::new();
    for Deleted { contact, id } in deleted {
        all.entry(contact).or_default().push(data_encoding::HEXLOWER.encode(&id.0));
    }
    all
}

fn check_range(what: &str, seconds: Option<u64>, range: &std::ops::RangeInclusive<u64>) -> Result<(), Fault> {
    match seconds {
        Some(seconds) if seconds > 0 && !range.contains(&seconds) => refuse(
            ErrorCode::OutOfRange,
            format!("{what} {} to {} seconds, or 0 for no limit", range.start(), range.end()),
        ),
        _ => Ok(()),
    }
}
