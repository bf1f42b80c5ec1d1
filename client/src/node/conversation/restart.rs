//! Restarts a conversation over a link between contacts: the side that has lost its MLS group asks,
//! the other creates a new one. The pair's secret stays, so links go on working.

use chive_mls::{Conversation, Draft};

use super::{groups, settings};
use crate::api::types::What;
use crate::limits::{MAX_KEY_PACKAGE, MAX_WELCOME};
use crate::model::{ContactId, ContactStatus, Member, OutboxKind, Reason};
use crate::node::contacts::book;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::store::contacts::{self, ContactRow};
use crate::store::groups::{self as stored, Acceptance};
use crate::store::{StoreError, conversations, outbox, restart_requests};
use crate::wire::card::Introduction;
use crate::wire::digest::digest;
use crate::wire::frame::{Frame, FrameError, RejectReason};
use crate::wire::restart::Restart;

/// Asks over the link that is up: the same request until it is answered.
pub(crate) async fn ask(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
) -> Result<(), StoreError> {
    if !core.sessions.restart_asked(contact, cx.at) {
        return Ok(());
    }
    let to = contacts::direct(&mut cx.tx, contact).await?;
    let request = match restart_requests::request(&mut cx.tx, to).await? {
        Some(row) => row.request,
        None => new_request(cx, to).await?,
    };
    cx.fx.send(contact, Frame::Restart(request));
    Ok(())
}

/// Asks again where a link brought no answer.
pub(crate) async fn repeat_requests(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    for contact in core.sessions.restarts_due(cx.at) {
        ask(core, cx, contact).await?;
    }
    Ok(())
}

async fn new_request(cx: &mut Cx, to: Member) -> Result<Vec<u8>, StoreError> {
    let draft = Draft::new(cx.unix_seconds(), &mut cx.rng)?;
    let request = restart(cx, to, draft.key_package).await?.to_bytes();
    restart_requests::put(&mut cx.tx, to, &draft.blob, &request).await?;
    Ok(request)
}

async fn restart(cx: &mut Cx, to: Member, mls: Vec<u8>) -> Result<Restart, StoreError> {
    let conversation = conversations::load(&mut cx.tx, to.conversation).await?;
    let card = book::own_card(cx, Some(to.contact)).await?;
    let introduction = Introduction { card, mls, withdrawn: None, message: None };
    let highest_counter = restart_requests::highest_counter(&mut cx.tx, to).await?;
    Ok(Restart { introduction, highest_counter, clock: conversation.clock.cast_unsigned() })
}

/// The contact has lost their side of the conversation.
pub(crate) async fn requested(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    request: &[u8],
) -> Result<(), StoreError> {
    let Some(row) = contacts::by_id(&mut cx.tx, contact).await? else { return Ok(()) };
    // Where both have lost it, the lower peer id makes the new one.
    if !row.has_group && row.peer_id < cx.own_id() {
        return Ok(());
    }

    let name = digest(request);
    let given =
        stored::load(&mut cx.tx, row.conversation).await?.and_then(|group| group.acceptance);
    if let Some(given) = given.filter(|given| given.request == name) {
        cx.fx.send(contact, Frame::Restarted(given.answer));
        // What came before the answer could not be opened there.
        start_over(core, cx, contact);
        return Ok(());
    }
    // Without a group, what was answered is from before a restore, and its answer is lost.
    if row.has_group && restart_requests::was_answered(&mut cx.tx, contact, &name).await? {
        return Ok(());
    }

    let Some(answer) = answer(cx, row.direct(), request, &name).await? else {
        cx.fx.send(contact, Frame::Refuse(RejectReason::Unusable));
        return Ok(());
    };
    note_restarted(cx, &row, true).await?;
    book::reload(core, cx, contact).await?;
    cx.fx.send(contact, Frame::Restarted(answer));
    start_over(core, cx, contact);
    Ok(())
}

