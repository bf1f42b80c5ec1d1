//! Becoming contacts: opens an invitation, and answers people who opened ours.
//!
//! The same request must always get the same answer, because an answer may be lost on its way. When
//! both ask each other, the one with the lower peer id creates the group, and the other's request
//! counts.

use chive_mls::{Conversation, Draft};
use futures::FutureExt;

use super::acceptance::{
    Verdict, accept_request, activate_contact, drop_request, is_crossed, withdrawn_from,
};
use super::book::{self, activate, free_name, name_after_card, name_for, own_card, put_card};
use super::{handles, invitations};
use crate::api::types::{Contact, ErrorCode, NewContact};
use crate::error::{NodeError, internal, refuse};
use crate::identity::PublicIdentity;
use crate::invitation::{Invitation, LinkTextError};
use crate::limits::{MAX_CONTACTS, MAX_KEY_PACKAGE, MAX_REQUEST_TEXT, MAX_WELCOME};
use crate::link::LinkError;
use crate::model::{ContactId, ContactStatus, InvitationStatus, Reason, UnixMillis};
use crate::node::NodeHandle;
use crate::node::conversation::{groups, settings};
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::node::session::established::{Answered, AttemptError, ContactRequest};
use crate::node::session::links;
use crate::store::contacts::{self, ContactRow, Naming, NewRequest, RequestRow};
use crate::store::groups::{self as stored};
use crate::store::invitations::InvitationRow;
use crate::store::{StoreError, restart_requests};
use crate::text;
use crate::wire::card::Introduction;
use crate::wire::digest::digest;
use crate::wire::frame::{Frame, RejectReason};

impl NodeHandle {
    /// Opens an invitation, or asks the owner of a handle. The handle is looked up first, which
    /// takes a while.
    pub async fn add_contact(&self, mut new: NewContact) -> Result<Contact, NodeError> {
        if new.link.contains('@') {
            new.link = self.find_handle(&new.link).await?;
        }
        let contact = self.call(move |core, cx| add_contact(core, cx, new).boxed()).await?;
        self.contact_by_id(contact).await
    }
}

async fn add_contact(
    core: &mut Core,
    cx: &mut Cx,
    new: NewContact,
) -> Result<ContactId, NodeError> {
    let invitation = Invitation::parse(&new.link).or_else(|error| match error {
        LinkTextError::Version(_) => refuse(ErrorCode::UnsupportedLink, error.to_string()),
        _ => refuse(ErrorCode::InvalidLink, error.to_string()),
    })?;
    if invitation.peer_id == cx.own_id() {
        let detail =
            "this is your own invitation: give it to the person whom you want as a contact";
        return refuse(ErrorCode::OwnLink, detail);
    }
    if new.message.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_REQUEST_TEXT) {
        let detail = format!("a request has 1 to {MAX_REQUEST_TEXT} bytes of text");
        return refuse(ErrorCode::InvalidText, detail);
    }
    let known = contacts::by_peer(&mut cx.tx, invitation.peer_id).await?;
    if let Some(row) = &known {
        check_worth_asking(core, row)?;
    }
    if contacts::count(&mut cx.tx).await? >= MAX_CONTACTS {
        return refuse(
            ErrorCode::OutOfRange,
            format!("a profile has at most {MAX_CONTACTS} contacts"),
        );
    }

    let contact = put_request(core, cx, &invitation, known, &new).await?;
    cx.note_contact(contact).await?;
    activate(core, cx, contact).await?;
    Ok(contact)
}

/// A contact who is away for good may be found again by another invitation; one who is there need
/// not.
fn check_worth_asking(core: &Core, row: &ContactRow) -> Result<(), NodeError> {
    let name = text::for_one_line(&row.name);
    if row.blocked {
        let detail = format!("the person behind this link is blocked: {name}");
        return refuse(ErrorCode::AlreadyContact, detail);
    }
    if core.sessions.is_linked(row.id) || row.state == ContactStatus::Requested {
        let detail = format!("the person behind this link is a contact already: {name}");
        return refuse(ErrorCode::AlreadyContact, detail);
    }
    Ok(())
}

