//! Handles: ours, which are claimed and renewed in their time, and those who found us by one.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chive_shared::api::Code;
use chive_shared::handle::HandleName;
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use rand::{Rng, RngCore};
use tokio::time::Instant;

use super::actor::{Node, refuse};
use super::meet::Asking;
use super::requests::Verdict;
use super::servers::parse_server;
use super::{Report, events};
use crate::api::types::{Decision, ErrorCode, Handle, Request, What};
use crate::fault::Fault;
use crate::identity::PeerId;
use crate::invitation::{Invitation, InvitationSecret};
use crate::limits::{MAX_HANDLES, MAX_KEY_PACKAGE};
use crate::model::{Answer, ContactStatus, HandleId, HandleStatus, ServiceKind, UnixMillis};
use crate::rendezvous::handles::{Claimed, Ours};
use crate::rendezvous::{self, ServerError, Way};
use crate::store::contacts::ContactRow;
use crate::store::handles::{self, HandleRow, NewAsking};
use crate::store::{StoreError, Tx, contacts, servers};
use crate::text;
use crate::transport::OnionAddress;
use crate::wire::card::Introduction;
use crate::wire::frame::{Frame, Refusal};

/// A handle is renewed so long after its last claim, and up to a third later.
const RENEW_AFTER: Duration = Duration::from_hours(21 * 24);

/// What is under way for our handles.
#[derive(Default)]
pub(super) struct Errands {
    busy: BTreeSet<HandleId>,
    /// After so many failures, the next try.
    later: BTreeMap<HandleId, (u32, Instant)>,
}

/// What became of an errand.
pub(super) enum ErrandNews {
    /// With a card that names this front door.
    Claimed(Claimed, OnionAddress),
    Released,
    Failed(ServerError),
}

impl Node {
    pub(super) async fn handles(&mut self) -> Result<Vec<Handle>, Fault> {
        let mut tx = self.begin().await?;
        Ok(handles::all(&mut tx).await?.iter().map(HandleRow::show).collect())
    }

    pub(super) async fn claim_handle(&mut self, handle: &str) -> Result<Handle, Fault> {
        let (name, server) = parse_handle(handle)?;
        let mut tx = self.begin().await?;
        if handles::find(&mut tx, server, &name).await?.is_none() && handles::all(&mut tx).await?.len() >= MAX_HANDLES {
            return refuse(ErrorCode::OutOfRange, format!("a profile has at most {MAX_HANDLES} handles"));
        }
        let mut secret = InvitationSecret([0; 16]);
        self.rng.fill_bytes(&mut secret.0);
        handles::claim(&mut tx, server, &name, &secret).await?;
        let Some(row) = handles::find(&mut tx, server, &name).await? else {
            return Err(super::internal(&"a handle vanished"));
        };
        let shown = row.show();
        events::note(&mut tx, &What::Handle { handle: shown.clone() }, self.clock.now()).await?;
        self.commit(tx).await?;
        self.errands.later.remove(&row.id);
        self.refresh_invitations().await?;
        self.refresh_services().await?;
        self.run_errands().await?;
        Ok(shown)
    }

    pub(super) async fn release_handle(&mut self, handle: &str) -> Result<(), Fault> {
        let (name, server) = parse_handle(handle)?;
        let mut tx = self.begin().await?;
        let Some(row) = handles::find(&mut tx, server, &name).await? else {
            return refuse(ErrorCode::UnknownHandle, "this handle is none of yours: `chive handle list`");
        };
        if row.state == HandleStatus::Failed {
            handles::remove(&mut tx, row.id).await?;
        } else {
            handles::release(&mut tx, row.id).await?;
        }
        self.commit(tx).await?;
        self.errands.later.remove(&row.id);
        Ok(self.run_errands().await?)
    }

    /// Claims, renews and gives back what is due.
    pub(super) async fn run_errands(&mut self) -> Result<(), StoreError> {
        let moment = Instant::now();
        let mut tx = self.store.begin().await?;
        let rows = handles::due(&mut tx, self.clock.now()).await?;
        let may = |row: &&HandleRow| {
            !self.errands.busy.contains(&row.id)
                && self.errands.later.get(&row.id).is_none_or(|(_, next)| *next <= moment)
        };
        let due: Vec<&HandleRow> = rows.iter().filter(may).collect();
        if due.is_empty() || !self.was_ready {
            return Ok(());
        }
        let front_door = super::invitations::current(&mut tx, ServiceKind::Requests).await?.onion_address();
        let ours = servers::all(&mut tx).await?;
        drop(tx);
        let due: Vec<(&HandleRow, Way)> = due
            .into_iter()
            .map(|row| {
                let server = row.server();
                let token = ours.iter().find(|ours| ours.id == server).and_then(|ours| ours.token.as_deref());
                Ok((row, self.way(server, token)))
            })
            .collect::<Result<_, StoreError>>()?;
        for (row, way) in due {
            self.run_errand(row, way, front_door)?;
        }
        Ok(())
    }

