//! Links: when to dial, which of two to keep, what to do when one is up and when it is gone.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::actor::Node;
use super::meet::{MeetError, Meeting};
use super::peer::{Candidate, Dialling, Live, Peer, later_survives};
use super::{Links, Report};
use crate::api::types::{Presence, What};
use crate::invitation::Invitation;
use crate::limits::MAX_UNREADABLE;
use crate::link::LinkError;
use crate::link::session::LinkEvent;
use crate::model::{ContactId, OutboxId, Reason};
use crate::store::StoreError;
use crate::store::contacts;
use crate::transport::DialError;
use crate::wire::frame::{Bye, Frame, FrameError, LinkId};

/// A wrong key is reported once in so long, for each contact.
const KEY_ALARM_PAUSE: Duration = Duration::from_hours(1);
/// A link that lived shorter counts as a failure.
const SHORT_LIFE: Duration = Duration::from_secs(30);
/// With nothing to dial, look again after so long.
const FAR: Duration = Duration::from_hours(1);

impl Node {
    /// When the next dial is due.
    pub(super) fn next_dial(&self) -> Instant {
        let due = self.peers.values().filter(|peer| self.is_to_be_dialled(peer)).filter_map(|peer| peer.redial.next());
        match due.min() {
            // Dials before the network is ready for the first time fail at once and only lengthen the pauses.
            Some(next) if self.was_ready => next,
            _ => Instant::now() + FAR,
        }
    }

    pub(super) fn is_to_be_dialled(&self, peer: &Peer) -> bool {
        peer.is_wanted() && peer.link.is_none() && (peer.waiting || self.links == Links::Always)
    }

    /// Starts every dial that is due.
    pub(super) async fn dial_due(&mut self) {
        let now = Instant::now();
        let is_due = |peer: &Peer| self.is_to_be_dialled(peer) && peer.redial.next().is_some_and(|next| next <= now);
        let due: Vec<ContactId> = self.peers.iter().filter(|(_, peer)| is_due(peer)).map(|(id, _)| *id).collect();
        for contact in due {
            self.dial(contact).await;
        }
    }

