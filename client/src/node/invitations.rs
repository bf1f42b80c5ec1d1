//! Commands about invitations, and the onion services that they and the contacts need.

use std::time::Duration;

use rand::{Rng, RngCore};
use zeroize::Zeroizing;

use super::actor::{Node, refuse};
use super::events;
use crate::api::types::{ErrorCode, Invitation, NewInvitation, What};
use crate::fault::Fault;
use crate::invitation::{self, InvitationSecret};
use crate::limits::{DEFAULT_INVITATION_LIFE, INVITATION_LIFE, MAX_INVITATION_USES, MAX_INVITATIONS};
use crate::model::{ServiceId, ServiceKind, UnixMillis};
use crate::store::owner::{self, Service};
use crate::store::{StoreError, Tx};
use crate::store::{handles, invitations};
use crate::transport::{HostedService, ServiceKey};

/// A replaced endpoint stays up for so long: 7 days, and up to one more.
const CLOSES_AFTER: Duration = Duration::from_hours(7 * 24);
const CLOSES_WITHIN: Duration = Duration::from_hours(24);
/// A replaced front door that somebody may have found by a handle.
const HANDLE_CLOSES_AFTER: Duration = Duration::from_hours(28 * 24);

impl Node {
    pub(super) async fn invite(&mut self, new: &NewInvitation) -> Result<Invitation, Fault> {
        let (uses, life) = (new.uses.unwrap_or(1), new.expires_in.unwrap_or(DEFAULT_INVITATION_LIFE));
        if !(1..=MAX_INVITATION_USES).contains(&uses) {
            return refuse(ErrorCode::OutOfRange, format!("an invitation is for 1 to {MAX_INVITATION_USES} people"));
        }
        if !INVITATION_LIFE.contains(&life) {
            return refuse(ErrorCode::OutOfRange, "an invitation lives for one minute at least and a year at most");
        }
        let mut secret = InvitationSecret([0; 16]);
        self.rng.fill_bytes(&mut secret.0);
        let now = self.clock.now();
        let mut tx = self.begin().await?;
        let remembered = invitations::all(&mut tx).await?.len();
        if remembered == 0 && handles::all(&mut tx).await?.is_empty() {
            // Nobody can be on the way to the old front door: who knows it shall not see us there.
            let front = self.fresh_seed();
            owner::add_service(&mut tx, ServiceKind::Requests, &front, now, now).await?;
        }
        if remembered >= MAX_INVITATIONS as usize {
            return refuse(
                ErrorCode::OutOfRange,
                "there are too many invitations: revoke some, and wait until they are forgotten",
            );
        }
        let front_door = current(&mut tx, ServiceKind::Requests).await?.onion_address();
        let link = invitation::Invitation { front_door, peer_id: self.own_id(), secret: secret.clone() }.to_link();
        let expires_at = now + Duration::from_secs(life);
        invitations::add(&mut tx, &secret, &link, uses, now, expires_at).await?;
        let shown = show(&mut tx, &secret.id(), now).await?;
        events::note(&mut tx, &What::Invitation { invitation: hidden(&shown) }, now).await?;
        self.commit(tx).await?;
        self.refresh_invitations().await?;
        self.refresh_services().await?;
        Ok(shown)
    }

    pub(super) async fn invitations(&mut self) -> Result<Vec<Invitation>, Fault> {
        let mut tx = self.begin().await?;
        Ok(invitations::all(&mut tx).await?.iter().map(|row| row.show(self.clock.now())).collect())
    }

    pub(super) async fn revoke(&mut self, id: &str) -> Result<Invitation, Fault> {
        let now = self.clock.now();
        let mut tx = self.begin().await?;
        let digits = id.to_ascii_lowercase();
        let all = invitations::all(&mut tx).await?;
        let mut found =
            all.iter().filter(|row| !digits.is_empty() && data_encoding::HEXLOWER.encode(&row.id).starts_with(&digits));
        let (Some(row), None) = (found.next(), found.next()) else {
            return refuse(
                ErrorCode::UnknownInvitation,
                "there is no invitation with this id: `chive invites` lists them",
            );
        };
        invitations::revoke(&mut tx, &row.id, now).await?;
        let shown = show(&mut tx, &row.id, now).await?;
        events::note(&mut tx, &What::Invitation { invitation: hidden(&shown) }, now).await?;
        self.commit(tx).await?;
        Ok(shown)
    }

