//! Starts the dials that are due, and handles failed dials and lost links.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::established::AttemptError;
use crate::api::types::{Presence, What};
use crate::invitation::Invitation;
use crate::limits::MAX_UNREADABLE;
use crate::link::LinkError;
use crate::model::{ContactId, Reason};
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::{Dial, Effect, Target};
use crate::store::{StoreError, contacts};
use crate::transport::DialError;
use crate::wire::frame::{Frame, FrameError};

/// Starts every dial that is due.
pub(crate) async fn dial_due(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    for contact in core.sessions.due(cx.at) {
        dial(core, cx, contact).await?;
    }
    Ok(())
}

async fn dial(core: &mut Core, cx: &mut Cx, contact: ContactId) -> Result<(), StoreError> {
    let Some(attempt) = core.sessions.dial_started(contact) else { return Ok(()) };
    let request = contacts::request(&mut cx.tx, contact).await?;
    let Some(peer) = core.sessions.get(contact) else { return Ok(()) };
    let address = peer.facts.accepted.as_ref().map(|accepted| accepted.address);
    let urgent = peer.waiting;

    // Where there is a request beside an address, they take turns.
    let target = match (address, request) {
        (Some(address), None) => Target::Contact(address),
        (Some(address), Some(_)) if attempt % 2 == 1 => Target::Contact(address),
        (_, Some(request)) => match Invitation::parse(&request.link) {
            Ok(invitation) => Target::Request {
                invitation: Box::new(invitation),
                introduction: request.introduction,
            },
            Err(error) => {
                tracing::error!(%error, "a stored invitation cannot be read");
                core.sessions.request_failed(
                    contact,
                    Reason::RequestUnreadable,
                    cx.at,
                    &mut cx.rng,
                );
                return Ok(());
            }
        },
        (None, None) => {
            core.sessions.request_failed(contact, Reason::RequestUnreadable, cx.at, &mut cx.rng);
            return Ok(());
        }
    };
    let rng = StdRng::from_rng(&mut cx.rng);
    cx.fx.push(Effect::Dial(Box::new(Dial { contact, target, attempt, urgent, rng })));
    Ok(())
}

/// Our dial to a contact failed.
pub(crate) async fn dial_failed(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    error: &AttemptError,
) -> Result<(), StoreError> {
    tracing::debug!(%error, "a dial failed");
    core.sessions.attempt_failed(contact, reason_of(error), cx.at, &mut cx.rng);
    match error {
        AttemptError::Link(LinkError::WrongPeer | LinkError::Handshake) => {
            key_alarm(core, cx, contact).await
        }
        _ => Ok(()),
    }
}

/// Somebody with a contact's tag dialled us, and there is no link.
pub(crate) async fn answer_failed(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    error: &LinkError,
) -> Result<(), StoreError> {
    tracing::debug!(%error, "a contact's dial failed");
    match error {
        LinkError::WrongPeer => key_alarm(core, cx, contact).await,
        _ => Ok(()),
    }
}

pub(crate) fn reason_of(error: &AttemptError) -> Reason {
    match error {
        AttemptError::Dial(DialError::NotReady) => Reason::TorNotReady,
        AttemptError::Dial(_) => Reason::ContactUnreachable,
        AttemptError::Link(LinkError::WrongPeer | LinkError::Handshake) => Reason::ContactUnproved,
        AttemptError::Link(LinkError::TimedOut) => Reason::ContactTimedOut,
        AttemptError::Link(_) => Reason::ContactHungUp,
    }
}

/// Somebody has the contact's tag but not their key: say so, but not for every attempt.
async fn key_alarm(core: &mut Core, cx: &mut Cx, contact: ContactId) -> Result<(), StoreError> {
    if !core.sessions.key_alarm(contact, cx.at) {
        return Ok(());
    }
    let Some(row) = contacts::by_id(&mut cx.tx, contact).await? else { return Ok(()) };
    cx.note(&What::KeyChanged { id: row.peer_id.to_hex(), name: row.name }).await
}

/// Lets a contact's link go, if there is one; then they are offline.
pub(crate) fn drop_link(core: &mut Core, cx: &mut Cx, contact: ContactId) {
    if end_link(core, cx, contact) {
        set_presence(core, cx, contact, Presence::Offline);
    }
}

pub(crate) fn end_link(core: &mut Core, cx: &mut Cx, contact: ContactId) -> bool {
    if !core.sessions.link_down(contact, cx.at, &mut cx.rng) {
        return false;
    }
    core.groups.forget(contact);
    cx.fx.push(Effect::Close { contact, bye: None });
    true
}

pub(crate) fn set_presence(core: &mut Core, cx: &mut Cx, contact: ContactId, presence: Presence) {
    core.sessions.set_presence(contact, presence, cx.now);
    cx.fx.marks.show_presence.insert(contact);
}

/// Whoever was online and has no link by now is offline.
pub(crate) fn note_silently_gone(core: &mut Core, cx: &mut Cx) {
    for contact in core.sessions.silently_gone() {
        set_presence(core, cx, contact, Presence::Offline);
    }
}

/// An envelope did not open: tells the contact, and lets go of a link that brings many.
pub(crate) fn report_undecryptable(core: &mut Core, cx: &mut Cx, contact: ContactId) {
    let Some(count) = core.sessions.undecryptable(contact) else { return };
    cx.fx.send(contact, Frame::Error(FrameError::Undecryptable));
    if count >= MAX_UNREADABLE {
        drop_link(core, cx, contact);
    }
}
