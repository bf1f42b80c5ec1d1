//! Becoming contacts: opening a link, answering somebody who opened ours.

use std::time::Duration;

use tokio::time::Instant;

use super::actor::{Node, refuse};
use super::envelopes::digest;
use super::events;
use super::internal;
use super::meet::{Asking, Reply};
use super::peer::Peer;
use crate::api::types::{Contact, ErrorCode, NewContact, What};
use crate::fault::Fault;
use crate::identity::{PeerId, PublicIdentity};
use crate::invitation::{Invitation, LinkTextError};
use crate::limits::{MAX_CONTACTS, MAX_KEY_PACKAGE, MAX_REQUEST_TEXT, MAX_WELCOME};
use crate::model::{ContactId, ContactStatus, InvitationStatus, Reason, UnixMillis};
use crate::store::contacts::{self, ContactRow, Naming, RequestRow};
use crate::store::conversations::Acceptance;
use crate::store::invitations::{self, InvitationRow};
use crate::store::{StoreError, Tx, afresh, conversations};
use crate::text;
use crate::wire::card::Introduction;
use crate::wire::frame::{Frame, Refusal};
use chive_mls::{Conversation, Draft};

/// A withdrawn request is remembered so long, in memory alone: none is on its way for longer.
const WITHDRAWN_FOR: Duration = Duration::from_mins(5);
/// After so long with a link, no request of before it is under way.
const SETTLED: Duration = Duration::from_secs(30);
/// So many are, at most.
const MAX_WITHDRAWN: usize = 64;

/// What becomes of a request to us.
pub(super) enum Verdict {
    Answer(Frame),
    Accept(Option<Box<ContactRow>>),
}

impl Node {
    /// Opens an invitation link.
    pub(super) async fn add_contact(&mut self, new: &NewContact) -> Result<Contact, Fault> {
        let invitation = Invitation::parse(&new.link).or_else(|error| match error {
            LinkTextError::Version(_) => refuse(ErrorCode::UnsupportedLink, error.to_string()),
            _ => refuse(ErrorCode::InvalidLink, error.to_string()),
        })?;
        if invitation.peer_id == self.own_id() {
            return refuse(
                ErrorCode::OwnLink,
                "this is your own invitation: give it to the person whom you want as a contact",
            );
        }
        if new.message.as_ref().is_some_and(|text| text.is_empty() || text.len() > MAX_REQUEST_TEXT) {
            return refuse(ErrorCode::InvalidText, format!("a request has 1 to {MAX_REQUEST_TEXT} bytes of text"));
        }
        let mut tx = self.begin().await?;
        let known = contacts::by_peer(&mut tx, invitation.peer_id).await?;
        if let Some(row) = &known {
            self.check_worth_asking(row)?;
        }
        if contacts::count(&mut tx).await? >= MAX_CONTACTS {
            return refuse(ErrorCode::OutOfRange, format!("a profile has at most {MAX_CONTACTS} contacts"));
        }
        let contact = self.request(&mut tx, &invitation, known, new).await?;
        events::note_contact(&mut tx, contact, self.clock.now()).await?;
        self.commit(tx).await?;
        self.welcome(contact).await?;
        let mut tx = self.begin().await?;
        match contacts::by_id(&mut tx, contact).await? {
            Some(row) => Ok(self.show_contact(&mut tx, &row).await?),
            None => Err(internal(&"a contact vanished")),
        }
    }

    /// A contact that is away for good may be found again by another link; one that is there need not.
    fn check_worth_asking(&self, row: &ContactRow) -> Result<(), Fault> {
        let name = text::for_one_line(&row.name);
        if row.blocked {
            return refuse(ErrorCode::AlreadyContact, format!("the person behind this link is blocked: {name}"));
        }
        if self.is_linked(row.id) || row.state == ContactStatus::Requested {
            return refuse(
                ErrorCode::AlreadyContact,
                format!("the person behind this link is a contact already: {name}"),
            );
        }
        Ok(())
    }

    fn is_linked(&self, contact: ContactId) -> bool {
        self.peers.get(&contact).is_some_and(|peer| peer.link.is_some())
    }

    /// It may be on its way, and is told of when we become contacts otherwise.
    pub(super) fn withdraw(&mut self, peer: PeerId, request: &RequestRow) {
        self.withdrawn.retain(|_, (_, at)| at.elapsed() < WITHDRAWN_FOR);
        if self.withdrawn.len() < MAX_WITHDRAWN {
            self.withdrawn.insert(peer, (digest(&request.introduction), Instant::now()));
        }
    }

