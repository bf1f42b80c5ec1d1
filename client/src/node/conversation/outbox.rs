//! Outgoing messages: seals each when a path to the contact is there for the first time, offers
//! them in order, and offers the same bytes again until the receipt comes.

use chive_mls::Conversation;
use futures::FutureExt;

use crate::api::types::{ErrorCode, Message, NewMessage};
use crate::error::{NodeError, refuse};
use crate::limits::{MAX_SEEN, MAX_TEXT, MESSAGE_LIFE};
use crate::model::{
    ContactId, ContactStatus, ConversationId, Member, MessageRowId, OutboxId, OutboxKind,
    UnixMillis,
};
use crate::node::NodeHandle;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Remainder;
use crate::node::find::{find_heading, parse_id, unknown_message};
use crate::node::path::{Offered, Path};
use crate::store::contacts::{self, ContactRow};
use crate::store::messages::{self, MessageRow, NewRow};
use crate::store::outbox::{self as stored, OutboxRow};
use crate::store::{StoreError, conversations, delivery, groups, settings};
use crate::wire::card::Card;
use crate::wire::message::{Content, MessageId, Text};

/// Outbox rows that are handed over in one transaction.
const BATCH: u32 = 8;

impl NodeHandle {
    /// Accepts a message: when this returns, it is in the store.
    pub async fn send(&self, conversation: &str, new: NewMessage) -> Result<Message, NodeError> {
        let which = conversation.to_owned();
        let row = self.call(move |_, cx| send(cx, which, new).boxed()).await?;
        self.message_in_row(row).await
    }

    /// Cancels a message that has not left.
    pub async fn cancel(&self, id: &str) -> Result<Message, NodeError> {
        let id = parse_id(id)?;
        let row = self.call(move |_, cx| cancel(cx, id).boxed()).await?;
        self.message_in_row(row).await
    }
}

async fn send(cx: &mut Cx, which: String, new: NewMessage) -> Result<MessageRowId, NodeError> {
    check_text(&new.text)?;
    let expires_at = new.expires_in.map(|seconds| expiry(cx.now, seconds)).transpose()?;
    let id = match &new.id {
        Some(id) => parse_id(id)?,
        None => cx.fresh_id(),
    };
    let to = find_heading(&mut cx.tx, &which).await?.member();
    if let Some(earlier) = messages::by_id(&mut cx.tx, id).await? {
        return sent_before(&earlier, to.conversation, &new.text);
    }
    let contact = contacts::by_id(&mut cx.tx, to.contact)
        .await?
        .ok_or(StoreError::broken("a contact vanished"))?;
    check_can_send(&contact)?;

    let conversation = conversations::load(&mut cx.tx, to.conversation).await?;
    let timer = settings::load(&mut cx.tx, conversation.id).await?.in_force().disappear_after;
    let row = NewRow {
        conversation: conversation.id,
        id,
        text: &new.text,
        clock: conversation.clock + 1,
        created_at: cx.now,
        expires_at,
        disappear_after: (timer > 0).then_some(timer),
    };
    let message = messages::add_ours(&mut cx.tx, &row).await?;
    cx.note_message(message).await?;
    cx.fx.deliver_soon(contact.id);
    Ok(message)
}

/// The same id again sends nothing twice.
fn sent_before(
    earlier: &MessageRow,
    conversation: ConversationId,
    text: &str,
) -> Result<MessageRowId, NodeError> {
    if earlier.is_ours() && earlier.conversation == conversation && earlier.text == text {
        return Ok(earlier.row);
    }
    refuse(ErrorCode::IdTaken, "this id was used for another message: choose a random one for each")
}

async fn cancel(cx: &mut Cx, id: MessageId) -> Result<MessageRowId, NodeError> {
    let Some(row) = messages::by_id(&mut cx.tx, id).await?.filter(MessageRow::is_ours) else {
        return unknown_message();
    };
    if !delivery::cancel(&mut cx.tx, &row, cx.now).await? {
        return refuse(
            ErrorCode::AlreadySent,
            "it has left, or may have: it cannot be cancelled any more",
        );
    }
    cx.note_message(row.row).await?;
    for contact in conversations::members(&mut cx.tx, row.conversation).await? {
        cx.fx.deliver(contact);
    }
    Ok(row.row)
}