async fn put_request(
    core: &Core,
    cx: &mut Cx,
    invitation: &Invitation,
    known: Option<ContactRow>,
    new: &NewContact,
) -> Result<ContactId, NodeError> {
    let draft = Draft::new(cx.unix_seconds(), &mut cx.rng).map_err(|error| internal(&error))?;
    let own = known.as_ref().map(|row| row.id);
    let card = own_card(cx, own).await?;
    let withdrawn = withdrawn_from(core, cx, invitation.peer_id, known.as_ref()).await?;
    let introduction =
        Introduction { card, mls: draft.key_package, withdrawn, message: new.message.clone() };

    let (name, named) = if let Some(name) = new.name.as_deref() {
        (free_name(&mut cx.tx, name, own).await?, true)
    } else {
        let short = data_encoding::HEXLOWER.encode(&invitation.peer_id.0[..4]);
        (name_for(&mut cx.tx, &format!("contact {short}"), own).await?, false)
    };
    let naming = Naming { name: &name, skeleton: &text::skeleton(&name), named };
    let contact = match known {
        // They refused before, or are a contact who is to be found again: the messages stay.
        Some(row) => {
            if named {
                book::rename(cx, &row, &naming).await?;
            }
            row.id
        }
        None => book::add(cx, invitation.peer_id, &naming).await?,
    };
    let request = NewRequest {
        link: &invitation.to_link(),
        draft: &draft.blob,
        introduction: &introduction.to_bytes(),
        message: new.message.as_deref(),
    };
    contacts::ask(&mut cx.tx, contact, &request).await?;
    Ok(contact)
}

/// After a restore, a request is made with another draft: the one of before may have been used.
pub(crate) async fn renew_drafts(cx: &mut Cx) -> Result<(), StoreError> {
    for row in contacts::all(&mut cx.tx).await? {
        let asked = contacts::request(&mut cx.tx, row.id).await?;
        let Some(asked) = asked.filter(|asked| asked.draft.is_empty()) else { continue };
        let draft = Draft::new(cx.unix_seconds(), &mut cx.rng)?;
        let (card, message) = (own_card(cx, Some(row.id)).await?, asked.message.clone());
        let introduction = Introduction { card, mls: draft.key_package, withdrawn: None, message };
        let request = NewRequest {
            link: &asked.link,
            draft: &draft.blob,
            introduction: &introduction.to_bytes(),
            message: asked.message.as_deref(),
        };
        contacts::ask(&mut cx.tx, row.id, &request).await?;
    }

    Ok(())
}

/// Our request did not get through.
pub(crate) async fn attempt_failed(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    error: &AttemptError,
) -> Result<(), StoreError> {
    if matches!(error, AttemptError::Link(LinkError::WrongPeer)) {
        tracing::debug!(%error, "whoever answers is not whom the invitation names");
        core.sessions.attempt_failed(contact, links::reason_of(error), cx.at, &mut cx.rng);
        // No later attempt can help.
        return end_request(core, cx, contact, Reason::WrongPeer).await;
    }
    links::dial_failed(core, cx, contact, error).await
}

/// Our request was answered. An answer to one that was replaced or settled since says nothing, nor
/// does one to a request that began before we answered the contact's own: it may be of a time
/// before that.
pub(crate) async fn answered(
    core: &mut Core,
    cx: &mut Cx,
    answered: Answered,
) -> Result<(), StoreError> {
    let Answered { contact, began, peer, introduction, answer, session } = answered;
    if core.sessions.has_accepted_since(contact, began) {
        return Ok(());
    }
    let request = contacts::request(&mut cx.tx, contact).await?;
    let Some(request) = request.filter(|request| request.introduction == introduction) else {
        return Ok(());
    };

    let last_error = match answer {
        Frame::Accept(bytes) => {
            if join(core, cx, contact, peer, &request, &bytes).await? {
                links::drop_link(core, cx, contact);
                activate(core, cx, contact).await?;
                core.sessions.session_goes_on(contact, cx.at, &mut cx.rng);
                cx.fx.marks.presence = true;
                cx.fx.push(Effect::GoOn { contact, session });
                return Ok(());
            }
            Reason::AnswerUnusable
        }
        Frame::Refuse(RejectReason::Crossed) => Reason::RequestCrossed,
        Frame::Refuse(RejectReason::Pending) => Reason::RequestPending,
        Frame::Refuse(refusal) => return end_request(core, cx, contact, reason_of(refusal)).await,
        _ => Reason::AnswerUnusable,
    };
    core.sessions.request_failed(contact, last_error, cx.at, &mut cx.rng);
    Ok(())
}

