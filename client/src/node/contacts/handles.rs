//! Handles: claims, renews and releases ours, and answers people who found us by one.

use std::time::Duration;

use chive_shared::api::Code;
use chive_shared::handle::HandleName;
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use futures::FutureExt;
use rand::{Rng, RngCore};

use super::acceptance::{Verdict, accept_request, activate_contact, is_crossed};
use super::book::name_for;
use super::handle_jobs::{Claim, HandleJob, HandleResult};
use super::invitations::current_service;
use crate::api::types::{Decision, ErrorCode, Handle, What};
use crate::error::{NodeError, refuse};
use crate::invitation::{Invitation, InvitationSecret};
use crate::limits::{MAX_HANDLES, MAX_KEY_PACKAGE};
use crate::model::{Answer, ContactStatus, HandleId, HandleStatus, ServiceKind, UnixMillis};
use crate::node::NodeHandle;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::node::find::parse_handle;
use crate::node::session::established::ContactRequest;
use crate::rendezvous::handles::{Claimed, OwnHandle};
use crate::rendezvous::{self, ServerError};
use crate::store::contacts::ContactRow;
use crate::store::handles::{self, HandleRow, NewHandleRequest};
use crate::store::{StoreError, contacts, servers};
use crate::text;
use crate::transport::OnionAddress;
use crate::wire::card::Introduction;
use crate::wire::frame::RejectReason;

/// A handle is renewed this long after its last claim, and up to a third later.
const RENEW_AFTER: Duration = Duration::from_hours(21 * 24);

impl NodeHandle {
    /// Claims a handle, as `name@server`.
    pub async fn claim_handle(&self, handle: &str) -> Result<Handle, NodeError> {
        let (name, server) = parse_handle(handle)?;
        self.call(move |core, cx| claim(core, cx, name, server).boxed()).await
    }

    /// Releases a handle, so that its server no longer leads anybody to us.
    pub async fn release_handle(&self, handle: &str) -> Result<(), NodeError> {
        let (name, server) = parse_handle(handle)?;
        self.call(move |core, cx| release(core, cx, name, server).boxed()).await
    }

    /// Answers a request. `id`: its id, or an unambiguous beginning (8 digits or more) of it.
    pub async fn answer_request(&self, id: &str, decision: Decision) -> Result<(), NodeError> {
        let digits = id.to_ascii_lowercase();
        self.call(move |core, cx| answer(core, cx, digits, decision).boxed()).await
    }

    /// The invitation link that a handle leads to.
    pub(crate) async fn find_handle(&self, handle: &str) -> Result<String, NodeError> {
        let (name, server) = parse_handle(handle)?;
        let token = self.call(move |_, cx| token_for(cx, server).boxed()).await?;
        let way = self.routes.to(server, token.as_deref());
        match rendezvous::handles::find(&way, &name, self.clock.now().0).await {
            Ok(invitation) => Ok(invitation.to_link().to_string()),
            Err(ServerError::Refused(problem)) if problem.code == Code::Unknown => {
                refuse(ErrorCode::UnknownHandle, "nobody has this handle at this server")
            }
            Err(error) => {
                refuse(ErrorCode::ServerUnreachable, format!("the server was not asked: {error}"))
            }
        }
    }
}

async fn token_for(cx: &mut Cx, server: ServerId) -> Result<Option<String>, NodeError> {
    let ours = servers::all(&mut cx.tx).await?;
    Ok(ours.into_iter().find(|ours| ours.id == server).and_then(|ours| ours.token))
}

async fn claim(
    core: &mut Core,
    cx: &mut Cx,
    name: HandleName,
    server: ServerId,
) -> Result<Handle, NodeError> {
    let is_new = handles::find(&mut cx.tx, server, &name).await?.is_none();
    if is_new && handles::all(&mut cx.tx).await?.len() >= MAX_HANDLES {
        return refuse(
            ErrorCode::OutOfRange,
            format!("a profile has at most {MAX_HANDLES} handles"),
        );
    }
    let mut secret = InvitationSecret([0; 16]);
    cx.rng.fill_bytes(&mut secret.0);
    handles::claim(&mut cx.tx, server, &name, &secret).await?;
    let row = handles::find(&mut cx.tx, server, &name)
        .await?
        .ok_or(StoreError::broken("a handle vanished"))?;

    let shown = row.show();
    cx.note(&What::Handle { handle: shown.clone() }).await?;
    core.handle_jobs.retries.remove(&row.id);
    cx.fx.marks.invitations = true;
    start_jobs(core, cx).await?;
    Ok(shown)
}

