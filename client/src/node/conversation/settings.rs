//! Changes to a conversation: timers, read receipts, retention, the draft, what was read. Writes
//! through `Cx`; no I/O of its own.

use crate::api::types::{Conversation, ConversationChange, ErrorCode, MarkRead};
use crate::error::{NodeError, refuse};
use crate::limits::{DISAPPEAR_AFTER, MAX_DRAFT, MAX_RECEIPT_IDS, RETENTION};
use crate::model::{ContactId, ContactStatus, ConversationId, Member, OutboxKind, Policy};
use crate::node::NodeHandle;
use crate::node::cx::Cx;
use crate::node::find::{find_heading, parse_id, unknown_message};
use crate::store::{StoreError, contacts, conversations, messages, outbox, settings};
use crate::wire::message::{Content, MessageId};
use futures::FutureExt;

impl NodeHandle {
    /// Changes what may happen to messages, how long they are kept, what is typed.
    pub async fn change_conversation(
        &self,
        conversation: &str,
        change: ConversationChange,
    ) -> Result<Conversation, NodeError> {
        let which = conversation.to_owned();
        let row = self.call(move |_, cx| change_conversation(cx, which, change).boxed()).await?;
        self.conversation_in_row(row).await
    }

    /// Marks messages of others as read; their writers are told if both sides allow it.
    pub async fn mark_read(
        &self,
        conversation: &str,
        mark: MarkRead,
    ) -> Result<Conversation, NodeError> {
        let which = conversation.to_owned();
        let row = self.call(move |_, cx| mark_read(cx, which, mark).boxed()).await?;
        self.conversation_in_row(row).await
    }
}

async fn mark_read(
    cx: &mut Cx,
    which: String,
    mark: MarkRead,
) -> Result<ConversationId, NodeError> {
    let with = find_heading(&mut cx.tx, &which).await?.member();
    let Member { conversation, contact } = with;
    let up_to = match &mark.up_to {
        None => None,
        Some(id) => match messages::in_conversation(&mut cx.tx, conversation, parse_id(id)?).await?
        {
            Some(message) => Some(message.row),
            None => return unknown_message(),
        },
    };
    let read = messages::mark_read(&mut cx.tx, conversation, up_to, cx.now).await?;
    if read.is_empty() {
        return Ok(conversation);
    }

    if settings::load(&mut cx.tx, conversation).await?.in_force().read_receipts {
        tell_read(cx, with, read.into_iter().map(|read| read.id).collect()).await?;
        cx.fx.deliver(contact);
    }
    cx.note_conversation(conversation).await?;
    Ok(conversation)
}

/// Tells the contact which of their messages were read, together with what waits to be told
/// already.
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

async fn change_conversation(
    cx: &mut Cx,
    which: String,
    change: ConversationChange,
) -> Result<ConversationId, NodeError> {
    check_range("messages disappear after", change.disappear_after, &DISAPPEAR_AFTER)?;
    check_range("messages are kept for", change.retain, &RETENTION)?;
    let with = find_heading(&mut cx.tx, &which).await?.member();
    let conversation = with.conversation;
    if let Some(draft) = &change.draft {
        set_draft(cx, conversation, draft).await?;
    }
    let ConversationChange { disappear_after, read_receipts, retain, draft: _ } = change;
    if disappear_after.is_none() && read_receipts.is_none() && retain.is_none() {
        return Ok(conversation);
    }

    if let Some(seconds) = retain {
        let seconds = (seconds > 0).then_some(seconds.cast_signed());
        settings::set_retention(&mut cx.tx, conversation, seconds).await?;
    }
    change_policy(cx, with, disappear_after, read_receipts).await?;
    cx.note_conversation(conversation).await?;
    Ok(conversation)
}

/// No event tells of what is typed: whoever types knows it.
async fn set_draft(cx: &mut Cx, conversation: ConversationId, text: &str) -> Result<(), NodeError> {
    if text.len() > MAX_DRAFT {
        return refuse(ErrorCode::InvalidText, format!("a draft has at most {MAX_DRAFT} bytes"));
    }
    let text = (!text.is_empty()).then_some(text);
    Ok(conversations::set_draft(&mut cx.tx, conversation, text).await?)
}

/// Changes what we let happen in a conversation, and tells the contact.
async fn change_policy(
    cx: &mut Cx,
    with: Member,
    disappear_after: Option<u64>,
    read_receipts: Option<bool>,
) -> Result<(), StoreError> {
    let ours = settings::load(&mut cx.tx, with.conversation).await?.own();
    let wanted = Policy {
        disappear_after: disappear_after.unwrap_or(ours.disappear_after),
        read_receipts: read_receipts.unwrap_or(ours.read_receipts),
    };
    if ours.read_receipts && !wanted.read_receipts {
        // What waits to be told would be told against our will.
        outbox::drop_kind(&mut cx.tx, with, OutboxKind::Read).await?;
    }
    if wanted != ours {
        settings::set(&mut cx.tx, with.conversation, wanted).await?;
        tell(cx, with.contact).await?;
    }
    Ok(())
}

/// Tells the contact what we want, in place of what still waits; nothing if we never wanted
/// anything.
pub(crate) async fn tell(cx: &mut Cx, contact: ContactId) -> Result<(), StoreError> {
    // Whoever is not a contact yet is told when the conversation begins.
    let row = contacts::by_id(&mut cx.tx, contact).await?;
    let Some(row) = row.filter(|row| row.state == ContactStatus::Accepted) else { return Ok(()) };
    let Some(ours) = settings::load(&mut cx.tx, row.conversation).await?.ours() else {
        return Ok(());
    };

    let (to, id) = (row.direct(), cx.fresh_id());
    outbox::drop_kind(&mut cx.tx, to, OutboxKind::Settings).await?;
    let body = Content::Settings { id, settings: ours }.to_bytes();
    outbox::put(&mut cx.tx, to, OutboxKind::Settings, id, Some(&body), None).await?;
    cx.fx.deliver(contact);
    Ok(())
}

fn check_range(
    what: &str,
    seconds: Option<u64>,
    range: &std::ops::RangeInclusive<u64>,
) -> Result<(), NodeError> {
    match seconds {
        Some(seconds) if seconds > 0 && !range.contains(&seconds) => refuse(
            ErrorCode::OutOfRange,
            format!("{what} {} to {} seconds, or 0 for no limit", range.start(), range.end()),
        ),
        _ => Ok(()),
    }
}
