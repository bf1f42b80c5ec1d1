//! What both sides of a conversation let happen to its messages, and what was read.

use crate::api::types::{Contact, ContactChange, ErrorCode, MarkRead};
use crate::fault::Fault;
use crate::limits::{DISAPPEAR_AFTER, MAX_RECEIPT_IDS, RETENTION};
use crate::model::{ContactId, ContactStatus, Member, OutboxKind, Policy};
use crate::node::NodeHandle;
use crate::node::contacts::book::find_contact;
use crate::node::cx::Cx;
use crate::node::handle::refuse;
use crate::node::query::{parse_id, unknown_message};
use crate::store::contacts;
use crate::store::{StoreError, messages, outbox, terms};
use crate::wire::message::{Content, MessageId};
use futures::FutureExt;

impl NodeHandle {
    /// Marks the messages of a contact as read; they are told if both sides allow it.
    pub async fn mark_read(&self, who: &str, mark: MarkRead) -> Result<Contact, Fault> {
        let who = who.to_owned();
        let contact = self.call(move |_, cx| mark_read(cx, who, mark).boxed()).await?;
        self.contact_by_id(contact).await
    }
}

async fn mark_read(cx: &mut Cx, who: String, mark: MarkRead) -> Result<ContactId, Fault> {
    let with = find_contact(&mut cx.tx, &who).await?.direct();
    let Member { conversation, contact } = with;
    let up_to = match &mark.up_to {
        None => None,
        Some(id) => match messages::in_conversation(&mut cx.tx, conversation, parse_id(id)?).await? {
            Some(message) => Some(message.row),
            None => return unknown_message(),
        },
    };
    let read = messages::mark_read(&mut cx.tx, conversation, up_to, cx.now).await?;
    if read.is_empty() {
        return Ok(contact);
    }

    if terms::load(&mut cx.tx, conversation).await?.in_force().read_receipts {
        tell_read(cx, with, read.into_iter().map(|read| read.id).collect()).await?;
    }
    cx.note_contact(contact).await?;
    cx.fx.deliver(contact);
    Ok(contact)
}

/// Tells the contact which of their messages were read, together with what waits to be told already.
async fn tell_read(cx: &mut Cx, to: Member, mut read: Vec<MessageId>) -> Result<(), StoreError> {
    if let Some(waiting) = outbox::unsealed(&mut cx.tx, to, OutboxKind::Read).await? {
        let content = waiting.body.as_deref().map(Content::from_bytes);
        let Some(Ok(Content::Read { id, mut items })) = content else {
            return Err(StoreError::broken("the outbox"));
        };
        let room = MAX_RECEIPT_IDS.saturating_sub(items.len()).min(read.len());
        items.extend(read.drain(..room));
        outbox::set_body(&mut cx.tx, waiting.id, &Content::Read { id, items }.to_bytes()).await?;
    }
    for items in read.chunks(MAX_RECEIPT_IDS) {
        let id = cx.fresh_id();
        let body = Content::Read { id, items: items.to_vec() }.to_bytes();
        outbox::put(&mut cx.tx, to, OutboxKind::Read, id, Some(&body), None).await?;
    }
    Ok(())
}

/// Changes what we let happen in a conversation, and tells the contact.
pub(crate) async fn change(cx: &mut Cx, with: Member, change: &ContactChange) -> Result<(), Fault> {
    check_range("messages disappear after", change.disappear_after, &DISAPPEAR_AFTER)?;
    check_range("messages are kept for", change.retain, &RETENTION)?;
    if let Some(seconds) = change.retain {
        let seconds = (seconds > 0).then_some(seconds.cast_signed());
        terms::set_retention(&mut cx.tx, with.conversation, seconds).await?;
    }

    let ours = terms::load(&mut cx.tx, with.conversation).await?.own();
    let wanted = Policy {
        disappear_after: change.disappear_after.unwrap_or(ours.disappear_after),
        read_receipts: change.read_receipts.unwrap_or(ours.read_receipts),
    };
    if ours.read_receipts && !wanted.read_receipts {
        // What waits to be told would be told against our will.
        outbox::drop_kind(&mut cx.tx, with, OutboxKind::Read).await?;
    }
    if wanted != ours {
        terms::set(&mut cx.tx, with.conversation, wanted).await?;
        tell(cx, with.contact).await?;
    }
    Ok(())
}

/// Tells the contact what we want, in place of what still waits; nothing if we never wanted anything.
pub(crate) async fn tell(cx: &mut Cx, contact: ContactId) -> Result<(), StoreError> {
    // Whoever is not a contact yet is told when the conversation begins.
    let row = contacts::by_id(&mut cx.tx, contact).await?;
    let Some(row) = row.filter(|row| row.state == ContactStatus::Accepted) else { return Ok(()) };
    let Some(ours) = terms::load(&mut cx.tx, row.conversation).await?.ours() else { return Ok(()) };

    let (to, id) = (row.direct(), cx.fresh_id());
    outbox::drop_kind(&mut cx.tx, to, OutboxKind::Settings).await?;
    let body = Content::Terms { id, terms: ours }.to_bytes();
    outbox::put(&mut cx.tx, to, OutboxKind::Settings, id, Some(&body), None).await?;
    cx.fx.deliver(contact);
    Ok(())
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