/// Hands over what waits for a contact, as far as a path has room, and says whether anything waits.
///
/// What was accepted is in the store, whatever happens here; a full path is offered the rest when
/// receipts come.
pub(crate) async fn hand_over(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
) -> Result<(), StoreError> {
    let ready = core.sessions.path(contact).and_then(|path| path.has_room().then(|| path.cursor()));
    if let Some(cursor) = ready {
        let rows = stored::rows(&mut cx.tx, contact, cursor, BATCH).await?;
        let is_full_batch = rows.len() == BATCH as usize;
        let envelopes = seal_or_log(core, cx, contact, rows).await?;
        if offer(core, cx, contact, envelopes) && is_full_batch {
            cx.fx.again(Remainder::Deliver(contact));
        }
    }

    let waits = stored::anything_waits(&mut cx.tx, contact).await?;
    core.sessions.set_waiting(contact, waits);
    Ok(())
}

/// Offers envelopes in order. False once one was not taken.
fn offer(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    envelopes: Vec<(OutboxId, Vec<u8>)>,
) -> bool {
    let Some(mut path) = core.sessions.path(contact) else { return false };
    envelopes
        .into_iter()
        .all(|(row, envelope)| path.offer(row, envelope, &mut cx.fx) == Offered::Taken)
}

/// The envelopes of these rows. What cannot be sealed holds up nothing else that is done in this
/// step, and is tried again at the next tick.
async fn seal_or_log(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    rows: Vec<OutboxRow>,
) -> Result<Vec<(OutboxId, Vec<u8>)>, StoreError> {
    if rows.is_empty() {
        return Ok(vec![]);
    }

    cx.tx.savepoint().await?;
    match seal(core, cx, contact, rows).await {
        Ok(envelopes) => {
            cx.tx.release().await?;
            Ok(envelopes)
        }
        Err(error) => {
            tracing::error!(%error, "what waits for a contact could not be sealed");
            core.groups.forget(contact);
            cx.tx.undo_to_savepoint().await?;
            Ok(vec![])
        }
    }
}

/// The envelopes of these rows. Those without one get it now, with the group state that made it.
async fn seal(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    rows: Vec<OutboxRow>,
) -> Result<Vec<(OutboxId, Vec<u8>)>, StoreError> {
    let unsealed =
        u32::try_from(rows.iter().filter(|row| row.envelope.is_none()).count()).unwrap_or(0);
    let to = contacts::direct(&mut cx.tx, contact).await?;
    let mut group = match unsealed {
        0 => None,
        _ => Some(core.groups.take(cx, to).await?),
    };
    let mut envelopes = Vec::with_capacity(rows.len());
    for row in rows {
        let envelope = match (&row.envelope, &mut group) {
            (Some(envelope), _) => envelope.clone(),
            (None, Some(group)) => seal_row(core, cx, to, group, &row).await?,
            (None, None) => return Err(StoreError::broken("the outbox")),
        };
        envelopes.push((row.id, envelope));
    }

    if let Some(group) = group {
        core.groups.save(cx, to, group, unsealed).await?;
    }

    Ok(envelopes)
}

async fn seal_row(
    core: &Core,
    cx: &mut Cx,
    to: Member,
    group: &mut Conversation,
    row: &OutboxRow,
) -> Result<Vec<u8>, StoreError> {
    let item = row.item;
    let content = match (row.kind, &row.body) {
        (OutboxKind::Message, _) => text_of(cx, to, item).await?,
        (OutboxKind::Settings | OutboxKind::Read, Some(body)) => Content::from_bytes(body).ok(),
        (OutboxKind::Card, Some(body)) => {
            Card::from_bytes(body).ok().map(|card| Content::Card { id: item, card })
        }
        _ => None,
    };
    let content = content.ok_or(StoreError::broken("the outbox"))?;
    let mls = group.seal(&content.to_bytes())?;
    let envelope = wrap(core, cx, to.contact, &mls)?;
    stored::set_envelope(&mut cx.tx, row.id, &envelope).await?;
    Ok(envelope)
}

/// An MLS message in an envelope for a contact.
pub(crate) fn wrap(
    core: &Core,
    cx: &mut Cx,
    contact: ContactId,
    mls: &[u8],
) -> Result<Vec<u8>, StoreError> {
    let accepted = core.sessions.get(contact).and_then(|peer| peer.facts.accepted.as_ref());
    let accepted = accepted.ok_or(StoreError::broken("a contact without keys"))?;
    let sealed = accepted.seal.seal(mls, &mut cx.rng);
    sealed.map_err(|error| StoreError::damaged("a message of impossible size", error))
}