    /// A request of ours that whoever takes our introduction must not answer any more.
    async fn withdrawn_from(
        &self,
        tx: &mut Tx,
        peer: PeerId,
        known: Option<&ContactRow>,
    ) -> Result<Option<[u8; 16]>, StoreError> {
        let request = match known {
            Some(row) => contacts::request(tx, row.id).await?,
            None => None,
        };
        let lately =
            self.withdrawn.get(&peer).filter(|(_, at)| at.elapsed() < WITHDRAWN_FOR).map(|(digest, _)| *digest);
        Ok(request.map(|request| digest(&request.introduction)).or(lately))
    }

    async fn request(
        &mut self,
        tx: &mut Tx,
        invitation: &Invitation,
        known: Option<ContactRow>,
        new: &NewContact,
    ) -> Result<ContactId, Fault> {
        let draft =
            Draft::new(self.clock.now().0.unsigned_abs() / 1000, &mut self.rng).map_err(|error| internal(&error))?;
        let own = known.as_ref().map(|row| row.id);
        let card = self.own_card(tx, own).await?;
        let message = new.message.clone();
        let withdrawn = self.withdrawn_from(tx, invitation.peer_id, known.as_ref()).await?;
        let introduction = Introduction { card, mls: draft.key_package, withdrawn, message };
        let (name, named) = if let Some(name) = new.name.as_deref() {
            (self.free_name(tx, name, own).await?, true)
        } else {
            let short = data_encoding::HEXLOWER.encode(&invitation.peer_id.0[..4]);
            (self.own_name(tx, &format!("contact {short}"), own).await?, false)
        };
        let naming = Naming { name: &name, skeleton: &text::skeleton(&name), named };
        let request = contacts::NewRequest {
            link: &invitation.to_link(),
            draft: &draft.blob,
            introduction: &introduction.to_bytes(),
            message: new.message.as_deref(),
        };
        let contact = match known {
            // Asked before and refused, or a contact that is to be found again: the messages stay.
            Some(row) => {
                if named {
                    contacts::rename(tx, row.id, &naming).await?;
                }
                row.id
            }
            None => contacts::add(tx, invitation.peer_id, &naming, self.clock.now()).await?,
        };
        contacts::ask(tx, contact, &request).await?;
        Ok(contact)
    }

