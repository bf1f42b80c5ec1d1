//! What happens on links: one comes up, brings something, ends; and when to dial for the next.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::handshake::{AttemptError, Greeted};
use super::table::{Arrival, NewLink, Peer, superseded};
use crate::api::types::{Presence, What};
use crate::invitation::Invitation;
use crate::limits::MAX_UNREADABLE;
use crate::link::LinkError;
use crate::link::session::LinkEvent;
use crate::model::{ContactId, Reason};
use crate::node::conversation::{inbox, outbox, restart};
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::{Dial, Effect, Target};
use crate::node::input::LinkInput;
use crate::store::{StoreError, contacts};
use crate::transport::DialError;
use crate::wire::frame::{Bye, Frame, FrameError, LinkId};

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
    let hurried = peer.waiting;

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
    cx.fx.push(Effect::Dial(Box::new(Dial { contact, target, attempt, hurried, rng })));
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

/// Both ends of a new link have said hello.
pub(crate) async fn link_up(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    greeted: Box<Greeted>,
) -> Result<(), StoreError> {
    if core.keyring.version(contact) != Some(greeted.version) {
        // The two have become contacts once more since, by a request that was under way.
        return Ok(());
    }
    let new = NewLink {
        id: greeted.session.id,
        dialled: greeted.session.dialled,
        theirs: greeted.theirs.clone(),
    };
    match core.sessions.link_up(contact, new, cx.at) {
        Arrival::Unwanted => return Ok(()),
        Arrival::Replaces => cx.fx.push(superseded(contact)),
        Arrival::Only => {}
    }
    cx.fx.push(Effect::Run { contact, greeted });

    set_presence(core, cx, contact, Presence::Online);
    let is_restarting = core.sessions.get(contact).is_some_and(Peer::is_restarting);
    if is_restarting {
        return restart::ask(core, cx, contact).await;
    }
    cx.fx.deliver(contact);
    Ok(())
}

/// Something came over a link, or it ended.
pub(crate) async fn link_input(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    link: LinkId,
    input: LinkInput,
) -> Result<(), StoreError> {
    let is_current = core.sessions.is_current(contact, link);
    match input {
        LinkInput::Event(LinkEvent::Frame(frame)) => {
            frame_came(core, cx, contact, frame, is_current).await
        }
        LinkInput::Event(LinkEvent::Flushed(row)) => outbox::taken(core, cx, contact, row).await,
        LinkInput::Ended(error) => {
            tracing::debug!(%error, "a link ended");
            if is_current {
                drop_link(core, cx, contact);
            }
            Ok(())
        }
    }
}

async fn frame_came(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    frame: Frame,
    is_current: bool,
) -> Result<(), StoreError> {
    match frame {
        // Even from a superseded link: an envelope is welcome, whichever way it came.
        Frame::Envelope(envelope) => inbox::envelope_came(core, cx, contact, envelope).await,
        // One over a superseded link may be an old one: it comes again over the link that is up.
        Frame::Restart(request) if is_current => {
            restart::requested(core, cx, contact, &request).await
        }
        Frame::Restarted(answer) => restart::answered(core, cx, contact, &answer).await,
        refused @ Frame::Refuse(_) if is_current => {
            restart::failed(core, cx, contact, &refused).await
        }
        Frame::Bye(reason) if is_current => {
            said_goodbye(core, cx, contact, reason);
            Ok(())
        }
        Frame::Error(error) => {
            tracing::warn!(?error, "the contact could not use something");
            restart::failed(core, cx, contact, &Frame::Error(error)).await
        }
        _ => Ok(()),
    }
}

fn said_goodbye(core: &mut Core, cx: &mut Cx, contact: ContactId, reason: Bye) {
    tracing::debug!(?reason, "the contact says goodbye");
    if reason == Bye::Superseded {
        // The link that was chosen is about to be up: the contact is not away.
        end_link(core, cx, contact);
        return;
    }

    drop_link(core, cx, contact);
    if reason == Bye::Stopping
        && let Some(peer) = core.sessions.get_mut(contact)
    {
        peer.redial.contact_stopped(cx.at, &mut cx.rng);
    }
}

/// Lets a contact's link go, if there is one; then they are offline.
pub(crate) fn drop_link(core: &mut Core, cx: &mut Cx, contact: ContactId) {
    if end_link(core, cx, contact) {
        set_presence(core, cx, contact, Presence::Offline);
    }
}

fn end_link(core: &mut Core, cx: &mut Cx, contact: ContactId) -> bool {
    if !core.sessions.link_down(contact, cx.at, &mut cx.rng) {
        return false;
    }
    core.groups.forget(contact);
    cx.fx.push(Effect::Close { contact, bye: None });
    true
}

fn set_presence(core: &mut Core, cx: &mut Cx, contact: ContactId, presence: Presence) {
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