    async fn dial(&mut self, contact: ContactId) {
        let Some(peer) = self.peers.get_mut(&contact) else { return };
        peer.redial.started();
        let (attempt, hurried) = (peer.redial.attempt(), peer.waiting);
        let endpoint = peer.accepted.as_ref().map(|accepted| accepted.endpoint);
        let (host, transport) = (self.host.clone(), Arc::clone(&self.transport));
        let rng = StdRng::from_rng(&mut self.rng);
        let request = match self.pending_request(contact).await {
            Ok(request) => request,
            Err(error) => {
                tracing::error!(%error, "a request could not be read");
                return self.request_failed(contact, Reason::RequestUnreadable);
            }
        };
        let dial = match (endpoint, request) {
            // Where there is a request beside an endpoint, they take turns.
            (Some(endpoint), request) if request.is_none() || attempt % 2 == 1 => {
                host.dial(transport, contact, endpoint, attempt, rng).boxed()
            }
            (_, Some((invitation, introduction))) => {
                host.ask(transport, contact, invitation, introduction, attempt, rng).boxed()
            }
            (_, None) => return self.request_failed(contact, Reason::RequestUnreadable),
        };
        let (stop, hurry, turns) = (self.stop.child_token(), CancellationToken::new(), Arc::clone(&self.idle_dials));
        if hurried {
            hurry.cancel();
        }
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.dialling = Some(Dialling { _stop: stop.clone().drop_guard(), hurry: hurry.clone() });
        }
        let dial = async move {
            let _turn = hurry.run_until_cancelled(turns.acquire_owned()).await;
            dial.await;
        };
        self.tasks.spawn(async move { stop.run_until_cancelled(dial).await });
    }

    async fn pending_request(&self, contact: ContactId) -> Result<Option<(Invitation, Vec<u8>)>, StoreError> {
        let mut tx = self.store.begin().await?;
        let Some(request) = contacts::request(&mut tx, contact).await? else { return Ok(None) };
        let invitation =
            Invitation::parse(&request.link).map_err(|error| StoreError::damaged("a stored link", error))?;
        Ok(Some((invitation, request.introduction)))
    }

    /// A dial came to nothing.
    pub(super) async fn dial_failed(
        &mut self,
        contact: ContactId,
        error: &MeetError,
        is_request: bool,
    ) -> Result<(), StoreError> {
        tracing::debug!(%error, "a dial came to nothing");
        let Some(peer) = self.peers.get_mut(&contact) else { return Ok(()) };
        peer.trouble = Some(match error {
            MeetError::Dial(DialError::NotReady) => Reason::TorNotReady,
            MeetError::Dial(_) => Reason::ContactUnreachable,
            MeetError::Link(LinkError::WrongPeer | LinkError::Handshake) => Reason::ContactUnproved,
            MeetError::Link(LinkError::TimedOut) => Reason::ContactTimedOut,
            MeetError::Link(_) => Reason::ContactHungUp,
        });
        if peer.link.is_none() {
            peer.redial.failed(Instant::now(), peer.waiting, &mut self.rng);
        }
        match error {
            // Who answers at the link's front door is not whom it names: no later try can help.
            MeetError::Link(LinkError::WrongPeer) if is_request => self.refused_by_proof(contact).await,
            MeetError::Link(LinkError::WrongPeer | LinkError::Handshake) => self.key_alarm(contact).await,
            _ => Ok(()),
        }
    }

    /// A contact's dial to us came to nothing.
    pub(super) async fn answer_failed(&mut self, contact: ContactId, error: &LinkError) -> Result<(), StoreError> {
        tracing::debug!(%error, "a contact's dial came to nothing");
        match error {
            LinkError::WrongPeer => self.key_alarm(contact).await,
            _ => Ok(()),
        }
    }

    /// Somebody has the contact's tag but not its key: say so, loudly but not for every try.
    async fn key_alarm(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let Some(peer) = self.peers.get_mut(&contact) else { return Ok(()) };
        if peer.key_alarm.is_some_and(|last| last.elapsed() < KEY_ALARM_PAUSE) {
            return Ok(());
        }
        peer.key_alarm = Some(Instant::now());
        let mut tx = self.store.begin().await?;
        let Some(row) = contacts::by_id(&mut tx, contact).await? else { return Ok(()) };
        let id = row.peer_id.to_hex();
        super::events::note(&mut tx, &What::KeyChanged { id, name: row.name }, self.clock.now()).await?;
        self.commit(tx).await
    }

    /// Both ends have said hello.
    pub(super) async fn link_up(&mut self, contact: ContactId, meeting: Meeting) -> Result<(), StoreError> {
        let own = self.host.identity.peer_id();
        if self.host.directory.pair(contact) != Some(meeting.pair) {
            // The two have become contacts anew since, by a request that was under way.
            return Ok(());
        }
        let Some(peer) = self.peers.get_mut(&contact).filter(|peer| peer.is_wanted() && peer.accepted.is_some()) else {
            return Ok(());
        };
        let caller = |dialled: bool| if dialled { own } else { peer.id };
        if let Some(live) = &peer.link {
            let earlier = Candidate { id: live.id, dialler: caller(live.dialled), theirs: &live.theirs };
            let later =
                Candidate { id: meeting.session.id, dialler: caller(meeting.session.dialled), theirs: &meeting.theirs };
            if !later_survives(&earlier, &later) {
                return Ok(());
            }
            let _ = live.sender.send(Frame::Bye(Bye::Superseded), None);
        }
        let Meeting { session, theirs, held, .. } = meeting;
        let (id, dialled) = (session.id, session.dialled);
        let cancel = self.links_stop.child_token();
        let reports = self.host.reports.clone();
        let (sender, running) =
            session.run(cancel, reports.clone(), move |event| Report::Link { contact, link: id, event });
        self.tasks.spawn(async move {
            let error = running.await;
            reports.send(Report::LinkEnded { contact, link: id, error }).await.is_ok()
        });
        peer.link = Some(Live {
            id,
            dialled,
            theirs,
            sender,
            in_flight: BTreeMap::new(),
            cursor: OutboxId(0),
            asked: None,
            unreadable: 0,
            since: Instant::now(),
            settled: false,
            _held: held,
        });
        peer.redial.linked();
        peer.trouble = None;
        let beginning = peer.is_beginning();
        self.set_presence(contact, Presence::Online).await?;
        if beginning {
            return self.ask_to_restart(contact).await;
        }
        self.pump(contact).await;
        Ok(())
    }

    /// A link has ended.
    pub(super) async fn link_ended(
        &mut self,
        contact: ContactId,
        link: LinkId,
        error: &LinkError,
    ) -> Result<(), StoreError> {
        tracing::debug!(%error, "a link ended");
        if self.peers.get(&contact).and_then(|peer| peer.link.as_ref()).is_none_or(|live| live.id != link) {
            return Ok(());
        }
        self.drop_link(contact).await
    }

    /// Lets a link go; what was on its way goes over the next one.
    pub(super) async fn drop_link(&mut self, contact: ContactId) -> Result<(), StoreError> {
        if self.let_go(contact) { self.set_presence(contact, Presence::Offline).await } else { Ok(()) }
    }

    /// Who has no link by now is not online.
    pub(super) async fn settle_presence(&mut self) -> Result<(), StoreError> {
        let left = |peer: &Peer| peer.link.is_none() && peer.presence == Presence::Online;
        let left: Vec<ContactId> = self.peers.iter().filter(|(_, peer)| left(peer)).map(|(id, _)| *id).collect();
        for contact in left {
            self.set_presence(contact, Presence::Offline).await?;
        }
        Ok(())
    }

    fn let_go(&mut self, contact: ContactId) -> bool {
        let Some(peer) = self.peers.get_mut(&contact) else { return false };
        let Some(live) = peer.link.take() else { return false };
        live.sender.cancel.cancel();
        peer.conversation = None;
        // A link that ends at once, again and again, must not be dialled at once, again and again.
        if live.since.elapsed() < SHORT_LIFE {
            peer.redial.failed(Instant::now(), peer.waiting, &mut self.rng);
        } else {
            peer.redial.link_lost(Instant::now(), &mut self.rng);
        }
        true
    }

    async fn set_presence(&mut self, contact: ContactId, presence: Presence) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(peer) = self.peers.get_mut(&contact) else { return Ok(()) };
        if std::mem::replace(&mut peer.presence, presence) != presence {
            peer.since = Some(now);
        }
        self.show_presence(contact).await
    }

    /// Something came over a link.
    pub(super) async fn link_event(
        &mut self,
        contact: ContactId,
        link: LinkId,
        event: LinkEvent,
    ) -> Result<(), StoreError> {
        let current = self.peers.get(&contact).and_then(|peer| peer.link.as_ref()).is_some_and(|live| live.id == link);
        match event {
            // Also from a superseded link: what came is welcome, whichever way.
            LinkEvent::Frame(Frame::Envelope(envelope)) => self.receive(contact, &envelope).await,
            // One over a superseded link may be an old one: it comes again over the link that is up.
            LinkEvent::Frame(Frame::Restart(question)) if current => self.restart_asked(contact, &question).await,
            LinkEvent::Frame(Frame::Restarted(answer)) => self.restarted(contact, &answer).await,
            LinkEvent::Frame(refused @ Frame::Refuse(_)) if current => self.restart_failed(contact, &refused).await,
            LinkEvent::Frame(Frame::Bye(reason)) if current => {
                tracing::debug!(?reason, "the contact says goodbye");
                if reason == Bye::Superseded {
                    // The link that was chosen is about to be up: the contact is not away.
                    self.let_go(contact);
                    return Ok(());
                }
                self.drop_link(contact).await?;
                if let (Bye::Stopping, Some(peer)) = (reason, self.peers.get_mut(&contact)) {
                    peer.redial.contact_stopped(Instant::now(), &mut self.rng);
                }
                Ok(())
            }
            LinkEvent::Frame(Frame::Error(error)) => {
                tracing::warn!(?error, "the contact could not use something");
                self.restart_failed(contact, &Frame::Error(error)).await
            }
            LinkEvent::Frame(_) => Ok(()),
            LinkEvent::Flushed(outbox) => self.flushed(contact, outbox).await,
        }
    }

    /// An envelope did not open: tells the contact, and lets go of a link that brings many.
    pub(super) async fn complain(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let Some(live) = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut()) else { return Ok(()) };
        let _ = live.sender.send(Frame::Error(FrameError::Undecryptable), None);
        live.unreadable += 1;
        if live.unreadable < MAX_UNREADABLE { Ok(()) } else { self.drop_link(contact).await }
    }
}
