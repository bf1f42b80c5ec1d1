//! Commands about contacts, and how a contact is shown.

use std::collections::HashMap;

use rand::RngCore;
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::actor::{Node, refuse};
use super::events;
use super::peer::{Accepted, Peer};
use crate::api::types::{Contact, ContactChange, ContactState, ErrorCode, ProfileChange, Status, What};
use crate::fault::Fault;
use crate::identity::{PeerId, safety_number};
use crate::link::handshake::PairKeys;
use crate::model::{ContactId, ContactStatus, OutboxKind, Reason, ServiceKind};
use crate::store::contacts::{self, ContactKeys, ContactRow, Naming};
use crate::store::terms::TermsRow;
use crate::store::{StoreError, Tx, messages, terms};
use crate::text;
use crate::wire::card::Card;
use crate::wire::envelope::EnvelopeKeys;

impl Node {
    /// Brings what is in memory in line with the stored contact.
    pub(super) fn apply(&mut self, row: &ContactRow) -> Result<(), StoreError> {
        let own = self.host.identity.peer_id();
        let keys = row.keys()?.filter(|_| row.state == ContactStatus::Accepted);
        let peer = match self.peers.entry(row.id) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(Peer::new(row.peer_id, Instant::now())),
        };
        peer.blocked = row.blocked;
        peer.refused = row.state == ContactStatus::Refused;
        if !peer.is_wanted() {
            peer.dialling = None;
        }
        match keys {
            Some(ContactKeys { identity, pair, address }) if !row.blocked => {
                self.host.directory.admit(row.id, PairKeys::new(&pair, own, identity));
                let (seal, open) = (EnvelopeKeys::new(&pair, own), EnvelopeKeys::new(&pair, peer.id));
                peer.accepted = Some(Accepted { endpoint: address, begun: row.begun, seal, open });
            }
            _ => {
                self.host.directory.refuse(row.id);
                peer.accepted = None;
            }
        }
        Ok(())
    }

    /// Reads a contact again after it changed.
    pub(super) async fn reload(&mut self, contact: ContactId) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        match contacts::by_id(&mut tx, contact).await? {
            Some(row) => self.apply(&row),
            None => Ok(()),
        }
    }

    /// By name, or by an unambiguous beginning of the id.
    pub(super) async fn find_contact(&self, tx: &mut Tx, who: &str) -> Result<ContactRow, Fault> {
        // No name looks like an id.
        if let Some(row) = contacts::by_name(tx, who).await? {
            return Ok(row);
        }
        if let Some(peer) = whole_id(who) {
            let row = contacts::by_peer(tx, peer).await?;
            return row.map_or_else(|| refuse(ErrorCode::UnknownContact, "there is no contact with this id"), Ok);
        }
        let digits = who.to_ascii_lowercase();
        if digits.len() >= text::LEAST_ID && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            let all = contacts::all(tx).await?;
            let mut found = all.into_iter().filter(|row| row.peer_id.to_hex().starts_with(&digits));
            if let (Some(row), None) = (found.next(), found.next()) {
                return Ok(row);
            }
        }
        refuse(ErrorCode::UnknownContact, "there is no contact with this name: `chive contacts` lists them")
    }

    pub(super) async fn contacts(&mut self) -> Result<Vec<Contact>, Fault> {
        let mut tx = self.begin().await?;
        let mut terms = terms::load_all(&mut tx).await?;
        let (waiting, unread) = (messages::waiting_of_all(&mut tx).await?, messages::unread_of_all(&mut tx).await?);
        let number = |all: &HashMap<ContactId, u32>, row: &ContactRow| all.get(&row.id).copied().unwrap_or(0);
        let mut shown = vec![];
        for row in contacts::all(&mut tx).await? {
            let Some(terms) = terms.remove(&row.id) else { continue };
            shown.push(self.describe(&row, &terms, number(&waiting, &row), number(&unread, &row))?);
        }
        Ok(shown)
    }

    pub(super) async fn contact(&mut self, who: &str) -> Result<Contact, Fault> {
        let mut tx = self.begin().await?;
        let row = self.find_contact(&mut tx, who).await?;
        Ok(self.show_contact(&mut tx, &row).await?)
    }

    pub(super) async fn show_contact(&self, tx: &mut Tx, row: &ContactRow) -> Result<Contact, StoreError> {
        let terms = terms::load(tx, row.id).await?;
        self.describe(row, &terms, messages::waiting(tx, row.id).await?, messages::unread(tx, row.id).await?)
    }

    fn describe(&self, row: &ContactRow, terms: &TermsRow, waiting: u32, unread: u32) -> Result<Contact, StoreError> {
        let shown = self.presence_of(row.id);
        let (state, reason) = match (row.state, row.blocked) {
            (_, true) => (ContactState::Blocked, None),
            (ContactStatus::Requested, _) => (ContactState::Requested, Some(self.why_waiting(row.id))),
            (ContactStatus::Refused, _) => (ContactState::Refused, row.refusal.clone()),
            (ContactStatus::Accepted, _) => (ContactState::Accepted, self.why_offline(row.id)),
        };
        let known = row.keys()?.is_some();
        Ok(Contact {
            id: row.peer_id.to_hex(),
            name: row.name.clone(),
            shared_name: row.shared_name.clone(),
            state,
            reason,
            presence: shown.presence,
            presence_source: shown.source,
            presence_reason: shown.reason,
            since: shown.since.map(i64::from),
            presence_hidden: row.decoy.is_some(),
            verified: row.verified,
            safety_number: known.then(|| safety_number(self.host.identity.peer_id(), row.peer_id)),
            waiting,
            unread,
            retain: terms.retain.map(i64::cast_unsigned),
            terms: terms.show(),
            created_at: row.created_at.into(),
        })
    }

    fn why_offline(&self, contact: ContactId) -> Option<Reason> {
        let offline = self.peers.get(&contact).is_some_and(|peer| peer.link.is_none() || peer.is_beginning());
        offline.then(|| self.why_waiting(contact))
    }

    pub(super) async fn change_contact(&mut self, who: &str, change: &ContactChange) -> Result<Contact, Fault> {
        let mut tx = self.begin().await?;
        let row = self.find_contact(&mut tx, who).await?;
        if let Some(name) = &change.name {
            let name = self.free_name(&mut tx, name, Some(row.id)).await?;
            let skeleton = text::skeleton(&name);
            contacts::rename(&mut tx, row.id, &Naming { name: &name, skeleton: &skeleton, named: true }).await?;
        }
        if let Some(verified) = change.verified {
            if row.keys()?.is_none() {
                return refuse(ErrorCode::NotAccepted, "the contact has not answered yet: there is nothing to compare");
            }
            contacts::set_verified(&mut tx, row.id, verified).await?;
        }
        self.change_terms(&mut tx, row.id, change).await?;
        let blocking = change.blocked.filter(|blocked| *blocked != row.blocked);
        if let Some(blocked) = blocking {
            contacts::set_blocked(&mut tx, row.id, blocked).await?;
            if blocked {
                self.move_house(&mut tx).await?;
            } else {
                self.put_card(&mut tx, row.id).await?;
            }
        }
        let hiding = change.presence_hidden.filter(|hidden| *hidden != row.decoy.is_some());
        if let Some(hidden) = hiding {
            self.hide_presence(&mut tx, row.id, hidden).await?;
        }
        events::note_contact(&mut tx, row.id, self.clock.now()).await?;
        self.commit(tx).await?;
        if blocking == Some(true) {
            self.drop_link(row.id).await?;
        }
        self.reload(row.id).await?;
        if let Some(peer) = self.peers.get_mut(&row.id).filter(|_| blocking == Some(false)) {
            peer.redial = super::redial::Redial::at_once(Instant::now());
        }
        if blocking.is_some() || hiding.is_some() {
            self.after_moving(blocking == Some(true) || hiding.is_some()).await?;
        }
        self.pump(row.id).await;
        let mut tx = self.begin().await?;
        let row = self.find_contact(&mut tx, &row.peer_id.to_hex()).await?;
        Ok(self.show_contact(&mut tx, &row).await?)
    }

    /// Who is hidden from gets a secret that leads nowhere; all others get another than the one that it knew.
    async fn hide_presence(&mut self, tx: &mut Tx, contact: ContactId, hidden: bool) -> Result<(), StoreError> {
        if !hidden {
            contacts::set_decoy(tx, contact, None).await?;
            crate::store::owner::revise_card(tx).await?;
            return self.put_card(tx, contact).await;
        }
        let (mut decoy, mut secret) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
        self.rng.fill_bytes(&mut *decoy);
        self.rng.fill_bytes(&mut *secret);
        contacts::set_decoy(tx, contact, Some(&decoy)).await?;
        crate::store::owner::renew_presence(tx, &secret, 1).await?;
        self.put_cards(tx).await
    }

    /// Changes what contacts see of us, and tells them.
    pub(super) async fn change_profile(&mut self, change: &ProfileChange) -> Result<Status, Fault> {
        if let Some(name) = &change.name {
            let name = text::check_name(name).or_else(|why| refuse(ErrorCode::InvalidName, why))?;
            let mut tx = self.begin().await?;
            crate::store::owner::rename(&mut tx, &name).await?;
            self.put_cards(&mut tx).await?;
            self.commit(tx).await?;
            self.after_moving(true).await?;
        }
        self.status().await
    }

    pub(super) async fn remove_contact(&mut self, who: &str) -> Result<(), Fault> {
        let mut tx = self.begin().await?;
        let row = self.find_contact(&mut tx, who).await?;
        let request = contacts::request(&mut tx, row.id).await?;
        contacts::remove(&mut tx, row.id).await?;
        // Whoever was asked may hold our card, also one who refused.
        self.move_house(&mut tx).await?;
        let removed = What::ContactRemoved { id: row.peer_id.to_hex(), name: row.name.clone() };
        events::note(&mut tx, &removed, self.clock.now()).await?;
        self.commit(tx).await?;
        self.erase_soon();
        if let Some(request) = request {
            self.withdraw(row.peer_id, &request);
        }
        self.host.directory.refuse(row.id);
        if let Some(link) = self.peers.remove(&row.id).and_then(|peer| peer.link) {
            link.sender.cancel.cancel();
        }
        Ok(self.after_moving(true).await?)
    }

    /// A name that can be given to a contact: no other has it, or one that looks like it.
    pub(super) async fn free_name(&self, tx: &mut Tx, name: &str, own: Option<ContactId>) -> Result<String, Fault> {
        let name = text::check_name(name).or_else(|why| refuse(ErrorCode::InvalidName, why))?;
        match contacts::by_skeleton(tx, &text::skeleton(&name)).await? {
            Some(other) if Some(other.id) != own => refuse(
                ErrorCode::NameTaken,
                "another contact has this name, or one that looks like it: choose another with --name",
            ),
            _ => Ok(name),
        }
    }

    /// What to call a contact that names itself: its name made safe, with a number if it is taken.
    pub(super) async fn own_name(
        &self,
        tx: &mut Tx,
        shared: &str,
        own: Option<ContactId>,
    ) -> Result<String, StoreError> {
        let wanted = text::safe_name(shared);
        let mut name = wanted.clone();
        let mut number = 2;
        while contacts::by_skeleton(tx, &text::skeleton(&name)).await?.is_some_and(|other| Some(other.id) != own) {
            name = format!("{wanted} {number}");
            number += 1;
        }
        Ok(name)
    }

    /// A contact without a name yet is called what it calls itself. A later card changes no name: a
    /// name that is typed must go on to mean the same person.
    pub(super) async fn rename_as_card(&self, tx: &mut Tx, contact: ContactId, card: &Card) -> Result<(), StoreError> {
        let Some(row) = contacts::by_id(tx, contact).await? else { return Ok(()) };
        if row.named {
            return Ok(());
        }
        let name = self.own_name(tx, &card.name, Some(contact)).await?;
        let skeleton = text::skeleton(&name);
        contacts::rename(tx, contact, &Naming { name: &name, skeleton: &skeleton, named: true }).await
    }

    /// Our card as it is now, for one contact or for all who see our presence.
    pub(super) async fn own_card(&self, tx: &mut Tx, reader: Option<ContactId>) -> Result<Card, StoreError> {
        let owner = crate::store::owner::load(tx).await?;
        let decoy = match reader {
            Some(contact) => contacts::by_id(tx, contact).await?.and_then(|row| row.decoy),
            None => None,
        };
        let servers = crate::store::servers::all(tx).await?;
        let endpoint = super::invitations::current(tx, ServiceKind::Contacts).await?;
        Ok(Card {
            revision: owner.card_revision,
            name: owner.name,
            addresses: vec![endpoint.onion_address().into()],
            presence_secret: decoy.map_or(Ok(owner.presence_secret), |decoy| crate::store::bytes(&decoy))?,
            servers: servers.iter().map(|server| server.id.to_address()).collect(),
        })
    }

    /// Tells one contact our card, in place of an older one that still waits.
    pub(super) async fn put_card(&mut self, tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
        let (card, item) = (self.own_card(tx, Some(contact)).await?, self.fresh_id());
        messages::drop_kind(tx, contact, OutboxKind::Card).await?;
        messages::put(tx, contact, OutboxKind::Card, item, Some(&card.to_bytes()), None).await
    }

    /// New addresses and a new presence secret; everybody who may know is told.
    async fn move_house(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        self.move_out(tx).await?;
        self.put_cards(tx).await
    }

    /// Tells everybody our card.
    pub(super) async fn put_cards(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        for row in contacts::all(tx).await? {
            if row.state == ContactStatus::Accepted && !row.blocked && row.begun {
                self.put_card(tx, row.id).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn after_moving(&mut self, moved: bool) -> Result<(), StoreError> {
        if moved {
            let mut tx = self.store.begin().await?;
            self.owner = crate::store::owner::load(&mut tx).await?;
            drop(tx);
            self.refresh_services().await?;
        }
        self.refresh_servers().await?;
        let contacts: Vec<ContactId> = self.peers.keys().copied().collect();
        for contact in contacts {
            self.pump(contact).await;
        }
        Ok(())
    }

    /// Adds a contact to memory and to the events' listeners.
    pub(super) async fn welcome(&mut self, contact: ContactId) -> Result<(), StoreError> {
        self.reload(contact).await?;
        self.refresh_waiting(contact).await?;
        if let Some(peer) = self.peers.get_mut(&contact) {
            peer.redial = super::redial::Redial::at_once(Instant::now());
            peer.trouble = None;
            peer.since.get_or_insert(self.clock.now());
        }
        Ok(())
    }

    /// Our own peer id.
    pub(super) fn own_id(&self) -> PeerId {
        self.host.identity.peer_id()
    }
}

fn whole_id(who: &str) -> Option<PeerId> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(who.as_bytes()).ok()?;
    bytes.try_into().ok().map(PeerId)
}
