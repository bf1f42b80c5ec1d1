//! The contact list: adds, names, changes and removes contacts, and tells them our card.

use futures::FutureExt;
use rand::RngCore;
use zeroize::Zeroizing;

use super::invitations;
use crate::api::types::{Contact, ContactChange, ErrorCode, ProfileChange, Status, What};
use crate::error::{NodeError, refuse};
use crate::identity::PeerId;
use crate::link::handshake::PairKeys;
use crate::model::{ContactId, ContactStatus, OutboxKind, ServiceKind};
use crate::node::NodeHandle;
use crate::node::core::Core;
use crate::node::cx::Cx;
use crate::node::effect::Effect;
use crate::node::find::find_contact;
use crate::node::session::links;
use crate::node::session::table::{Accepted, Facts};
use crate::store::contacts::{self, ContactRow, Naming};
use crate::store::{StoreError, Tx, outbox, owner, servers};
use crate::text;
use crate::wire::card::Card;
use crate::wire::envelope::EnvelopeKeys;

impl NodeHandle {
    /// Renames, verifies or blocks a contact, or hides our presence from them.
    pub async fn change_contact(
        &self,
        who: &str,
        change: ContactChange,
    ) -> Result<Contact, NodeError> {
        let who = who.to_owned();
        let contact =
            self.call(move |core, cx| change_contact(core, cx, who, change).boxed()).await?;
        self.contact_by_id(contact).await
    }

    /// Forgets a contact with their conversation.
    pub async fn remove_contact(&self, who: &str) -> Result<(), NodeError> {
        let who = who.to_owned();
        self.call(move |core, cx| remove_contact(core, cx, who).boxed()).await
    }

    /// Changes our own name, and tells the contacts.
    pub async fn change_profile(&self, change: ProfileChange) -> Result<Status, NodeError> {
        self.call(move |_, cx| change_profile(cx, change).boxed()).await?;
        self.status().await
    }
}

/// Brings what is in memory, and whose links are answered, in line with the stored contact.
pub(crate) async fn reload(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
) -> Result<(), StoreError> {
    let Some(row) = contacts::by_id(&mut cx.tx, contact).await? else {
        core.sessions.remove(contact, &mut cx.fx);
        core.groups.forget(contact);
        cx.fx.push(Effect::Keys { contact, keys: None });
        return Ok(());
    };
    let (own, peer) = (cx.own_id(), row.peer_id);
    let is_accepted = row.state == ContactStatus::Accepted && !row.blocked;
    let keys = row.keys()?.filter(|_| is_accepted);

    let refused = row.state == ContactStatus::Refused;
    let mut facts = Facts { blocked: row.blocked, refused, accepted: None };
    let mut pair_keys = None;
    if let Some(keys) = keys {
        facts.accepted = Some(Accepted {
            address: keys.address.into(),
            has_group: row.has_group,
            seal: EnvelopeKeys::new(&keys.pair, own),
            open: EnvelopeKeys::new(&keys.pair, peer),
        });
        pair_keys = Some(Box::new(PairKeys::new(&keys.pair, own, keys.identity)));
    }
    core.sessions.set_facts(contact, peer, facts, cx.at, &mut cx.fx);
    cx.fx.push(Effect::Keys { contact, keys: pair_keys });
    Ok(())
}

async fn change_contact(
    core: &mut Core,
    cx: &mut Cx,
    who: String,
    change: ContactChange,
) -> Result<ContactId, NodeError> {
    let row = find_contact(&mut cx.tx, &who).await?;
    if let Some(name) = &change.name {
        let name = free_name(&mut cx.tx, name, Some(row.id)).await?;
        let skeleton = text::skeleton(&name);
        let naming = Naming { name: &name, skeleton: &skeleton, named: true };
        rename(cx, &row, &naming).await?;
    }

    if let Some(verified) = change.verified {
        if row.keys()?.is_none() {
            let detail = "the contact has not answered yet: there is nothing to compare";
            return refuse(ErrorCode::NotAccepted, detail);
        }
        contacts::set_verified(&mut cx.tx, row.id, verified).await?;
    }

    if let Some(blocked) = change.blocked.filter(|blocked| *blocked != row.blocked) {
        block(core, cx, row.id, blocked).await?;
    }

    if let Some(hidden) = change.presence_hidden.filter(|hidden| *hidden != row.decoy.is_some()) {
        hide_presence(cx, row.id, hidden).await?;
    }

    cx.note_contact(row.id).await?;
    reload(core, cx, row.id).await?;

    Ok(row.id)
}