    /// Tells the answering tasks which invitations there are.
    pub(super) async fn refresh_invitations(&mut self) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let all = invitations::all(&mut tx).await?;
        let invited = all.into_iter().map(|row| row.secret);
        let by_handle = handles::all(&mut tx).await?.into_iter().map(|row| row.secret);
        self.host.directory.set_invitations(invited.chain(by_handle).collect());
        Ok(())
    }

    /// Ended invitations and told endpoints are forgotten in their time.
    pub(super) async fn forget_old(&mut self) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        if invitations::forget_old(&mut tx, self.clock.now()).await? {
            self.commit(tx).await?;
            self.refresh_invitations().await?;
        } else {
            drop(tx);
        }
        self.refresh_services().await
    }

    /// Hosts what is needed now: the front door while there are invitations, the endpoint, and
    /// replaced endpoints until everybody has the new one.
    pub(super) async fn refresh_services(&mut self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        let invited = !invitations::all(&mut tx).await?.is_empty() || !handles::all(&mut tx).await?.is_empty();
        let mut hosted = vec![];
        let mut closed = false;
        for service in owner::services(&mut tx).await? {
            if service.closes_at.is_some_and(|at| at <= now) {
                owner::remove_service(&mut tx, service.id).await?;
                closed = true;
            } else if service.kind == ServiceKind::Contacts || invited {
                hosted.push(service);
            }
        }
        if closed {
            self.commit(tx).await?;
        }
        self.host_services(hosted).await;
        Ok(())
    }

    async fn host_services(&mut self, services: Vec<Service>) {
        self.replaced = services.iter().any(|service| service.closes_at.is_some());
        let rows: Vec<ServiceId> = services.iter().map(|service| service.id).collect();
        if rows == self.hosted {
            return;
        }
        self.hosted = rows;
        let hosted = |service: Service| HostedService {
            kind: service.kind,
            key: service.seed,
            current: service.closes_at.is_none(),
        };
        self.transport.host(services.into_iter().map(hosted).collect()).await;
    }

    /// Another endpoint, another front door and another presence secret: who knew the old ones learns
    /// nothing new. The old endpoint stays up for contacts who are away; a fixed time, because its
    /// end must not tell when the last of them came back. The old front door stays up for the
    /// invitations that name it.
    pub(super) async fn move_out(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        let now = self.clock.now();
        let (endpoint, front, mut presence) = (self.fresh_seed(), self.fresh_seed(), Zeroizing::new([0; 32]));
        self.rng.fill_bytes(&mut *presence);
        let endpoint_closes = now + CLOSES_AFTER + self.rng.random_range(Duration::ZERO..CLOSES_WITHIN);
        owner::add_service(tx, ServiceKind::Contacts, &endpoint, now, endpoint_closes).await?;
        let all = invitations::all(tx).await?;
        // An answer may have been lost on its way, and who found us by a handle may wait for one.
        let by_handle = !handles::all(tx).await?.is_empty() || handles::count_waiting(tx).await? > 0;
        let answered = if by_handle { now + HANDLE_CLOSES_AFTER } else { endpoint_closes };
        let front_closes = all.iter().filter_map(|row| row.active_until(now)).max().unwrap_or(now).max(answered);
        owner::add_service(tx, ServiceKind::Requests, &front, now, front_closes).await?;
        handles::claim_again(tx, None).await?;
        owner::renew_presence(tx, &presence, self.rng.random_range(1..1 << 20)).await
    }

    fn fresh_seed(&mut self) -> ServiceKey {
        let mut seed = ServiceKey([0; 32]);
        self.rng.fill_bytes(&mut seed.0);
        seed
    }
}

/// The seed of the service that others are told now.
pub(super) async fn current(tx: &mut Tx, kind: ServiceKind) -> Result<ServiceKey, StoreError> {
    let services = owner::services(tx).await?;
    let found = services.into_iter().find(|service| service.kind == kind && service.closes_at.is_none());
    found.map(|service| service.seed).ok_or(StoreError::broken("an onion service is missing"))
}

async fn show(tx: &mut Tx, id: &[u8], now: UnixMillis) -> Result<Invitation, StoreError> {
    let all = invitations::all(tx).await?;
    all.iter().find(|row| row.id == id).map(|row| row.show(now)).ok_or(StoreError::broken("an invitation vanished"))
}

/// Events do not keep links: an old event would still let somebody in.
pub(super) fn hidden(invitation: &Invitation) -> Invitation {
    Invitation { link: None, ..invitation.clone() }
}