fn reason_of(refusal: RejectReason) -> Reason {
    match refusal {
        RejectReason::Used => Reason::InvitationUsed,
        RejectReason::Expired => Reason::InvitationExpired,
        RejectReason::Revoked => Reason::InvitationRevoked,
        RejectReason::Known => Reason::AlreadyContact,
        RejectReason::Unusable => Reason::RequestUnusable,
        RejectReason::Declined => Reason::RequestDeclined,
        RejectReason::Crossed | RejectReason::Pending | RejectReason::Other(_) => {
            Reason::RequestRefused
        }
    }
}

/// They said yes. False if their answer cannot be used.
async fn join(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    peer: PublicIdentity,
    request: &RequestRow,
    bytes: &[u8],
) -> Result<bool, StoreError> {
    let Ok(introduction) = Introduction::from_bytes(bytes, MAX_WELCOME) else { return Ok(false) };
    let joined = Conversation::join(&request.draft, &introduction.mls);
    let Ok((mut group, pair)) =
        joined.inspect_err(|error| tracing::warn!(%error, "a welcome cannot be used"))
    else {
        return Ok(false);
    };

    core.groups.forget(contact);
    let with = contacts::direct(&mut cx.tx, contact).await?;
    stored::forget(&mut cx.tx, with).await?;
    if let Some(withdrawn) = &introduction.withdrawn {
        restart_requests::remember_answered(&mut cx.tx, contact, withdrawn).await?;
    }
    groups::create(cx, with.conversation, &mut group, None).await?;
    contacts::accept(&mut cx.tx, contact, &peer, &pair).await?;
    contacts::take_card(&mut cx.tx, contact, &introduction.card).await?;
    contacts::remove_request(&mut cx.tx, contact).await?;
    drop_request(cx, peer.peer_id()).await?;
    settings::tell(cx, contact).await?;
    name_after_card(cx, contact, &introduction.card).await?;
    tell_if_changed(cx, contact, &request.introduction).await?;
    cx.note_contact(contact).await?;
    cx.note_conversation(with.conversation).await?;
    Ok(true)
}

/// The contact has the card of this introduction; if ours has changed since, they are told.
async fn tell_if_changed(
    cx: &mut Cx,
    contact: ContactId,
    introduction: &[u8],
) -> Result<(), StoreError> {
    let limit = MAX_KEY_PACKAGE.max(MAX_WELCOME);
    let sent = Introduction::from_bytes(introduction, limit)
        .map_err(|error| StoreError::damaged("a stored request", error))?;
    if own_card(cx, None).await?.revision > sent.card.revision {
        put_card(cx, contact).await?;
    }
    Ok(())
}

/// They said no, for good.
async fn end_request(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    why: Reason,
) -> Result<(), StoreError> {
    contacts::refuse(&mut cx.tx, contact, &why).await?;
    cx.note_contact(contact).await?;
    book::reload(core, cx, contact).await?;
    // Whoever was a contact before is still dialled.
    core.sessions.request_failed(contact, why, cx.at, &mut cx.rng);
    Ok(())
}

/// Whoever has been linked for a while need not ask. Not at once: a request that was on its way
/// when the link came up may have been taken before the other side knew of the link, and then that
/// counts.
pub(crate) async fn drop_settled(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    for contact in core.sessions.settle(cx.at) {
        contacts::remove_request(&mut cx.tx, contact).await?;
        cx.fx.deliver(contact);
    }
    Ok(())
}