    fn run_errand(&mut self, row: &HandleRow, way: Way, front_door: OnionAddress) -> Result<(), StoreError> {
        let (id, now) = (row.id, self.clock.now());
        let ours = Ours {
            name: row.name()?,
            root: self.owner.root.clone(),
            last: row.sequence.map(|number| Sequence(number.cast_unsigned())),
        };
        let invitation = Invitation { front_door, peer_id: self.own_id(), secret: row.secret.clone() };
        let (releasing, mut nonce) = (row.state == HandleStatus::Releasing, [0; 24]);
        self.rng.fill_bytes(&mut nonce);
        self.errands.busy.insert(id);
        let (host, stop) = (self.host.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let errand = async {
                let done = if releasing {
                    ours.release(&way, now.0).await.map(|()| ErrandNews::Released)
                } else {
                    ours.claim(&way, &invitation, now.0, nonce)
                        .await
                        .map(|claimed| ErrandNews::Claimed(claimed, front_door))
                };
                host.report(Report::Errand { id, news: done.unwrap_or_else(ErrandNews::Failed) }).await;
            };
            stop.run_until_cancelled(errand).await
        });
        Ok(())
    }

    pub(super) async fn errand_news(&mut self, id: HandleId, news: ErrandNews) -> Result<(), StoreError> {
        self.errands.busy.remove(&id);
        let now = self.clock.now();
        let mut tx = self.store.begin().await?;
        match news {
            ErrandNews::Claimed(Claimed { sequence, expires }, front_door) => {
                self.errands.later.remove(&id);
                let is_current =
                    super::invitations::current(&mut tx, ServiceKind::Requests).await?.onion_address() == front_door;
                let renew_at = now + RENEW_AFTER + self.rng.random_range(Duration::ZERO..RENEW_AFTER / 3);
                handles::claimed(&mut tx, id, sequence.0.cast_signed(), renew_at, UnixMillis(expires)).await?;
                if !is_current {
                    // We have moved meanwhile.
                    handles::claim_again(&mut tx, Some(id)).await?;
                }
            }
            ErrandNews::Released => handles::remove(&mut tx, id).await?,
            ErrandNews::Failed(error) => {
                tracing::debug!(%error, "a server did not do what it was asked about a handle");
                let for_good = matches!(&error, ServerError::Refused(problem)
                    if matches!(problem.code, Code::HandleTaken | Code::NotOwner | Code::NoHandles | Code::TokenRequired));
                handles::not_claimed(&mut tx, id, &error.reason(), for_good).await?;
                let failures = self.errands.later.get(&id).map_or(0, |(failures, _)| *failures);
                let next = Instant::now() + rendezvous::pause(failures).max(Duration::from_secs(5));
                self.errands.later.insert(id, (failures.saturating_add(1), next));
            }
        }
        if let Some(row) = handles::by_id(&mut tx, id).await? {
            events::note(&mut tx, &What::Handle { handle: row.show() }, now).await?;
        }
        self.commit(tx).await?;
        self.refresh_invitations().await?;
        self.refresh_services().await
    }

    /// The handle, as it is written, that an invitation belongs to.
    pub(super) async fn handle_of(&self, tx: &mut Tx, invitation: &[u8; 16]) -> Result<Option<String>, StoreError> {
        for row in handles::all(tx).await? {
            if row.secret.id() == *invitation {
                return Ok(Some(row.written()));
            }
        }
        Ok(None)
    }

    /// Who found us by a handle waits until we say yes.
    pub(super) async fn judge_by_handle(
        &mut self,
        tx: &mut Tx,
        asking: &Asking,
        handle: Option<String>,
        known: Option<ContactRow>,
    ) -> Result<Verdict, StoreError> {
        let refused = |reason| Ok(Verdict::Answer(Frame::Refuse(reason)));
        let peer = asking.peer.peer_id();
        if known.as_ref().is_some_and(|row| row.state == ContactStatus::Accepted) {
            return refused(Refusal::Known);
        }
        if let Some(row) = known
            && contacts::request(tx, row.id).await?.is_some()
        {
            // We ask it ourselves: that is a yes.
            return Ok(Verdict::Accept(Some(Box::new(row))));
        }
        let before = handles::asking_of(tx, peer).await?;
        if before.is_some_and(|row| row.decision == Some(Answer::Declined)) {
            handles::forget_asking(tx, peer).await?;
            return refused(Refusal::Declined);
        }
        let Ok(theirs) = Introduction::from_bytes(&asking.introduction, MAX_KEY_PACKAGE) else {
            return refused(Refusal::Unusable);
        };
        let name = self.own_name(tx, &theirs.card.name, None).await?;
        let new = NewAsking {
            peer: &asking.peer,
            handle: handle.as_deref().unwrap_or_default(),
            introduction: &asking.introduction,
            name: &name,
            message: theirs.message.as_deref().filter(|text| !text.is_empty()),
        };
        let now = self.clock.now();
        // Who asks again is shown as it asks now: a yes is to what was seen.
        if handles::put_asking(tx, &new, now).await?
            && let Some(row) = handles::asking_of(tx, peer).await?
        {
            events::note(tx, &What::Request { request: row.show() }, now).await?;
        }
        refused(Refusal::Pending)
    }

    /// Who has become a contact does not ask any more.
    pub(super) async fn asks_no_more(&self, tx: &mut Tx, peer: PeerId) -> Result<(), StoreError> {
        let Some(row) = handles::asking_of(tx, peer).await? else { return Ok(()) };
        handles::forget_asking(tx, peer).await?;
        if row.decision.is_none() {
            events::note(tx, &What::RequestGone { id: row.peer_id.to_hex() }, self.clock.now()).await?;
        }
        Ok(())
    }

    pub(super) async fn requests(&mut self) -> Result<Vec<Request>, Fault> {
        let mut tx = self.begin().await?;
        Ok(handles::waiting(&mut tx).await?.iter().map(handles::AskingRow::show).collect())
    }

    pub(super) async fn answer_request(&mut self, id: &str, decision: Decision) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        let digits = id.to_ascii_lowercase();
        let waiting = handles::waiting(&mut tx).await?;
        let mut found = waiting.iter().filter(|row| row.peer_id.to_hex().starts_with(&digits));
        let (Some(row), None, true) = (found.next(), found.next(), digits.len() >= text::LEAST_ID) else {
            return refuse(ErrorCode::UnknownRequest, "there is no request with this id: `chive requests` lists them");
        };
        let (peer, now) = (row.peer_id, self.clock.now());
        let accepted = match decision {
            Decision::Accept => {
                let known = contacts::by_peer(&mut tx, peer).await?.map(Box::new);
                handles::forget_asking(&mut tx, peer).await?;
                if known.as_ref().is_some_and(|row| row.state == ContactStatus::Accepted) {
                    // It has become a contact otherwise: what it asked with then would end what there is.
                    None
                } else if self.is_crossed(&mut tx, peer, known.as_deref()).await? {
                    // Ours to it comes first, and makes it the same contact.
                    None
                } else {
                    let taken = self.take_in(&mut tx, &row.identity()?, &row.introduction, known).await?;
                    let Some((contact, _)) = taken else {
                        return refuse(
                            ErrorCode::NotAccepted,
                            "its request cannot be used: its version or its clock may differ from ours",
                        );
                    };
                    Some(contact)
                }
            }
            Decision::Decline => {
                handles::decide(&mut tx, peer, Answer::Declined).await?;
                None
            }
            Decision::Block => {
                handles::decide(&mut tx, peer, Answer::Blocked).await?;
                None
            }
        };
        events::note(&mut tx, &What::RequestGone { id: row.peer_id.to_hex() }, now).await?;
        self.commit(tx).await?;
        if let Some(contact) = accepted {
            self.drop_link(contact).await?;
            self.welcome_asker(contact).await?;
        }
        Ok(())
    }

    /// The way to the server of a handle, for who looks it up.
    pub(super) async fn way_to(&mut self, server: ServerId) -> Result<Way, Fault> {
        let mut tx = self.begin().await?;
        let ours = servers::all(&mut tx).await?;
        let token = ours.iter().find(|ours| ours.id == server).and_then(|ours| ours.token.as_deref());
        Ok(self.way(server, token))
    }
}

/// `name@server`
pub(super) fn parse_handle(handle: &str) -> Result<(HandleName, ServerId), Fault> {
    let Some((name, server)) = handle.trim().rsplit_once('@') else {
        return refuse(ErrorCode::InvalidHandle, "a handle is written NAME@SERVER, with the server's onion address");
    };
    let name = name
        .parse()
        .or_else(|error: chive_shared::handle::NameError| refuse(ErrorCode::InvalidHandle, error.to_string()))?;
    let server = parse_server(server).map_err(|fault| Fault::new(ErrorCode::InvalidHandle, fault.detail))?;
    Ok((name, server))
}
