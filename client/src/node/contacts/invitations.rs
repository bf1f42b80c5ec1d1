//! Invitations, and the onion services to host for them and for the contacts.

use std::time::Duration;

use futures::FutureExt;
use rand::{Rng, RngCore};
use zeroize::Zeroizing;

use crate::api::types::{ErrorCode, Invitation, NewInvitation, What};
use crate::error::{NodeError, refuse};
use crate::identity::PeerId;
use crate::invitation::{self, InvitationSecret};
use crate::limits::{
    DEFAULT_INVITATION_LIFE, INVITATION_LIFE, MAX_INVITATION_USES, MAX_INVITATIONS,
};
use crate::model::{ServiceKind, UnixMillis};
use crate::node::NodeHandle;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::store::invitations::InvitationRow;
use crate::store::owner::{self, StoredService};
use crate::store::{StoreError, Tx, handles, invitations};
use crate::transport::{HostedService, ServiceKey};

/// A replaced service for contacts stays up for this long: 7 days, and up to one more.
const CLOSES_AFTER: Duration = Duration::from_hours(7 * 24);
const CLOSES_WITHIN: Duration = Duration::from_hours(24);
/// A replaced service for requests that somebody may have found by a handle.
const HANDLE_CLOSES_AFTER: Duration = Duration::from_hours(28 * 24);

impl NodeHandle {
    /// Makes an invitation, with its link, for a number of people and a time.
    pub async fn invite(&self, new: NewInvitation) -> Result<Invitation, NodeError> {
        self.call(move |_, cx| invite(cx, new).boxed()).await
    }

    /// Revokes an invitation. `id`: an unambiguous beginning of its id.
    pub async fn revoke(&self, id: &str) -> Result<Invitation, NodeError> {
        let digits = id.to_ascii_lowercase();
        self.call(move |_, cx| revoke(cx, digits).boxed()).await
    }
}

async fn invite(cx: &mut Cx, new: NewInvitation) -> Result<Invitation, NodeError> {
    let (uses, life) = (new.uses.unwrap_or(1), new.expires_in.unwrap_or(DEFAULT_INVITATION_LIFE));
    if !(1..=MAX_INVITATION_USES).contains(&uses) {
        return refuse(
            ErrorCode::OutOfRange,
            format!("an invitation is for 1 to {MAX_INVITATION_USES} people"),
        );
    }
    if !INVITATION_LIFE.contains(&life) {
        let detail = "an invitation lives for one minute at least and a year at most";
        return refuse(ErrorCode::OutOfRange, detail);
    }

    let remembered = invitations::all(&mut cx.tx).await?.len();
    if remembered == 0 && handles::all(&mut cx.tx).await?.is_empty() {
        // Nobody can be on the way to the old address: whoever knows it shall not see us there.
        let key = fresh_key(cx);
        owner::add_service(&mut cx.tx, ServiceKind::Requests, &key, cx.now, cx.now).await?;
    }
    if remembered >= MAX_INVITATIONS as usize {
        let detail =
            "there are too many invitations: revoke some, and wait until they are forgotten";
        return refuse(ErrorCode::OutOfRange, detail);
    }

    let mut secret = InvitationSecret([0; 16]);
    cx.rng.fill_bytes(&mut secret.0);
    let front_door = current_service(&mut cx.tx, ServiceKind::Requests).await?.onion_address();
    let invitation =
        invitation::Invitation { front_door, peer_id: cx.own_id(), secret: secret.clone() };
    let expires_at = cx.now + Duration::from_secs(life);
    invitations::add(&mut cx.tx, &secret, &invitation.to_link(), uses, cx.now, expires_at).await?;
    cx.fx.marks.invitations = true;
    noted(cx, &secret.id()).await
}

async fn revoke(cx: &mut Cx, digits: String) -> Result<Invitation, NodeError> {
    let all = invitations::all(&mut cx.tx).await?;
    let begins =
        |row: &&InvitationRow| data_encoding::HEXLOWER.encode(&row.id).starts_with(&digits);
    let mut found = all.iter().filter(|row| !digits.is_empty() && begins(row));
    let (Some(row), None) = (found.next(), found.next()) else {
        let detail = "there is no invitation with this id: `chive invites` lists them";
        return refuse(ErrorCode::UnknownInvitation, detail);
    };
    invitations::revoke(&mut cx.tx, &row.id, cx.now).await?;
    noted(cx, &row.id).await
}

/// Somebody has used an invitation.
pub(crate) async fn take_use(cx: &mut Cx, id: &[u8; 16], peer: PeerId) -> Result<(), StoreError> {
    invitations::take_use(&mut cx.tx, id, peer, cx.now).await?;
    if let Some(row) = find(&mut cx.tx, id).await? {
        cx.note(&What::Invitation { invitation: without_link(&row.show(cx.now)) }).await?;
    }
    Ok(())
}

/// An invitation as it is now, with an event.
async fn noted(cx: &mut Cx, id: &[u8]) -> Result<Invitation, NodeError> {
    let row = find(&mut cx.tx, id).await?.ok_or(StoreError::broken("an invitation vanished"))?;
    let shown = row.show(cx.now);
    cx.note(&What::Invitation { invitation: without_link(&shown) }).await?;
    Ok(shown)
}