/// Somebody asks with one of our invitations.
pub(crate) async fn requested(
    core: &mut Core,
    cx: &mut Cx,
    request: ContactRequest,
) -> Result<(), StoreError> {
    let verdict = judge(core, cx, &request).await?;
    let (frame, contact) = match verdict {
        Verdict::Answer(frame) => (frame, None),
        Verdict::Accept(known) => {
            match accept_request(core, cx, &request.peer, &request.introduction, known).await? {
                Some((contact, frame)) => {
                    invitations::take_use(cx, &request.invitation, request.peer.peer_id()).await?;
                    activate_contact(core, cx, contact).await?;
                    core.sessions.session_goes_on(contact, cx.at, &mut cx.rng);
                    (frame, Some(contact))
                }
                None => (Frame::Refuse(RejectReason::Unusable), None),
            }
        }
    };

    cx.fx.push(Effect::AnswerRequest { to: request.answer, frame, contact });
    Ok(())
}

/// In this order: what must not be told to somebody who is blocked comes before what an owner
/// decides, and an answer that was given once before a new one is made.
async fn judge(core: &Core, cx: &mut Cx, request: &ContactRequest) -> Result<Verdict, StoreError> {
    let peer = request.peer.peer_id();
    let invitation = invitations::find(&mut cx.tx, &request.invitation).await?;
    let handle = match invitation {
        Some(_) => None,
        None => handles::of_invitation(cx, &request.invitation).await?,
    };
    if invitation.is_none() && handle.is_none() {
        return Ok(Verdict::refuse(RejectReason::Revoked));
    }

    let known = contacts::by_peer(&mut cx.tx, peer).await?;
    if peer == cx.own_id() {
        return Ok(Verdict::refuse(RejectReason::Unusable));
    }

    if known.as_ref().is_some_and(|row| row.blocked) {
        // Whoever is blocked hears what they would hear if they were removed, or were not answered
        // yet.
        let refusal = if handle.is_some() { RejectReason::Pending } else { RejectReason::Used };
        return Ok(Verdict::refuse(refusal));
    }

    if let Some(row) = known.as_ref().filter(|row| row.state == ContactStatus::Accepted)
        && let Some(verdict) = judge_contact(core, cx, row, &request.introduction).await?
    {
        return Ok(verdict);
    }

    if is_crossed(cx, peer, known.as_ref()).await? {
        return Ok(Verdict::refuse(RejectReason::Crossed));
    }

    match invitation {
        Some(invitation) => {
            let used = crate::store::invitations::used_by(&mut cx.tx, &invitation.id, peer).await?;
            Ok(judge_by_invitation(&invitation, used, known, cx.now))
        }
        None => handles::judge(cx, request, handle, known).await,
    }
}

/// What a request of somebody who is a contact already comes to, if that decides it.
async fn judge_contact(
    core: &Core,
    cx: &mut Cx,
    row: &ContactRow,
    introduction: &[u8],
) -> Result<Option<Verdict>, StoreError> {
    let name = digest(introduction);
    let given =
        stored::load(&mut cx.tx, row.conversation).await?.and_then(|group| group.acceptance);
    Ok(match given {
        // The same request again: its answer was lost on the way. The same answer.
        Some(given) if given.request == name => Some(Verdict::Answer(Frame::Accept(given.answer))),
        // An old request that comes late: nobody waits for the answer any more.
        _ if restart_requests::was_answered(&mut cx.tx, row.id, &name).await? => {
            Some(Verdict::refuse(RejectReason::Known))
        }
        // They have a link, or will soon hear that they have none.
        _ if core.sessions.is_linked(row.id) => Some(Verdict::refuse(RejectReason::Pending)),
        _ => None,
    })
}

fn judge_by_invitation(
    invitation: &InvitationRow,
    used: bool,
    known: Option<ContactRow>,
    now: UnixMillis,
) -> Verdict {
    let is_contact = known.as_ref().is_some_and(|row| row.state == ContactStatus::Accepted);
    match invitation.state(now) {
        // They have lost the conversation. A use that they took before is their own.
        _ if is_contact && invitation.serves(used, now) => Verdict::Accept(known.map(Box::new)),
        _ if is_contact => Verdict::refuse(RejectReason::Known),
        // Used by this very person, whom we have removed since.
        _ if used => Verdict::refuse(RejectReason::Used),
        InvitationStatus::Active => Verdict::Accept(known.map(Box::new)),
        InvitationStatus::Used => Verdict::refuse(RejectReason::Used),
        InvitationStatus::Expired => Verdict::refuse(RejectReason::Expired),
        InvitationStatus::Revoked => Verdict::refuse(RejectReason::Revoked),
    }
}