async fn block(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
    blocked: bool,
) -> Result<(), StoreError> {
    contacts::set_blocked(&mut cx.tx, contact, blocked).await?;
    if blocked {
        rotate_addresses(cx).await?;
        links::drop_link(core, cx, contact);
    } else {
        put_card(cx, contact).await?;
        cx.fx.marks.presence = true;
        core.sessions.dial_at_once(contact, cx.at);
    }
    Ok(())
}

/// A contact from whom our presence is hidden gets a secret that leads nowhere; all others get
/// another one than the one that the contact knew.
async fn hide_presence(cx: &mut Cx, contact: ContactId, hidden: bool) -> Result<(), StoreError> {
    cx.fx.card_changed();
    if !hidden {
        contacts::set_decoy(&mut cx.tx, contact, None).await?;
        owner::revise_card(&mut cx.tx).await?;
        return put_card(cx, contact).await;
    }
    let (mut decoy, mut secret) = (Zeroizing::new([0; 32]), Zeroizing::new([0; 32]));
    cx.rng.fill_bytes(&mut *decoy);
    cx.rng.fill_bytes(&mut *secret);
    contacts::set_decoy(&mut cx.tx, contact, Some(&decoy)).await?;
    owner::renew_presence(&mut cx.tx, &secret, 1).await?;
    put_cards(cx).await
}

async fn change_profile(cx: &mut Cx, change: ProfileChange) -> Result<(), NodeError> {
    let Some(name) = &change.name else { return Ok(()) };
    let name = text::check_name(name).or_else(|why| refuse(ErrorCode::InvalidName, why))?;
    owner::rename(&mut cx.tx, &name).await?;
    put_cards(cx).await?;
    Ok(())
}

async fn remove_contact(core: &mut Core, cx: &mut Cx, who: String) -> Result<(), NodeError> {
    let row = find_contact(&mut cx.tx, &who).await?;
    let request = contacts::request(&mut cx.tx, row.id).await?;
    contacts::remove(&mut cx.tx, row.id).await?;
    // Whoever was asked may hold our card, even one who refused.
    rotate_addresses(cx).await?;
    let (id, name) = (row.peer_id.to_hex(), row.name.clone());
    cx.note(&What::ContactRemoved { id, name, conversation: Some(row.public_id.to_hex()) }).await?;

    if let Some(request) = request {
        core.withdrawn.remember(row.peer_id, &request, cx.at);
    }
    core.erasure.something_deleted();
    reload(core, cx, row.id).await?;
    Ok(())
}

/// A name that can be given to a contact: no other has it, or one that looks like it.
pub(crate) async fn free_name(
    tx: &mut Tx,
    name: &str,
    own: Option<ContactId>,
) -> Result<String, NodeError> {
    let name = text::check_name(name).or_else(|why| refuse(ErrorCode::InvalidName, why))?;
    match contacts::by_skeleton(tx, &text::skeleton(&name)).await? {
        Some(other) if Some(other.id) != own => refuse(
            ErrorCode::NameTaken,
            "another contact has this name, or one that looks like it: choose another with --name",
        ),
        _ => Ok(name),
    }
}

/// What to call a contact who names themselves: their name made safe, with a number if it is taken.
pub(crate) async fn name_for(
    tx: &mut Tx,
    shared: &str,
    own: Option<ContactId>,
) -> Result<String, StoreError> {
    let wanted = text::safe_name(shared);
    let mut name = wanted.clone();
    let mut number = 2;
    while contacts::by_skeleton(tx, &text::skeleton(&name))
        .await?
        .is_some_and(|other| Some(other.id) != own)
    {
        name = format!("{wanted} {number}");
        number += 1;
    }
    Ok(name)
}