/// Events do not keep links: an old event would still let somebody in.
fn without_link(invitation: &Invitation) -> Invitation {
    Invitation { link: None, ..invitation.clone() }
}

pub(crate) async fn find(tx: &mut Tx, id: &[u8]) -> Result<Option<InvitationRow>, StoreError> {
    Ok(invitations::all(tx).await?.into_iter().find(|row| row.id == id))
}

/// Tells the tasks that answer which invitations there are.
pub(crate) async fn refresh(cx: &mut Cx) -> Result<(), StoreError> {
    let all = invitations::all(&mut cx.tx).await?;
    let mut secrets = all.iter().map(|row| row.secret.clone()).collect::<Vec<_>>();
    for handle in handles::all(&mut cx.tx).await? {
        secrets.push(handle.secret);
    }
    cx.fx.push(Effect::Invitations(secrets));
    Ok(())
}

/// Ended invitations and replaced services are forgotten in their time.
pub(crate) async fn forget_old(cx: &mut Cx) -> Result<(), StoreError> {
    cx.fx.marks.invitations |= invitations::forget_old(&mut cx.tx, cx.now).await?;
    cx.fx.marks.services = true;
    Ok(())
}

/// Hosts what is needed now: the service for requests while there are invitations, the one for
/// contacts, and replaced ones until everybody has the new address.
pub(crate) async fn refresh_services(core: &mut Core, cx: &mut Cx) -> Result<(), StoreError> {
    let invited = !invitations::all(&mut cx.tx).await?.is_empty()
        || !handles::all(&mut cx.tx).await?.is_empty();
    let mut wanted: Vec<StoredService> = vec![];
    for service in owner::services(&mut cx.tx).await? {
        if service.closes_at.is_some_and(|at| at <= cx.now) {
            owner::remove_service(&mut cx.tx, service.id).await?;
        } else if service.kind == ServiceKind::Contacts || invited {
            wanted.push(service);
        }
    }

    let ids: Vec<_> = wanted.iter().map(|service| service.id).collect();
    let any_replaced = wanted.iter().any(|service| service.closes_at.is_some());
    let (before, _) = std::mem::replace(&mut core.hosted, (ids.clone(), any_replaced));
    if before != ids {
        let hosted = |service: StoredService| HostedService {
            kind: service.kind,
            key: service.seed,
            current: service.closes_at.is_none(),
        };
        cx.fx.push(Effect::Host(wanted.into_iter().map(hosted).collect()));
    }
    Ok(())
}

/// Another address for contacts, another one for requests, and another presence secret: whoever
/// knew the old ones learns nothing new. The old service for contacts stays up for those who are
/// away; for a fixed time, because its end must not tell when the last of them came back. The old
/// one for requests stays up for the invitations that name it.
pub(crate) async fn rotate_services(cx: &mut Cx) -> Result<(), StoreError> {
    let (contacts, requests) = (fresh_key(cx), fresh_key(cx));
    let mut presence = Zeroizing::new([0; 32]);
    cx.rng.fill_bytes(&mut *presence);

    let contacts_close = cx.now + CLOSES_AFTER + cx.rng.random_range(Duration::ZERO..CLOSES_WITHIN);
    owner::add_service(&mut cx.tx, ServiceKind::Contacts, &contacts, cx.now, contacts_close)
        .await?;
    let requests_close = last_use_of_requests(cx, contacts_close).await?;
    owner::add_service(&mut cx.tx, ServiceKind::Requests, &requests, cx.now, requests_close)
        .await?;

    handles::claim_again(&mut cx.tx, None).await?;
    let step = cx.rng.random_range(1..1 << 20);
    owner::renew_presence(&mut cx.tx, &presence, step).await
}

/// When nobody can be on the way to the present address for requests any more.
async fn last_use_of_requests(
    cx: &mut Cx,
    contacts_close: UnixMillis,
) -> Result<UnixMillis, StoreError> {
    let all = invitations::all(&mut cx.tx).await?;
    // An answer may have been lost on its way, and somebody who found us by a handle may wait for
    // one.
    let by_handle = !handles::all(&mut cx.tx).await?.is_empty()
        || handles::count_waiting(&mut cx.tx).await? > 0;
    let answered = if by_handle { cx.now + HANDLE_CLOSES_AFTER } else { contacts_close };
    let invited = all.iter().filter_map(|row| row.active_until(cx.now)).max();
    Ok(invited.unwrap_or(cx.now).max(answered))
}

fn fresh_key(cx: &mut Cx) -> ServiceKey {
    let mut key = ServiceKey([0; 32]);
    cx.rng.fill_bytes(&mut key.0);
    key
}

/// The key of the service that others are told now.
pub(crate) async fn current_service(
    tx: &mut Tx,
    kind: ServiceKind,
) -> Result<ServiceKey, StoreError> {
    let services = owner::services(tx).await?;
    let current =
        services.into_iter().find(|service| service.kind == kind && service.closes_at.is_none());
    current.map(|service| service.seed).ok_or(StoreError::broken("an onion service is missing"))
}
