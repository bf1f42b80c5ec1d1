//! The node: one actor that owns the store and the links, and a handle that asks it for things.

use tokio::sync::watch;

use crate::api::types::{
    Contact, ContactChange, Event, Invitation, Message, NewContact, NewInvitation, NewMessage, PassphraseChange, Status,
};
use crate::fault::Fault;

/// A cloneable way to ask the running node. Every method is one command or one query.
#[derive(Clone)]
pub struct NodeHandle {}

#[allow(unused_variables, clippy::todo, clippy::unused_async, missing_docs)]
impl NodeHandle {
    pub async fn status(&self) -> Result<Status, Fault> {
        todo!()
    }
    pub async fn invite(&self, new: NewInvitation) -> Result<Invitation, Fault> {
        todo!()
    }
    pub async fn invitations(&self) -> Result<Vec<Invitation>, Fault> {
        todo!()
    }
    /// `id`: an unambiguous beginning of the invitation's id
    pub async fn revoke(&self, id: &str) -> Result<Invitation, Fault> {
        todo!()
    }
    pub async fn add_contact(&self, new: NewContact) -> Result<Contact, Fault> {
        todo!()
    }
    pub async fn contacts(&self) -> Result<Vec<Contact>, Fault> {
        todo!()
    }
    /// `who`: a name, or an unambiguous beginning (8 digits or more) of an id
    pub async fn contact(&self, who: &str) -> Result<Contact, Fault> {
        todo!()
    }
    pub async fn change_contact(&self, who: &str, change: ContactChange) -> Result<Contact, Fault> {
        todo!()
    }
    pub async fn remove_contact(&self, who: &str) -> Result<(), Fault> {
        todo!()
    }
    pub async fn send(&self, who: &str, new: NewMessage) -> Result<Message, Fault> {
        todo!()
    }
    /// Oldest first, at most `limit`, those just before the message `before` (or the newest)
    pub async fn history(&self, who: &str, limit: u32, before: Option<&str>) -> Result<Vec<Message>, Fault> {
        todo!()
    }
    pub async fn message(&self, id: &str) -> Result<Message, Fault> {
        todo!()
    }
    pub async fn cancel(&self, id: &str) -> Result<Message, Fault> {
        todo!()
    }
    /// Events after a cursor, oldest first, at most `limit`. `CursorExpired` when some are gone.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, Fault> {
        todo!()
    }
    /// Changes whenever there is a newer event; its value is the newest one's number.
    pub fn newest_event(&self) -> watch::Receiver<i64> {
        todo!()
    }
    pub async fn change_passphrase(&self, change: PassphraseChange) -> Result<(), Fault> {
        todo!()
    }
    /// Ends the node and destroys the profile.
    pub async fn wipe(&self) -> Result<(), Fault> {
        todo!()
    }
}
