//! Incoming envelopes: opens, stores and receipts each, entirely or not at all.

use std::collections::VecDeque;

use chive_mls::{Conversation, MlsError, Opened};

use super::outbox;
use crate::limits::{MAX_CLOCK_STEP, MAX_HELD};
use crate::model::{ContactId, ConversationId, Member, OutboxId, OutboxKind};
use crate::node::contacts::book;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::session::links;
use crate::store::delivery::{self, Receipted};
use crate::store::groups::{self as stored, Before};
use crate::store::{StoreError, contacts, conversations, messages, settings};
use crate::wire::digest::digest;
use crate::wire::frame::Frame;
use crate::wire::message::{Content, MessageId, Text};

/// What an opened envelope leaves to do.
#[derive(Default)]
struct FollowUp {
    /// Contents to seal and send.
    answers: Vec<Content>,
    /// An MLS message to send that is sealed already.
    sealed: Option<Vec<u8>>,
    /// Outbox rows that the contact has.
    finished: Vec<OutboxId>,
    /// A new epoch began: envelopes that were held can be tried again.
    retry: Vec<Vec<u8>>,
    card: bool,
    card_told: bool,
}

impl FollowUp {
    fn answer(item: MessageId) -> Self {
        Self { answers: vec![Content::Receipt(vec![item])], ..Self::default() }
    }
}

/// Takes one envelope of a contact, by whatever path it came.
pub(crate) async fn envelope_came(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    envelope: Vec<u8>,
) -> Result<(), StoreError> {
    let mut queue = VecDeque::from([envelope]);
    while let Some(envelope) = queue.pop_front() {
        let Some(peer) = core.sessions.get(contact).filter(|peer| peer.is_wanted()) else {
            return Ok(());
        };

        let Some(accepted) = &peer.facts.accepted else { return Ok(()) };
        if peer.is_restarting() {
            tracing::debug!("an envelope of a conversation that is to be restarted");
            return Ok(());
        }

        match accepted.open.open(&envelope) {
            Ok(mls) => queue.extend(open(core, cx, contact, &envelope, &mls).await?),
            Err(error) => {
                tracing::warn!(%error, "an envelope does not open");
                links::report_undecryptable(core, cx, contact);
            }
        }
    }

    cx.fx.deliver(contact);
    Ok(())
}

/// Opens what was in an envelope; gives the held envelopes that can be tried now.
async fn open(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    envelope: &[u8],
    mls: &[u8],
) -> Result<Vec<Vec<u8>>, StoreError> {
    let digest = digest(envelope);
    let from = contacts::direct(&mut cx.tx, contact).await?;
    let mut group = core.groups.take(cx, from).await?;
    let outcome = match stored::received(&mut cx.tx, from, &digest).await? {
        Some(Before::Item(item)) => FollowUp::answer(item),
        Some(Before::Unusable) => FollowUp::default(),
        None => match group.open(mls, |epoch| Content::CommitReceipt { epoch }.to_bytes()) {
            Ok(Opened::Content(content)) => {
                take_content(cx, from, &mut group, &content, &digest).await?
            }
            Ok(Opened::Commit { epoch, receipt }) => {
                stored::keep_commit_receipt(&mut cx.tx, from.conversation, epoch, &receipt).await?;
                begin_epoch(cx, from.conversation, Some(receipt)).await?
            }
            Err(MlsError::LaterEpoch) => {
                stored::hold(&mut cx.tx, from, &digest, envelope, MAX_HELD).await?;
                FollowUp::default()
            }
            Err(MlsError::OtherGroup) => {
                tracing::debug!("an envelope of a conversation that was restarted since");
                core.groups.keep(from, group);
                return Ok(vec![]);
            }
            Err(MlsError::StaleCommit(epoch)) => {
                repeat_commit_receipt(cx, from.conversation, epoch).await?
            }
            Err(error) => {
                tracing::warn!(%error, "a message does not open");
                links::report_undecryptable(core, cx, contact);
                return Ok(vec![]);
            }
        },
    };

    conclude(core, cx, from, group, outcome).await
}