async fn release(
    core: &mut Core,
    cx: &mut Cx,
    name: HandleName,
    server: ServerId,
) -> Result<(), NodeError> {
    let Some(row) = handles::find(&mut cx.tx, server, &name).await? else {
        return refuse(
            ErrorCode::UnknownHandle,
            "this handle is none of yours: `chive handle list`",
        );
    };

    if row.state == HandleStatus::Failed {
        handles::remove(&mut cx.tx, row.id).await?;
        cx.fx.marks.invitations = true;
    } else {
        handles::release(&mut cx.tx, row.id).await?;
    }

    core.handle_jobs.retries.remove(&row.id);
    start_jobs(core, cx).await?;

    Ok(())
}

/// Claims, renews and releases what is due.
pub(crate) async fn start_jobs(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    let due = handles::due(&mut cx.tx, cx.now).await?;
    let due: Vec<HandleRow> =
        due.into_iter().filter(|row| core.handle_jobs.may_start(row.id, cx.at)).collect();
    if due.is_empty() || !core.sessions.network_was_ready() {
        return Ok(());
    }
    let front_door = current_service(&mut cx.tx, ServiceKind::Requests).await?.onion_address();
    let servers = servers::all(&mut cx.tx).await?;

    for row in due {
        let server = row.server();
        let token =
            servers.iter().find(|ours| ours.id == server).and_then(|ours| ours.token.clone());
        let job = job(core, cx, &row, token, front_door)?;
        core.handle_jobs.running.insert(row.id);
        cx.fx.push(Effect::HandleJob(row.id, Box::new(job)));
    }
    Ok(())
}

fn job(
    core: &Core,
    cx: &mut Cx,
    row: &HandleRow,
    token: Option<String>,
    front_door: OnionAddress,
) -> Result<HandleJob, StoreError> {
    let ours = OwnHandle {
        name: row.name()?,
        root: core.owner.root.clone(),
        last: row.sequence.map(|number| Sequence(number.cast_unsigned())),
    };
    let mut nonce = [0; 24];
    cx.rng.fill_bytes(&mut nonce);
    let invitation = Invitation { front_door, peer_id: cx.own_id(), secret: row.secret.clone() };
    let is_claimed = row.state != HandleStatus::Releasing;
    let server = row.server();

    Ok(HandleJob {
        ours,
        server,
        token,
        now: cx.now.0,
        claim: is_claimed.then_some(Claim { invitation, nonce }),
    })
}

/// What became of a job.
pub(crate) async fn job_done(
    core: &mut Core,
    cx: &mut Cx,
    id: HandleId,
    result: HandleResult,
) -> Result<(), StoreError> {
    core.handle_jobs.running.remove(&id);
    match result {
        HandleResult::Claimed(Claimed { sequence, expires }, front_door) => {
            core.handle_jobs.retries.remove(&id);
            let is_current =
                current_service(&mut cx.tx, ServiceKind::Requests).await?.onion_address()
                    == front_door;
            let renew_at =
                cx.now + RENEW_AFTER + cx.rng.random_range(Duration::ZERO..RENEW_AFTER / 3);
            let sequence = sequence.0.cast_signed();
            handles::claimed(&mut cx.tx, id, sequence, renew_at, UnixMillis(expires)).await?;
            if !is_current {
                // Our address has changed meanwhile.
                handles::claim_again(&mut cx.tx, Some(id)).await?;
            }
        }
        HandleResult::Released => handles::remove(&mut cx.tx, id).await?,
        HandleResult::Failed(error) => {
            tracing::debug!(%error, "a server did not do what it was asked about a handle");
            handles::not_claimed(&mut cx.tx, id, &error.reason(), is_final(&error)).await?;
            core.handle_jobs.failed(id, cx.at);
        }
    }

    if let Some(row) = handles::by_id(&mut cx.tx, id).await? {
        cx.note(&What::Handle { handle: row.show() }).await?;
    }

    cx.fx.marks.invitations = true;

    Ok(())
}

/// Whether no later attempt can help.
fn is_final(error: &ServerError) -> bool {
    use Code::{HandleTaken, NoHandles, NotOwner, TokenRequired};
    matches!(error, ServerError::Refused(problem)
        if matches!(problem.code, HandleTaken | NotOwner | NoHandles | TokenRequired))
}