    /// After a restore, a request is asked with another draft: the one of before may have been used.
    pub(super) async fn renew_requests(&mut self) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        for row in contacts::all(&mut tx).await? {
            let Some(asked) = contacts::request(&mut tx, row.id).await?.filter(|asked| asked.draft.is_empty()) else {
                continue;
            };
            let draft = Draft::new(self.clock.now().0.unsigned_abs() / 1000, &mut self.rng)
                .map_err(|error| StoreError::damaged("no key package can be made", error))?;
            let (card, message) = (self.own_card(&mut tx, Some(row.id)).await?, asked.message.clone());
            let introduction = Introduction { card, mls: draft.key_package, withdrawn: None, message };
            let request = contacts::NewRequest {
                link: &asked.link,
                draft: &draft.blob,
                introduction: &introduction.to_bytes(),
                message: asked.message.as_deref(),
            };
            contacts::ask(&mut tx, row.id, &request).await?;
        }
        self.commit(tx).await
    }

    /// Our request was answered. An answer to one that was replaced or settled since says nothing, nor does one to a
    /// question that began before we answered the contact's own: it may be of a time before that. True if the session may
    /// go on: we are contacts now.
    pub(super) async fn answered(
        &mut self,
        contact: ContactId,
        began: Instant,
        peer: PublicIdentity,
        introduction: &[u8],
        answer: Frame,
    ) -> Result<bool, StoreError> {
        let taken_in = self.peers.get(&contact).and_then(|peer| peer.taken_in);
        if taken_in.is_some_and(|at| at >= began) {
            return Ok(false);
        }
        let mut tx = self.store.begin().await?;
        let request = contacts::request(&mut tx, contact).await?;
        let Some(request) = request.filter(|request| request.introduction == introduction) else {
            return Ok(false);
        };
        let trouble = match answer {
            Frame::Accept(bytes) => {
                if self.accepted(tx, contact, peer, &request, &bytes).await? {
                    self.drop_link(contact).await?;
                    self.welcome(contact).await?;
                    self.refresh_servers().await?;
                    self.let_session_go_on(contact);
                    return Ok(true);
                }
                Reason::AnswerUnusable
            }
            Frame::Refuse(Refusal::Crossed) => Reason::RequestCrossed,
            Frame::Refuse(Refusal::Pending) => Reason::RequestPending,
            Frame::Refuse(reason) => {
                self.refused(tx, contact, reason).await?;
                return Ok(false);
            }
            _ => Reason::AnswerUnusable,
        };
        self.request_failed(contact, trouble);
        Ok(false)
    }

    pub(super) fn request_failed(&mut self, contact: ContactId, trouble: Reason) {
        if let Some(peer) = self.peers.get_mut(&contact).filter(|peer| peer.link.is_none()) {
            peer.trouble = Some(trouble);
            peer.redial.failed(Instant::now(), true, &mut self.rng);
        }
    }

    async fn accepted(
        &mut self,
        mut tx: Tx,
        contact: ContactId,
        peer: PublicIdentity,
        request: &RequestRow,
        bytes: &[u8],
    ) -> Result<bool, StoreError> {
        let Ok(introduction) = Introduction::from_bytes(bytes, MAX_WELCOME) else { return Ok(false) };
        let joined = Conversation::join(&request.draft, &introduction.mls);
        let Ok((conversation, pair)) = joined.inspect_err(|error| tracing::warn!(%error, "a welcome cannot be used"))
        else {
            return Ok(false);
        };
        let state = conversation.save()?;
        conversations::forget(&mut tx, contact).await?;
        if let Some(withdrawn) = &introduction.withdrawn {
            afresh::remember_answered(&mut tx, contact, withdrawn).await?;
        }
        conversations::create(&mut tx, contact, &state, None, self.clock.now()).await?;
        contacts::accept(&mut tx, contact, &peer, &pair).await?;
        contacts::take_card(&mut tx, contact, &introduction.card).await?;
        contacts::remove_request(&mut tx, contact).await?;
        self.asks_no_more(&mut tx, peer.peer_id()).await?;
        self.put_terms(&mut tx, contact).await?;
        self.rename_as_card(&mut tx, contact, &introduction.card).await?;
        self.tell_if_changed(&mut tx, contact, &request.introduction).await?;
        events::note_contact(&mut tx, contact, self.clock.now()).await?;
        self.commit(tx).await?;
        Ok(true)
    }

    /// The contact has the card of this introduction; if ours has changed since, it is told.
    async fn tell_if_changed(
        &mut self,
        tx: &mut Tx,
        contact: ContactId,
        introduction: &[u8],
    ) -> Result<(), StoreError> {
        let limit = MAX_KEY_PACKAGE.max(MAX_WELCOME);
        let sent = Introduction::from_bytes(introduction, limit)
            .map_err(|error| StoreError::damaged("a stored request", error))?;
        if self.own_card(tx, None).await?.revision > sent.card.revision {
            self.put_card(tx, contact).await?;
        }
        Ok(())
    }

    async fn refused(&mut self, tx: Tx, contact: ContactId, reason: Refusal) -> Result<(), StoreError> {
        let why = match reason {
            Refusal::Used => Reason::InvitationUsed,
            Refusal::Expired => Reason::InvitationExpired,
            Refusal::Revoked => Reason::InvitationRevoked,
            Refusal::Known => Reason::AlreadyContact,
            Refusal::Unusable => Reason::RequestUnusable,
            Refusal::Declined => Reason::RequestDeclined,
            Refusal::Crossed | Refusal::Pending | Refusal::Other(_) => Reason::RequestRefused,
        };
        self.end_request(tx, contact, why).await
    }

    async fn end_request(&mut self, mut tx: Tx, contact: ContactId, why: Reason) -> Result<(), StoreError> {
        contacts::refuse(&mut tx, contact, &why).await?;
        events::note_contact(&mut tx, contact, self.clock.now()).await?;
        self.commit(tx).await?;
        self.reload(contact).await?;
        // A contact of before is dialled on as before.
        if self.peers.get(&contact).is_some_and(|peer| !peer.refused) {
            self.request_failed(contact, why);
        }
        Ok(())
    }

    /// Who answered our request is not whom the link names.
    pub(super) async fn refused_by_proof(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let tx = self.store.begin().await?;
        self.end_request(tx, contact, Reason::WrongPeer).await
    }

    /// Somebody asks with one of our invitations.
    pub(super) async fn asked(&mut self, asking: Asking) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        let verdict = self.judge(&mut tx, &asking).await?;
        let reply = match verdict {
            Verdict::Answer(frame) => {
                self.commit(tx).await?;
                Reply { frame, contact: None }
            }
            Verdict::Accept(known) => match self.take_in(&mut tx, &asking.peer, &asking.introduction, known).await? {
                Some((contact, frame)) => {
                    self.use_invitation(&mut tx, &asking).await?;
                    self.commit(tx).await?;
                    self.drop_link(contact).await?;
                    self.welcome_asker(contact).await?;
                    self.let_session_go_on(contact);
                    Reply { frame, contact: self.host.directory.pair(contact).map(|pair| (contact, pair)) }
                }
                None => Reply { frame: Frame::Refuse(Refusal::Unusable), contact: None },
            },
        };
        // If the asker is gone by now, it asks again and gets the same answer.
        let _ = asking.answer.send(reply);
        Ok(())
    }

    /// We are contacts by its request, if it takes our answer. A request of ours waits until a link shows that.
    pub(super) async fn welcome_asker(&mut self, contact: ContactId) -> Result<(), StoreError> {
        self.welcome(contact).await?;
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.taken_in = Some(Instant::now());
        }
        self.refresh_servers().await
    }

    /// Who has been linked for a while needs not ask. Not at once: a request that was on its way when the link came up
    /// may have been taken before the other side knew of the link, and then that counts.
    pub(super) async fn settle_requests(&mut self) -> Result<(), StoreError> {
        let lasts =
            |peer: &Peer| peer.link.as_ref().is_some_and(|live| !live.settled && live.since.elapsed() >= SETTLED);
        let lasting: Vec<ContactId> = self.peers.iter().filter(|(_, peer)| lasts(peer)).map(|(id, _)| *id).collect();
        for contact in lasting {
            let mut tx = self.store.begin().await?;
            if contacts::request(&mut tx, contact).await?.is_some() {
                contacts::remove_request(&mut tx, contact).await?;
                self.commit(tx).await?;
            } else {
                drop(tx);
            }
            if let Some(live) = self.peers.get_mut(&contact).and_then(|peer| peer.link.as_mut()) {
                live.settled = true;
            }
        }
        Ok(())
    }

    /// The session in which two became contacts becomes their link: no need to dial meanwhile.
    fn let_session_go_on(&mut self, contact: ContactId) {
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.redial.session_goes_on(Instant::now(), &mut self.rng);
        }
    }

    async fn judge(&mut self, tx: &mut Tx, asking: &Asking) -> Result<Verdict, StoreError> {
        let refused = |reason| Ok(Verdict::Answer(Frame::Refuse(reason)));
        let peer = asking.peer.peer_id();
        let all = invitations::all(tx).await?;
        let invitation = all.iter().find(|row| row.id == asking.invitation);
        let handle = if invitation.is_none() { self.handle_of(tx, &asking.invitation).await? } else { None };
        if invitation.is_none() && handle.is_none() {
            return refused(Refusal::Revoked);
        }
        let known = contacts::by_peer(tx, peer).await?;
        if peer == self.own_id() {
            return refused(Refusal::Unusable);
        }
        if known.as_ref().is_some_and(|row| row.blocked) && handle.is_some() {
            return refused(Refusal::Pending);
        }
        // Who is blocked hears what it would hear if it were removed.
        if known.as_ref().is_some_and(|row| row.blocked) {
            return refused(Refusal::Used);
        }
        if let Some(row) = known.as_ref().filter(|row| row.state == ContactStatus::Accepted) {
            let question = digest(&asking.introduction);
            match conversations::load(tx, row.id).await?.and_then(|conversation| conversation.acceptance) {
                // The same question again: its answer was lost on the way. The same answer.
                Some(given) if given.request == question => return Ok(Verdict::Answer(Frame::Accept(given.answer))),
                // An old question that comes late: nobody waits for the answer any more.
                _ if afresh::was_answered(tx, row.id, &question).await? => return refused(Refusal::Known),
                // It has a link, or will soon hear that it has none.
                _ if self.is_linked(row.id) => return refused(Refusal::Pending),
                _ => {}
            }
        }
        if self.is_crossed(tx, peer, known.as_ref()).await? {
            return refused(Refusal::Crossed);
        }
        let Some(invitation) = invitation else {
            return self.judge_by_handle(tx, asking, handle, known).await;
        };
        let used = invitations::used_by(tx, &invitation.id, peer).await?;
        Ok(verdict_of(invitation, used, known, self.clock.now()))
    }

    /// Whether both opened the other's link, and the other is to create the conversation: the lower peer id does.
    pub(super) async fn is_crossed(
        &self,
        tx: &mut Tx,
        peer: PeerId,
        known: Option<&ContactRow>,
    ) -> Result<bool, StoreError> {
        match known.filter(|_| peer < self.own_id()) {
            Some(row) => Ok(contacts::request(tx, row.id).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Makes the asker a contact. `None` if what it sent cannot be used.
    pub(super) async fn take_in(
        &mut self,
        tx: &mut Tx,
        peer: &PublicIdentity,
        introduction: &[u8],
        known: Option<Box<ContactRow>>,
    ) -> Result<Option<(ContactId, Frame)>, StoreError> {
        let Ok(theirs) = Introduction::from_bytes(introduction, MAX_KEY_PACKAGE) else { return Ok(None) };
        let created = Conversation::create(&theirs.mls, &mut self.rng);
        let Ok((conversation, welcome, pair)) =
            created.inspect_err(|error| tracing::warn!(%error, "a key package cannot be used"))
        else {
            return Ok(None);
        };
        if known.is_none() && contacts::count(tx).await? >= MAX_CONTACTS {
            return Ok(None);
        }
        let now = self.clock.now();
        let withdrawn = self.withdrawn_from(tx, peer.peer_id(), known.as_deref()).await?;
        let contact = if let Some(row) = &known {
            // It may have asked before, and never used our answer; or it has lost what it had.
            conversations::forget(tx, row.id).await?;
            if row.state == ContactStatus::Accepted {
                super::afresh::note_restarted(tx, row, true, now).await?;
            }
            row.id
        } else {
            let name = self.own_name(tx, &theirs.card.name, None).await?;
            let naming = Naming { name: &name, skeleton: &text::skeleton(&name), named: true };
            contacts::add(tx, peer.peer_id(), &naming, now).await?
        };
        let ours =
            Introduction { card: self.own_card(tx, Some(contact)).await?, mls: welcome, withdrawn, message: None };
        let state = conversation.save()?;
        let acceptance = Acceptance { request: digest(introduction), answer: ours.to_bytes() };
        conversations::create(tx, contact, &state, Some(&acceptance), now).await?;
        for answered in theirs.withdrawn.iter().chain([&acceptance.request]) {
            afresh::remember_answered(tx, contact, answered).await?;
        }
        contacts::accept(tx, contact, peer, &pair).await?;
        self.asks_no_more(tx, peer.peer_id()).await?;
        contacts::take_card(tx, contact, &theirs.card).await?;
        self.put_terms(tx, contact).await?;
        if known.is_some() {
            self.rename_as_card(tx, contact, &theirs.card).await?;
        }
        events::note_contact(tx, contact, now).await?;
        Ok(Some((contact, Frame::Accept(ours.to_bytes()))))
    }

    async fn use_invitation(&self, tx: &mut Tx, asking: &Asking) -> Result<(), StoreError> {
        let now = self.clock.now();
        invitations::take_use(tx, &asking.invitation, asking.peer.peer_id(), now).await?;
        if let Some(row) = invitations::all(tx).await?.iter().find(|row| row.id == asking.invitation) {
            events::note(tx, &What::Invitation { invitation: super::invitations::hidden(&row.show(now)) }, now).await?;
        }
        Ok(())
    }
}

fn verdict_of(invitation: &InvitationRow, used: bool, known: Option<ContactRow>, now: UnixMillis) -> Verdict {
    let refused = |reason| Verdict::Answer(Frame::Refuse(reason));
    let is_contact = known.as_ref().is_some_and(|row| row.state == ContactStatus::Accepted);
    match invitation.state(now) {
        // It has lost the conversation. A use that it took before is its own.
        _ if is_contact && invitation.serves(used, now) => Verdict::Accept(known.map(Box::new)),
        _ if is_contact => refused(Refusal::Known),
        // Used by this very person, whom we have removed since.
        _ if used => refused(Refusal::Used),
        InvitationStatus::Active => Verdict::Accept(known.map(Box::new)),
        InvitationStatus::Used => refused(Refusal::Used),
        InvitationStatus::Expired => refused(Refusal::Expired),
        InvitationStatus::Revoked => refused(Refusal::Revoked),
    }
}