/// A message gets its number when it is sealed, so that one that is cancelled before leaves no gap.
async fn text_of(cx: &mut Cx, to: Member, id: MessageId) -> Result<Option<Content>, StoreError> {
    let message = messages::ours(&mut cx.tx, to.conversation, id).await?;
    let Some(message) = message else { return Ok(None) };
    let conversation = conversations::load(&mut cx.tx, to.conversation).await?;
    let counter = message.counter.unwrap_or(conversation.next_counter);
    if message.counter.is_none() {
        messages::number(&mut cx.tx, message.row, to.conversation, counter).await?;
    }

    let seen = messages::newest_of(&mut cx.tx, to, u32::try_from(MAX_SEEN).unwrap_or(0)).await?;
    Ok(Some(Content::Text(Text {
        id,
        counter: counter.cast_unsigned(),
        clock: message.clock.cast_unsigned(),
        created_at: message.created_at.0,
        seen,
        disappear_after: message.disappear_after.map(i64::cast_unsigned),
        text: message.text,
    })))
}

/// A path has taken an outbox row.
pub(crate) async fn taken(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    row: OutboxId,
) -> Result<(), StoreError> {
    if let Some(link) = core.sessions.link_mut(contact) {
        link.taken(row, cx.at);
    }
    if let Some(message) = delivery::mark_sent(&mut cx.tx, row, cx.now).await? {
        cx.note_message(message).await?;
    }
    Ok(())
}

/// The contact has these: they are not offered again.
pub(crate) fn finished(core: &mut Core, contact: ContactId, rows: &[OutboxId]) {
    if let Some(link) = core.sessions.link_mut(contact) {
        for row in rows {
            link.finished(*row);
        }
    }
}

/// Gives up what was not delivered in its time.
pub(crate) async fn expire(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    for expired in delivery::expire(&mut cx.tx, cx.now).await? {
        cx.note_message(expired.message).await?;
        finished(core, expired.contact, expired.outbox.as_slice());
        cx.fx.deliver(expired.contact);
    }
    Ok(())
}

/// Replaces our keys in conversations where it is our turn and time, and the contact is linked.
pub(crate) async fn update_keys(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    for conversation in groups::due(&mut cx.tx, cx.now, core.key_updates).await? {
        for contact in conversations::members(&mut cx.tx, conversation).await? {
            if core.sessions.is_linked(contact) {
                update_keys_with(core, cx, Member { conversation, contact }).await?;
            }
        }
    }
    Ok(())
}

async fn update_keys_with(core: &mut Core, cx: &mut Cx, with: Member) -> Result<(), StoreError> {
    let mut group = core.groups.take(cx, with).await?;
    if !group.may_commit() {
        core.groups.keep(with, group);
        return Ok(());
    }
    let epoch = group.epoch();
    let commit = group.commit()?;
    let envelope = wrap(core, cx, with.contact, &commit)?;
    core.groups.save(cx, with, group, 0).await?;

    let item = commit_item(epoch);
    stored::put(&mut cx.tx, with, OutboxKind::Commit, item, None, Some(&envelope)).await?;
    cx.fx.deliver(with.contact);
    Ok(())
}

/// What the outbox calls the commit of an epoch: never the id of a message.
fn commit_item(epoch: u64) -> MessageId {
    let mut item = [0; 16];
    item[8..].copy_from_slice(&epoch.to_be_bytes());
    MessageId(item)
}

fn check_text(text: &str) -> Result<(), NodeError> {
    if text.is_empty() {
        return refuse(ErrorCode::InvalidText, "the text is empty");
    }
    if text.len() > MAX_TEXT {
        let size = text.len();
        let detail = format!("the text has {size} bytes; at most {MAX_TEXT} go in one message");
        return refuse(ErrorCode::InvalidText, detail);
    }
    Ok(())
}

fn expiry(now: UnixMillis, seconds: u64) -> Result<UnixMillis, NodeError> {
    if !MESSAGE_LIFE.contains(&seconds) {
        let detail = "a message expires after one second at least and a year at most";
        return refuse(ErrorCode::OutOfRange, detail);
    }
    Ok(now + std::time::Duration::from_secs(seconds))
}

fn check_can_send(contact: &ContactRow) -> Result<(), NodeError> {
    if contact.blocked {
        return refuse(
            ErrorCode::ContactBlocked,
            "the contact is blocked: `chive contact unblock` first",
        );
    }
    if contact.state == ContactStatus::Refused {
        let detail = "the contact refused the request: ask for a new invitation and `chive add` it";
        return refuse(ErrorCode::NotAccepted, detail);
    }
    Ok(())
}