/// Seals the answers, writes the group, and says what follows.
async fn conclude(
    core: &mut Core,
    cx: &mut Cx,
    from: Member,
    mut group: Conversation,
    outcome: FollowUp,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let contact = from.contact;
    let sealed = outcome.answers.iter().map(|content| group.seal(&content.to_bytes()));
    let mut answers = sealed.collect::<Result<Vec<_>, _>>()?;
    let count = u32::try_from(answers.len()).unwrap_or(0);
    core.groups.save(cx, from, group, count).await?;

    // Receipts are not kept: one that is lost is made again when what it is for comes again.
    answers.extend(outcome.sealed);
    for answer in answers {
        let envelope = outbox::wrap(core, cx, contact, &answer)?;
        cx.fx.send(contact, Frame::Envelope(envelope));
    }
    outbox::finished(core, contact, &outcome.finished);

    if outcome.card {
        book::reload(core, cx, contact).await?;
    }
    cx.fx.marks.presence |= outcome.card || outcome.card_told;
    Ok(outcome.retry)
}

async fn take_content(
    cx: &mut Cx,
    from: Member,
    group: &mut Conversation,
    content: &[u8],
    digest: &[u8],
) -> Result<FollowUp, StoreError> {
    // What opens was sealed by somebody who has joined.
    stored::forget_acceptance(&mut cx.tx, from.conversation).await?;
    let content = match Content::from_bytes(content) {
        Ok(content) => content,
        Err(error) => {
            tracing::warn!(%error, "a content cannot be read");
            return unusable(cx, from, digest).await;
        }
    };
    match content {
        Content::Text(text) => take_text(cx, from, text, digest).await,
        Content::Receipt(items) => take_receipts(cx, from, &items).await,
        Content::CommitReceipt { epoch } => {
            if !group.commit_receipted(epoch)? {
                return Ok(FollowUp::default());
            }
            let finished = delivery::finish_commit(&mut cx.tx, from).await?;
            let begun = begin_epoch(cx, from.conversation, None).await?;
            Ok(FollowUp { finished: finished.into_iter().collect(), ..begun })
        }
        Content::Card { id, card } => {
            stored::remember_received(&mut cx.tx, from, digest, id).await?;
            let is_news = contacts::take_card(&mut cx.tx, from.contact, &card).await?;
            if is_news {
                if book::name_after_card(cx, from.contact, &card).await? {
                    cx.note_conversation(from.conversation).await?;
                }
                cx.note_contact(from.contact).await?;
            }
            Ok(FollowUp { card: is_news, ..FollowUp::answer(id) })
        }
        Content::Settings { id, settings: theirs } => {
            stored::remember_received(&mut cx.tx, from, digest, id).await?;
            if settings::take(&mut cx.tx, from, &theirs).await? {
                cx.note_conversation(from.conversation).await?;
            }
            Ok(FollowUp::answer(id))
        }
        Content::Read { id, items } => take_read(cx, from, id, &items, digest).await,
        Content::Unknown { id: Some(id) } => {
            stored::remember_received(&mut cx.tx, from, digest, id).await?;
            Ok(FollowUp::answer(id))
        }
        Content::Unknown { id: None } => Ok(FollowUp::default()),
    }
}

