//! What the tasks that answer and dial need to know without asking the node: whom a preface names,
//! and which links are held. The node keeps it up to date.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use zeroize::Zeroizing;

use crate::invitation::InvitationSecret;
use crate::limits::MAX_HELLO_LINKS;
use crate::link::handshake::PairKeys;
use crate::link::preface::{Preface, Purpose};
use crate::model::ContactId;
use crate::wire::frame::LinkId;

/// Shared between the node and its tasks.
#[derive(Clone, Default)]
pub(crate) struct Keyring {
    inner: Arc<Mutex<Inner>>,
}

/// Which of a contact's pair secrets, in the order in which they came: a link by an earlier one is
/// none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyVersion(u64);

#[derive(Default)]
struct Inner {
    contacts: BTreeMap<ContactId, (KeyVersion, PairKeys)>,
    versions: u64,
    invitations: Vec<(Zeroizing<[u8; 32]>, InvitationSecret)>,
    held: BTreeMap<ContactId, Vec<LinkId>>,
}

/// A link counts as held from the end of its handshake until this is dropped.
pub(crate) struct LinkGuard {
    keyring: Keyring,
    contact: ContactId,
    link: LinkId,
}

impl Drop for LinkGuard {
    fn drop(&mut self) {
        let mut inner = self.keyring.lock();
        let Some(links) = inner.held.get_mut(&self.contact) else { return };
        links.retain(|link| *link != self.link);
        if links.is_empty() {
            inner.held.remove(&self.contact);
        }
    }
}

impl Keyring {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// Links of this contact are taken from now on.
    pub(crate) fn insert(&self, contact: ContactId, keys: PairKeys) {
        let mut inner = self.lock();
        let known = inner
            .contacts
            .get(&contact)
            .filter(|(_, known)| known.is(&keys))
            .map(|(pair, _)| *pair);
        let pair = known.unwrap_or(KeyVersion(inner.versions));
        inner.versions += 1;
        inner.contacts.insert(contact, (pair, keys));
    }

    /// The pair secret that a contact has now.
    #[must_use]
    pub(crate) fn version(&self, contact: ContactId) -> Option<KeyVersion> {
        self.lock().contacts.get(&contact).map(|(pair, _)| *pair)
    }

    /// Links of this contact are refused from now on.
    pub(crate) fn remove(&self, contact: ContactId) {
        self.lock().contacts.remove(&contact);
    }

    /// Requests with these invitations are answered from now on; also with a no.
    pub(crate) fn set_invitations(&self, secrets: Vec<InvitationSecret>) {
        self.lock().invitations =
            secrets.into_iter().map(|secret| (secret.tag_key(), secret)).collect();
    }

    /// The keys of a contact.
    #[must_use]
    pub(crate) fn keys(&self, contact: ContactId) -> Option<(KeyVersion, PairKeys)> {
        self.lock().contacts.get(&contact).cloned()
    }

    #[must_use]
    pub(crate) fn contact_of(
        &self,
        preface: &Preface,
    ) -> Option<(ContactId, KeyVersion, PairKeys)> {
        let inner = self.lock();
        let mut contacts = inner.contacts.iter();
        contacts
            .find(|(_, (_, keys))| keys.recognises(preface))
            .map(|(id, (pair, keys))| (*id, *pair, keys.clone()))
    }

    /// Which invitation this preface names.
    #[must_use]
    pub(crate) fn invitation_of(&self, preface: &Preface) -> Option<InvitationSecret> {
        if preface.purpose != Purpose::Invitation {
            return None;
        }
        self.lock()
            .invitations
            .iter()
            .find(|(tag_key, _)| preface.is_for(tag_key))
            .map(|(_, secret)| secret.clone())
    }

    /// How many contacts, and held links, it knows.
    #[cfg(test)]
    pub(crate) fn weigh(&self) -> (usize, usize) {
        let inner = self.lock();
        (inner.contacts.len(), inner.held.values().map(Vec::len).sum())
    }

    /// Holds a link; also gives the others that are held with this contact.
    #[must_use]
    pub(crate) fn hold(&self, contact: ContactId, link: LinkId) -> (LinkGuard, Vec<LinkId>) {
        let mut inner = self.lock();
        let links = inner.held.entry(contact).or_default();
        let others = links.iter().rev().take(MAX_HELLO_LINKS).copied().collect();
        links.push(link);
        (LinkGuard { keyring: self.clone(), contact, link }, others)
    }
}
