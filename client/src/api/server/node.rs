//! What the server asks of a node. Tests put another node behind it.

use futures::future::BoxFuture;
use tokio::sync::watch;

use crate::api::types::{
    Contact, ContactChange, Decision, Event, Handle, Invitation, MarkRead, Message, NewContact, NewInvitation,
    NewMessage, NewNote, NewServer, Note, OwnPresence, PassphraseChange, ProfileChange, Request, Search, Server,
    Status,
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
    fn servers(&self) -> Answer<'_, Vec<Server>>;
    fn add_server(&self, new: NewServer) -> Answer<'_, Server>;
    fn remove_server<'a>(&'a self, address: &'a str) -> Answer<'a, ()>;
    fn set_presence(&self, presence: OwnPresence) -> Answer<'_, Status>;
    fn handles(&self) -> Answer<'_, Vec<Handle>>;
    fn claim_handle<'a>(&'a self, handle: &'a str) -> Answer<'a, Handle>;
    fn release_handle<'a>(&'a self, handle: &'a str) -> Answer<'a, ()>;
    fn requests(&self) -> Answer<'_, Vec<Request>>;
    fn answer_request<'a>(&'a self, id: &'a str, decision: Decision) -> Answer<'a, ()>;
    fn change_profile(&self, change: ProfileChange) -> Answer<'_, Status>;
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

    fn servers(&self) -> Answer<'_, Vec<Server>> {
        Box::pin(NodeHandle::servers(self))
    }

    fn add_server(&self, new: NewServer) -> Answer<'_, Server> {
        Box::pin(NodeHandle::add_server(self, new))
    }

    fn remove_server<'a>(&'a self, address: &'a str) -> Answer<'a, ()> {
        Box::pin(NodeHandle::remove_server(self, address))
    }

    fn set_presence(&self, presence: OwnPresence) -> Answer<'_, Status> {
        Box::pin(NodeHandle::set_presence(self, presence))
    }

    fn handles(&self) -> Answer<'_, Vec<Handle>> {
        Box::pin(NodeHandle::handles(self))
    }

    fn claim_handle<'a>(&'a self, handle: &'a str) -> Answer<'a, Handle> {
        Box::pin(NodeHandle::claim_handle(self, handle))
    }

    fn release_handle<'a>(&'a self, handle: &'a str) -> Answer<'a, ()> {
        Box::pin(NodeHandle::release_handle(self, handle))
    }

    fn requests(&self) -> Answer<'_, Vec<Request>> {
        Box::pin(NodeHandle::requests(self))
    }

    fn answer_request<'a>(&'a self, id: &'a str, decision: Decision) -> Answer<'a, ()> {
        Box::pin(NodeHandle::answer_request(self, id, decision))
    }

    fn change_profile(&self, change: ProfileChange) -> Answer<'_, Status> {
        Box::pin(NodeHandle::change_profile(self, change))
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