async fn take_text(
    cx: &mut Cx,
    from: Member,
    text: Text,
    digest: &[u8],
) -> Result<FollowUp, StoreError> {
    let conversation = conversations::load(&mut cx.tx, from.conversation).await?;
    // A clock from the far future would push every later message to the end of all numbers.
    let limit = conversation.clock.cast_unsigned().saturating_add(MAX_CLOCK_STEP);
    if text.clock > limit || text.counter == 0 || text.counter > i64::MAX.cast_unsigned() {
        tracing::warn!("a message with an impossible place in the order");
        return unusable(cx, from, digest).await;
    }

    stored::remember_received(&mut cx.tx, from, digest, text.id).await?;
    let timer = match text.disappear_after {
        Some(timer) => settings::load(&mut cx.tx, from.conversation).await?.consented(timer),
        None => None,
    };
    if let Some(message) = messages::add_theirs(&mut cx.tx, from, &text, timer, cx.now).await? {
        cx.note_message(message).await?;
    }
    let seen = take_receipts(cx, from, &text.seen).await?;
    Ok(FollowUp { answers: vec![Content::Receipt(vec![text.id])], ..seen })
}

/// No receipt, which would say that it is stored; and no complaint when it comes again: the
/// envelope opened.
async fn unusable(cx: &mut Cx, from: Member, digest: &[u8]) -> Result<FollowUp, StoreError> {
    stored::remember_unusable(&mut cx.tx, from, digest).await?;
    Ok(FollowUp::default())
}

async fn take_receipts(
    cx: &mut Cx,
    from: Member,
    items: &[MessageId],
) -> Result<FollowUp, StoreError> {
    let mut outcome = FollowUp::default();
    for item in items {
        let Receipted { outbox, message } =
            delivery::receipt(&mut cx.tx, from, *item, cx.now).await?;
        if let Some(row) = outbox {
            outcome.finished.push(row.id);
            outcome.card_told |= row.kind == OutboxKind::Card;
            if let (OutboxKind::Settings, Some(body)) = (row.kind, &row.body) {
                settings_told(cx, from, body).await?;
            }
        }
        if let Some(message) = message {
            cx.note_message(message).await?;
        }
    }

    Ok(outcome)
}

/// The contact knows what we want.
async fn settings_told(cx: &mut Cx, from: Member, body: &[u8]) -> Result<(), StoreError> {
    let Ok(Content::Settings { settings: ours, .. }) = Content::from_bytes(body) else {
        return Ok(());
    };
    settings::told(&mut cx.tx, from, &ours).await?;
    cx.note_conversation(from.conversation).await
}

/// What was read was stored, so this is a receipt, too. Whether it was read counts only if we allow
/// it.
async fn take_read(
    cx: &mut Cx,
    from: Member,
    id: MessageId,
    items: &[MessageId],
    digest: &[u8],
) -> Result<FollowUp, StoreError> {
    stored::remember_received(&mut cx.tx, from, digest, id).await?;
    let stored = take_receipts(cx, from, items).await?;
    if settings::load(&mut cx.tx, from.conversation).await?.own().read_receipts {
        for item in items {
            if let Some(message) = delivery::was_read(&mut cx.tx, from, *item, cx.now).await? {
                cx.note_message(message).await?;
            }
        }
    }
    Ok(FollowUp { answers: vec![Content::Receipt(vec![id])], ..stored })
}

async fn begin_epoch(
    cx: &mut Cx,
    conversation: ConversationId,
    sealed: Option<Vec<u8>>,
) -> Result<FollowUp, StoreError> {
    stored::begin_epoch(&mut cx.tx, conversation, cx.now).await?;
    let held = stored::take_held(&mut cx.tx, conversation).await?;
    let retry = held.into_iter().map(|held| held.envelope).collect();
    Ok(FollowUp { sealed, retry, ..FollowUp::default() })
}

async fn repeat_commit_receipt(
    cx: &mut Cx,
    conversation: ConversationId,
    epoch: u64,
) -> Result<FollowUp, StoreError> {
    let row = stored::load(&mut cx.tx, conversation).await?;
    let row = row.ok_or(StoreError::broken("a group is missing"))?;
    let is_last = row.receipted_epoch == Some(epoch.cast_signed());
    Ok(FollowUp { sealed: row.commit_receipt.filter(|_| is_last), ..FollowUp::default() })
}
