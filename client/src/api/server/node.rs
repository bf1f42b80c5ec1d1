//! What the server asks of a node. Tests put another node behind it.

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::api::types::{
    Contact, ContactChange, Event, Invitation, MarkRead, Message, NewContact, NewInvitation, NewMessage, NewNote, Note,
    PassphraseChange, Search, Status,
};
use crate::fault::Fault;
use crate::node::NodeHandle;
use crate::profile::Passphrase;
use crate::profile::backup::Backup;

/// What a node says, some time.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, Fault>>;

/// A node, as the local API sees it: see [`NodeHandle`], whose methods these are.
///
/// A future that is dropped before its end must leave its command done or undone, never half-done.
#[allow(missing_docs, reason = "NodeHandle documents them")]
pub trait Node: Send + Sync + 'static {
    fn status(&self) -> Answer<'_, Status>;
    fn invite(&self, new: NewInvitation) -> Answer<'_, Invitation>;
    fn invitations(&self) -> Answer<'_, Vec<Invitation>>;
    fn revoke<'a>(&'a self, id: &'a str) -> Answer<'a, Invitation>;
    fn add_contact(&self, new: NewContact) -> Answer<'_, Contact>;
    fn contacts(&self) -> Answer<'_, Vec<Contact>>;
    fn contact<'a>(&'a self, who: &'a str) -> Answer<'a, Contact>;
    fn change_contact<'a>(&'a self, who: &'a str, change: ContactChange) -> Answer<'a, Contact>;
    fn remove_contact<'a>(&'a self, who: &'a str) -> Answer<'a, ()>;
    fn send<'a>(&'a self, who: &'a str, new: NewMessage) -> Answer<'a, Message>;
    fn history<'a>(&'a self, who: &'a str, limit: u32, before: Option<&'a str>) -> Answer<'a, Vec<Message>>;
    fn conversations(&self) -> Answer<'_, Vec<Message>>;
    fn search(&self, search: Search) -> Answer<'_, Vec<Message>>;
    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message>;
    fn cancel<'a>(&'a self, id: &'a str) -> Answer<'a, Message>;
    fn mark_read<'a>(&'a self, who: &'a str, mark: MarkRead) -> Answer<'a, Contact>;
    fn events(&self, after: i64, limit: u32) -> Answer<'_, Vec<Event>>;
    fn newest_event(&self) -> watch::Receiver<i64>;
    fn notes(&self) -> Answer<'_, Vec<Note>>;
    fn put_note<'a>(&'a self, key: &'a str, new: NewNote) -> Answer<'a, ()>;
    fn change_passphrase(&self, change: PassphraseChange) -> Answer<'_, ()>;
    fn backup(&self, passphrase: Passphrase) -> Answer<'_, Backup>;
    fn wipe(&self) -> Answer<'_, ()>;
}

impl Node for NodeHandle {
    fn status(&self) -> Answer<'_, Status> {
        Box::pin(NodeHandle::status(self))
    }

    fn invite(&self, new: NewInvitation) -> Answer<'_, Invitation> {
        Box::pin(NodeHandle::invite(self, new))
    }

    fn invitations(&self) -> Answer<'_, Vec<Invitation>> {
        Box::pin(NodeHandle::invitations(self))
    }

    fn revoke<'a>(&'a self, id: &'a str) -> Answer<'a, Invitation> {
        Box::pin(NodeHandle::revoke(self, id))
    }

    fn add_contact(&self, new: NewContact) -> Answer<'_, Contact> {
        Box::pin(NodeHandle::add_contact(self, new))
    }

    fn contacts(&self) -> Answer<'_, Vec<Contact>> {
        Box::pin(NodeHandle::contacts(self))
    }

    fn contact<'a>(&'a self, who: &'a str) -> Answer<'a, Contact> {
        Box::pin(NodeHandle::contact(self, who))
    }

    fn change_contact<'a>(&'a self, who: &'a str, change: ContactChange) -> Answer<'a, Contact> {
        Box::pin(NodeHandle::change_contact(self, who, change))
    }

    fn remove_contact<'a>(&'a self, who: &'a str) -> Answer<'a, ()> {
        Box::pin(NodeHandle::remove_contact(self, who))
    }

    fn send<'a>(&'a self, who: &'a str, new: NewMessage) -> Answer<'a, Message> {
        Box::pin(NodeHandle::send(self, who, new))
    }

    fn history<'a>(&'a self, who: &'a str, limit: u32, before: Option<&'a str>) -> Answer<'a, Vec<Message>> {
        Box::pin(NodeHandle::history(self, who, limit, before))
    }

    fn conversations(&self) -> Answer<'_, Vec<Message>> {
        Box::pin(NodeHandle::conversations(self))
    }

    fn search(&self, search: Search) -> Answer<'_, Vec<Message>> {
        Box::pin(NodeHandle::search(self, search))
    }

    fn message<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        Box::pin(NodeHandle::message(self, id))
    }

    fn cancel<'a>(&'a self, id: &'a str) -> Answer<'a, Message> {
        Box::pin(NodeHandle::cancel(self, id))
    }

    fn mark_read<'a>(&'a self, who: &'a str, mark: MarkRead) -> Answer<'a, Contact> {
        Box::pin(NodeHandle::mark_read(self, who, mark))
    }

    fn events(&self, after: i64, limit: u32) -> Answer<'_, Vec<Event>> {
        Box::pin(NodeHandle::events(self, after, limit))
    }

    fn newest_event(&self) -> watch::Receiver<i64> {
        NodeHandle::newest_event(self)
    }

    fn notes(&self) -> Answer<'_, Vec<Note>> {
        Box::pin(NodeHandle::notes(self))
    }

    fn put_note<'a>(&'a self, key: &'a str, new: NewNote) -> Answer<'a, ()> {
        Box::pin(NodeHandle::put_note(self, key, new))
    }

    fn change_passphrase(&self, change: PassphraseChange) -> Answer<'_, ()> {
        Box::pin(NodeHandle::change_passphrase(self, change))
    }

    fn backup(&self, passphrase: Passphrase) -> Answer<'_, Backup> {
        Box::pin(NodeHandle::backup(self, passphrase))
    }

    fn wipe(&self) -> Answer<'_, ()> {
        Box::pin(NodeHandle::wipe(self))
    }
}