/// The handle, as it is written, that an invitation belongs to.
pub(crate) async fn of_invitation(
    cx: &mut Cx,
    invitation: &[u8; 16],
) -> Result<Option<String>, StoreError> {
    for row in handles::all(&mut cx.tx).await? {
        if row.secret.clone().id() == *invitation {
            return Ok(Some(row.show().handle));
        }
    }
    Ok(None)
}

/// Whoever found us by a handle waits until we say yes.
pub(crate) async fn judge(
    cx: &mut Cx,
    request: &ContactRequest,
    handle: Option<String>,
    known: Option<ContactRow>,
) -> Result<Verdict, StoreError> {
    let peer = request.peer.peer_id();
    if known.as_ref().is_some_and(|row| row.state == ContactStatus::Accepted) {
        return Ok(Verdict::refuse(RejectReason::Known));
    }
    if let Some(row) = known
        && contacts::request(&mut cx.tx, row.id).await?.is_some()
    {
        // We ask them ourselves: that is a yes.
        return Ok(Verdict::Accept(Some(Box::new(row))));
    }
    let before = handles::request_of(&mut cx.tx, peer).await?;
    if before.is_some_and(|row| row.decision == Some(Answer::Declined)) {
        handles::forget_request(&mut cx.tx, peer).await?;
        return Ok(Verdict::refuse(RejectReason::Declined));
    }
    let Ok(theirs) = Introduction::from_bytes(&request.introduction, MAX_KEY_PACKAGE) else {
        return Ok(Verdict::refuse(RejectReason::Unusable));
    };

    let name = name_for(&mut cx.tx, &theirs.card.name, None).await?;
    let new = NewHandleRequest {
        peer: &request.peer,
        handle: handle.as_deref().unwrap_or_default(),
        introduction: &request.introduction,
        name: &name,
        message: theirs.message.as_deref().filter(|text| !text.is_empty()),
    };
    // Whoever asks again is shown as they ask now: a yes is to what was seen.
    if handles::put_request(&mut cx.tx, &new, cx.now).await?
        && let Some(row) = handles::request_of(&mut cx.tx, peer).await?
    {
        cx.note(&What::Request { request: row.show() }).await?;
    }
    Ok(Verdict::refuse(RejectReason::Pending))
}

async fn answer(
    core: &mut Core,
    cx: &mut Cx,
    digits: String,
    decision: Decision,
) -> Result<(), NodeError> {
    let waiting = handles::waiting(&mut cx.tx).await?;
    let mut found = waiting.iter().filter(|row| row.show().id.starts_with(&digits));
    let (Some(row), None, true) = (found.next(), found.next(), digits.len() >= text::LEAST_ID)
    else {
        let detail = "there is no request with this id: `chive requests` lists them";
        return refuse(ErrorCode::UnknownRequest, detail);
    };

    let peer = row.peer_id;
    match decision {
        Decision::Accept => accept_waiting(core, cx, row).await?,
        Decision::Decline => handles::decide(&mut cx.tx, peer, Answer::Declined).await?,
        Decision::Block => handles::decide(&mut cx.tx, peer, Answer::Blocked).await?,
    }

    cx.note(&What::RequestGone { id: peer.to_hex() }).await?;

    Ok(())
}

async fn accept_waiting(
    core: &mut Core,
    cx: &mut Cx,
    row: &handles::HandleRequestRow,
) -> Result<(), NodeError> {
    let peer = row.peer_id;
    let known = contacts::by_peer(&mut cx.tx, peer).await?.map(Box::new);
    handles::forget_request(&mut cx.tx, peer).await?;

    // If they have become a contact otherwise, what they asked with then would end what there is;
    // and if we ask them and ours comes first, it makes them the same contact.
    let is_contact = known.as_ref().is_some_and(|row| row.state == ContactStatus::Accepted);
    if is_contact || is_crossed(cx, peer, known.as_deref()).await? {
        return Ok(());
    }
    let accepted = accept_request(core, cx, &row.identity()?, &row.introduction, known).await?;
    let Some((contact, _)) = accepted else {
        let detail = "its request cannot be used: its version or its clock may differ from ours";
        return refuse(ErrorCode::NotAccepted, detail);
    };
    activate_contact(core, cx, contact).await?;
    Ok(())
}
