//! Handles what a link brings: it comes up, a frame arrives, it ends. Passes each frame to its
//! domain.

use super::established::EstablishedLink;
use super::links::{drop_link, end_link, set_presence};
use super::table::{LinkAdmission, NewLink, Peer, superseded};
use crate::api::types::Presence;
use crate::link::session::LinkEvent;
use crate::model::ContactId;
use crate::node::conversation::{inbox, outbox, restart};
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::node::input::LinkInput;
use crate::store::StoreError;
use crate::wire::frame::{Bye, Frame, LinkId};

/// Both ends of a new link have said hello.
pub(crate) async fn link_up(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    established_link: Box<EstablishedLink>,
) -> Result<(), StoreError> {
    if core.keyring.version(contact) != Some(established_link.version) {
        // The two have become contacts once more since, by a request that was under way.
        return Ok(());
    }
    let new = NewLink {
        id: established_link.session.id,
        dialled: established_link.session.dialled,
        theirs: established_link.theirs.clone(),
    };
    match core.sessions.link_up(contact, new, cx.at) {
        LinkAdmission::Unwanted => return Ok(()),
        LinkAdmission::Replaces => cx.fx.push(superseded(contact)),
        LinkAdmission::Only => {}
    }
    cx.fx.push(Effect::Run { contact, established_link });

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