/// Makes a new group in place of what there was. `None` if the request cannot be used.
async fn answer(
    cx: &mut Cx,
    with: Member,
    request: &[u8],
    name: &[u8; 16],
) -> Result<Option<Vec<u8>>, StoreError> {
    let Ok(theirs) = Restart::from_bytes(request, MAX_KEY_PACKAGE) else { return Ok(None) };
    let created = Conversation::create(&theirs.introduction.mls, &mut cx.rng);
    let Ok((mut group, welcome, _)) =
        created.inspect_err(|error| tracing::warn!(%error, "a key package cannot be used"))
    else {
        return Ok(None);
    };

    stored::forget(&mut cx.tx, with).await?;
    // The answer holds our card.
    outbox::drop_kind(&mut cx.tx, with, OutboxKind::Card).await?;
    take_theirs(cx, with, &theirs).await?;
    let answer = restart(cx, with, welcome).await?.to_bytes();
    let acceptance = Acceptance { request: *name, answer };
    groups::create(cx, with.conversation, &mut group, Some(&acceptance)).await?;
    settings::tell(cx, with.contact).await?;
    restart_requests::remember_answered(&mut cx.tx, with.contact, name).await?;
    Ok(Some(acceptance.answer))
}

/// Our request was answered. An answer to another one says nothing.
pub(crate) async fn answered(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    answer: &[u8],
) -> Result<(), StoreError> {
    let Some(row) = contacts::by_id(&mut cx.tx, contact).await? else { return Ok(()) };
    let with = row.direct();
    let Some(asked) = restart_requests::request(&mut cx.tx, with).await? else { return Ok(()) };
    let Ok(theirs) = Restart::from_bytes(answer, MAX_WELCOME) else { return Ok(()) };
    let joined = Conversation::join(&asked.draft, &theirs.introduction.mls);
    let Ok((mut group, _)) =
        joined.inspect_err(|error| tracing::warn!(%error, "a welcome cannot be used"))
    else {
        return Ok(());
    };

    stored::forget(&mut cx.tx, with).await?;
    outbox::drop_kind(&mut cx.tx, with, OutboxKind::Card).await?;
    take_theirs(cx, with, &theirs).await?;
    groups::create(cx, with.conversation, &mut group, None).await?;
    settings::tell(cx, contact).await?;
    let ours = Restart::from_bytes(&asked.request, MAX_KEY_PACKAGE)
        .map_err(|error| StoreError::damaged("a stored restart request", error))?;
    if book::own_card(cx, None).await?.revision > ours.introduction.card.revision {
        book::put_card(cx, contact).await?;
    }

    note_restarted(cx, &row, false).await?;
    book::reload(core, cx, contact).await?;
    start_over(core, cx, contact);
    Ok(())
}

/// The link is up: the card on it is the newest, whatever its revision.
async fn take_theirs(cx: &mut Cx, with: Member, theirs: &Restart) -> Result<(), StoreError> {
    restart_requests::resume_counting(
        &mut cx.tx,
        with.conversation,
        theirs.highest_counter,
        theirs.clock,
    )
    .await?;
    contacts::take_card(&mut cx.tx, with.contact, &theirs.introduction.card).await?;
    cx.note_contact(with.contact).await?;
    cx.note_conversation(with.conversation).await
}

/// The contact could not use what we sent, while our request waits.
pub(crate) async fn failed(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    frame: &Frame,
) -> Result<(), StoreError> {
    let Some(peer) = core.sessions.get_mut(contact).filter(|peer| peer.is_restarting()) else {
        return Ok(());
    };
    match frame {
        Frame::Error(FrameError::UnknownFrame) => {
            peer.last_error = Some(Reason::RestartUnsupported);
        }
        Frame::Refuse(_) => {
            peer.last_error = Some(Reason::RestartUnusable);
            // The next link brings a fresh one.
            let to = contacts::direct(&mut cx.tx, contact).await?;
            restart_requests::forget(&mut cx.tx, to).await?;
        }
        _ => {}
    }
    Ok(())
}

/// Hands over everything that has no receipt: what is on its way belongs to the group that was
/// replaced.
fn start_over(core: &mut Core, cx: &mut Cx, contact: ContactId) {
    core.groups.forget(contact);
    core.sessions.group_replaced(contact);
    cx.fx.deliver(contact);
}

/// Tells the owner. `by_contact`: the contact has lost their side, not we.
pub(crate) async fn note_restarted(
    cx: &mut Cx,
    row: &ContactRow,
    by_contact: bool,
) -> Result<(), StoreError> {
    if row.state != ContactStatus::Accepted {
        return Ok(());
    }
    let (conversation, id, name) = (row.public_id.to_hex(), row.peer_id.to_hex(), row.name.clone());
    cx.note(&What::ConversationRestarted { conversation, id, name, by_contact }).await
}
