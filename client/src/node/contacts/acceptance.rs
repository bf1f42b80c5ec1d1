//! Accepts a contact request: the possible verdicts, and what makes the sender a contact.

use chive_mls::Conversation;

use super::book::{self, activate, name_after_card, name_for, own_card};
use crate::api::types::What;
use crate::identity::{PeerId, PublicIdentity};
use crate::limits::{MAX_CONTACTS, MAX_KEY_PACKAGE};
use crate::model::{ContactId, Member};
use crate::node::conversation::{groups, restart, settings};
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::session::links;
use crate::store::contacts::{self, ContactRow, Naming};
use crate::store::groups::{self as stored, Acceptance};
use crate::store::{StoreError, handles, restart_requests};
use crate::text;
use crate::wire::card::Introduction;
use crate::wire::digest::digest;
use crate::wire::frame::{Frame, RejectReason};

/// A request of ours that whoever takes our introduction must not answer any more.
pub(crate) async fn withdrawn_from(
    core: &Core,
    cx: &mut Cx,
    peer: PeerId,
    known: Option<&ContactRow>,
) -> Result<Option<[u8; 16]>, StoreError> {
    let request = match known {
        Some(row) => contacts::request(&mut cx.tx, row.id).await?,
        None => None,
    };
    let lately = core.withdrawn.of(peer, cx.at);
    Ok(request.map(|request| digest(&request.introduction)).or(lately))
}

/// What becomes of a request to us.
pub(crate) enum Verdict {
    Answer(Frame),
    /// Accept it; with what is known of whoever asks.
    Accept(Option<Box<ContactRow>>),
}

impl Verdict {
    pub(crate) fn refuse(refusal: RejectReason) -> Self {
        Self::Answer(Frame::Refuse(refusal))
    }
}

/// We are contacts by their request, if they take our answer. A request of ours waits until a link
/// shows that.
pub(crate) async fn activate_contact(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
) -> Result<(), StoreError> {
    links::drop_link(core, cx, contact);
    activate(core, cx, contact).await?;
    core.sessions.accepted_request(contact, cx.at);
    cx.fx.marks.presence = true;
    Ok(())
}

/// Whether both opened the other's invitation, and the other is to make the group: the lower peer
/// id does.
pub(crate) async fn is_crossed(
    cx: &mut Cx,
    peer: PeerId,
    known: Option<&ContactRow>,
) -> Result<bool, StoreError> {
    match known.filter(|_| peer < cx.own_id()) {
        Some(row) => Ok(contacts::request(&mut cx.tx, row.id).await?.is_some()),
        None => Ok(false),
    }
}

/// Makes whoever asks a contact. `None` if what they sent cannot be used.
pub(crate) async fn accept_request(
    core: &mut Core,
    cx: &mut Cx,
    peer: &PublicIdentity,
    introduction: &[u8],
    known: Option<Box<ContactRow>>,
) -> Result<Option<(ContactId, Frame)>, StoreError> {
    let Ok(theirs) = Introduction::from_bytes(introduction, MAX_KEY_PACKAGE) else {
        return Ok(None);
    };
    let created = Conversation::create(&theirs.mls, &mut cx.rng);
    let Ok((mut group, welcome, pair)) =
        created.inspect_err(|error| tracing::warn!(%error, "a key package cannot be used"))
    else {
        return Ok(None);
    };
    if known.is_none() && contacts::count(&mut cx.tx).await? >= MAX_CONTACTS {
        return Ok(None);
    }

    let withdrawn = withdrawn_from(core, cx, peer.peer_id(), known.as_deref()).await?;
    let contact = if let Some(row) = &known {
        // They may have asked before and never used our answer; or they have lost what they had.
        core.groups.forget(row.id);
        stored::forget(&mut cx.tx, row.direct()).await?;
        restart::note_restarted(cx, row, true).await?;
        row.id
    } else {
        let name = name_for(&mut cx.tx, &theirs.card.name, None).await?;
        let naming = Naming { name: &name, skeleton: &text::skeleton(&name), named: true };
        book::add(cx, peer.peer_id(), &naming).await?
    };
    let card = own_card(cx, Some(contact)).await?;
    let answer = Introduction { card, mls: welcome, withdrawn, message: None }.to_bytes();
    let acceptance = Acceptance { request: digest(introduction), answer: answer.clone() };
    let Member { conversation, .. } = contacts::direct(&mut cx.tx, contact).await?;
    groups::create(cx, conversation, &mut group, Some(&acceptance)).await?;
    for answered in theirs.withdrawn.iter().chain([&acceptance.request]) {
        restart_requests::remember_answered(&mut cx.tx, contact, answered).await?;
    }

    contacts::accept(&mut cx.tx, contact, peer, &pair).await?;
    drop_request(cx, peer.peer_id()).await?;
    contacts::take_card(&mut cx.tx, contact, &theirs.card).await?;
    settings::tell(cx, contact).await?;
    if known.is_some() {
        name_after_card(cx, contact, &theirs.card).await?;
        cx.note_conversation(conversation).await?;
    }
    cx.note_contact(contact).await?;
    Ok(Some((contact, Frame::Accept(answer))))
}

/// Whoever has become a contact does not ask any more.
pub(crate) async fn drop_request(cx: &mut Cx, peer: PeerId) -> Result<(), StoreError> {
    let Some(row) = handles::request_of(&mut cx.tx, peer).await? else { return Ok(()) };
    handles::forget_request(&mut cx.tx, peer).await?;
    if row.decision.is_none() {
        cx.note(&What::RequestGone { id: row.show().id }).await?;
    }
    Ok(())
}