/// A contact without a name yet is called what they call themselves: then true. A later card
/// changes no name: a name that is typed must go on to mean the same person.
pub(crate) async fn name_after_card(
    cx: &mut Cx,
    contact: ContactId,
    card: &Card,
) -> Result<bool, StoreError> {
    if contacts::by_id(&mut cx.tx, contact).await?.is_none_or(|row| row.named) {
        return Ok(false);
    }
    let name = name_for(&mut cx.tx, &card.name, Some(contact)).await?;
    let skeleton = text::skeleton(&name);
    contacts::rename(
        &mut cx.tx,
        contact,
        &Naming { name: &name, skeleton: &skeleton, named: true },
    )
    .await?;
    Ok(true)
}

/// A new contact, with an empty conversation.
pub(crate) async fn add(
    cx: &mut Cx,
    peer: PeerId,
    naming: &Naming<'_>,
) -> Result<ContactId, StoreError> {
    let contact = contacts::add(&mut cx.tx, peer, naming, cx.now).await?;
    let direct = contacts::direct(&mut cx.tx, contact).await?;
    cx.note_conversation(direct.conversation).await?;
    Ok(contact)
}

/// The direct conversation is called as the contact is.
pub(crate) async fn rename(
    cx: &mut Cx,
    row: &ContactRow,
    naming: &Naming<'_>,
) -> Result<(), StoreError> {
    contacts::rename(&mut cx.tx, row.id, naming).await?;
    cx.note_conversation(row.conversation).await
}

/// Our card as it is now, for one contact or for all who see our presence.
pub(crate) async fn own_card(cx: &mut Cx, reader: Option<ContactId>) -> Result<Card, StoreError> {
    let owner = owner::load(&mut cx.tx).await?;
    let decoy = match reader {
        Some(contact) => contacts::by_id(&mut cx.tx, contact).await?.and_then(|row| row.decoy),
        None => None,
    };
    let servers = servers::all(&mut cx.tx).await?;
    let service = invitations::current_service(&mut cx.tx, ServiceKind::Contacts).await?;

    Ok(Card {
        revision: owner.card_revision,
        name: owner.name,
        addresses: vec![service.onion_address().into()],
        presence_secret: decoy
            .map_or(Ok(owner.presence_secret), |decoy| crate::store::bytes(&decoy))?,
        servers: servers.iter().map(|server| server.id.to_address()).collect(),
    })
}

/// Tells one contact our card, in place of an older one that still waits.
pub(crate) async fn put_card(cx: &mut Cx, contact: ContactId) -> Result<(), StoreError> {
    let (card, item) = (own_card(cx, Some(contact)).await?, cx.fresh_id());
    let to = contacts::direct(&mut cx.tx, contact).await?;
    outbox::drop_kind(&mut cx.tx, to, OutboxKind::Card).await?;
    outbox::put(&mut cx.tx, to, OutboxKind::Card, item, Some(&card.to_bytes()), None).await?;
    cx.fx.deliver(contact);
    Ok(())
}

/// Our card has changed: tells everybody, and brings services and servers in line.
pub(crate) async fn put_cards(cx: &mut Cx) -> Result<(), StoreError> {
    for row in contacts::all(&mut cx.tx).await? {
        if row.state == ContactStatus::Accepted && !row.blocked && row.has_group {
            put_card(cx, row.id).await?;
        }
    }
    cx.fx.card_changed();
    Ok(())
}

/// New addresses and a new presence secret; everybody who may know them is told.
async fn rotate_addresses(cx: &mut Cx) -> Result<(), StoreError> {
    invitations::rotate_services(cx).await?;
    put_cards(cx).await
}

/// Something on our card changed that the store has already.
pub(crate) async fn revise_card(cx: &mut Cx) -> Result<(), StoreError> {
    owner::revise_card(&mut cx.tx).await?;
    put_cards(cx).await
}

/// Two are contacts now, or one is asked: the contact is dialled as if nothing had failed.
pub(crate) async fn activate(
    core: &mut Core,
    cx: &mut Cx,
    contact: ContactId,
) -> Result<(), StoreError> {
    reload(core, cx, contact).await?;
    core.sessions.activate(contact, cx.at, cx.now);
    cx.fx.deliver(contact);
    Ok(())
}
