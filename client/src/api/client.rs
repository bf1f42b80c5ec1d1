//! The local API's client: one typed method for each path, over the node's Unix socket.
//!
//! Every request has its own connection. Nothing is retried here: the caller knows what may be
//! asked twice.

use std::path::PathBuf;
use std::time::Duration;

use futures::Stream;
use hyper::Method;

use crate::api::types::{
    Answer, Contact, ContactChange, Conversation, ConversationChange, Decision, Event, Handle,
    Invitation, MarkRead, Message, NewBackup, NewContact, NewHandle, NewInvitation, NewMessage,
    NewPreference, NewPresence, NewServer, OwnPresence, PassphraseChange, Preference,
    ProfileChange, Request, Search, Server, Status, WebPage, Wipe,
};

mod error;
mod events;
mod http;

pub use error::ClientError;
pub use http::StreamedBody;
use http::{RequestBuilder, segment};

/// A large backup takes its time before its first byte comes.
const BACKUP_PATIENCE: Duration = Duration::from_hours(1);

/// A handle is looked up over Tor.
const LOOKUP_PATIENCE: Duration = Duration::from_mins(5);

/// A way to ask the node that listens at a socket.
#[derive(Clone, Debug)]
pub struct Client {
    socket: PathBuf,
}

impl Client {
    /// A client of the node whose socket has this path. Nothing is opened before the first request.
    #[must_use]
    pub fn new(socket: PathBuf) -> Self {
        Self { socket }
    }

    /// The state of the node, now.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.ask(Method::GET, "/v1/status").answer().await
    }

    /// Makes an invitation.
    pub async fn invite(&self, new: &NewInvitation) -> Result<Invitation, ClientError> {
        self.ask(Method::POST, "/v1/invitations").json(new)?.answer().await
    }

    /// The invitations that the node remembers, ended ones among them.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ClientError> {
        self.ask(Method::GET, "/v1/invitations").answer().await
    }

    /// Takes an invitation back. `id` is its id or an unambiguous beginning of it.
    pub async fn revoke(&self, id: &str) -> Result<Invitation, ClientError> {
        self.ask(Method::DELETE, format!("/v1/invitations/{}", segment(id))).answer().await
    }

    /// Asks an invitation's owner to become a contact.
    pub async fn add_contact(&self, new: &NewContact) -> Result<Contact, ClientError> {
        self.ask(Method::POST, "/v1/contacts").json(new)?.patience(LOOKUP_PATIENCE).answer().await
    }

    /// All contacts, also those that have not answered our request yet.
    pub async fn contacts(&self) -> Result<Vec<Contact>, ClientError> {
        self.ask(Method::GET, "/v1/contacts").answer().await
    }

    /// One contact. `who` is its name, its id, or an unambiguous beginning of its id.
    pub async fn contact(&self, who: &str) -> Result<Contact, ClientError> {
        self.ask(Method::GET, contact_path(who)).answer().await
    }

    /// Renames, verifies or blocks a contact, or hides our presence from them.
    pub async fn change_contact(
        &self,
        who: &str,
        change: &ContactChange,
    ) -> Result<Contact, ClientError> {
        self.ask(Method::PATCH, contact_path(who)).json(change)?.answer().await
    }

    /// Removes a contact and its conversation.
    pub async fn remove_contact(&self, who: &str) -> Result<(), ClientError> {
        self.ask(Method::DELETE, contact_path(who)).done().await
    }

    /// All conversations, oldest first: every contact has a direct one.
    pub async fn conversations(&self) -> Result<Vec<Conversation>, ClientError> {
        self.ask(Method::GET, "/v1/conversations").answer().await
    }

    /// One conversation. `which` is its id or, for a direct one, what names the contact.
    pub async fn conversation(&self, which: &str) -> Result<Conversation, ClientError> {
        self.ask(Method::GET, conversation_path(which)).answer().await
    }

    /// Changes what may happen to a conversation's messages, how long they are kept, or the draft.
    pub async fn change_conversation(
        &self,
        which: &str,
        change: &ConversationChange,
    ) -> Result<Conversation, ClientError> {
        self.ask(Method::PATCH, conversation_path(which)).json(change)?.answer().await
    }

    /// Accepts a message: from then on the node sees to its delivery.
    pub async fn send(&self, which: &str, new: &NewMessage) -> Result<Message, ClientError> {
        self.ask(Method::POST, messages_path(which)).json(new)?.answer().await
    }

    /// At most `limit` messages of a conversation, oldest first: those just before the message
    /// `before`, or the newest.
    pub async fn history(
        &self,
        which: &str,
        limit: u32,
        before: Option<&str>,
    ) -> Result<Vec<Message>, ClientError> {
        let mut path = format!("{}?limit={limit}", messages_path(which));
        if let Some(id) = before {
            path.push_str("&before=");
            path.push_str(&segment(id));
        }
        self.ask(Method::GET, path).answer().await
    }

    /// Marks messages of others as read, up to one or all of them.
    pub async fn mark_read(
        &self,
        which: &str,
        up_to: Option<&str>,
    ) -> Result<Conversation, ClientError> {
        let mark = MarkRead { up_to: up_to.map(str::to_owned) };
        self.ask(Method::POST, format!("{}/read", conversation_path(which)))
            .json(&mark)?
            .answer()
            .await
    }

    /// Messages that have the words, newest first.
    pub async fn search(&self, search: &Search) -> Result<Vec<Message>, ClientError> {
        let mut path = format!("/v1/search?text={}&limit={}", segment(&search.text), search.limit);
        for (name, value) in [("conversation", &search.conversation), ("before", &search.before)] {
            if let Some(value) = value {
                path.extend(["&", name, "=", &segment(value)]);
            }
        }
        self.ask(Method::GET, path).answer().await
    }

    /// One message. `id` is the whole id, in hex.
    pub async fn message(&self, id: &str) -> Result<Message, ClientError> {
        self.ask(Method::GET, message_path(id)).answer().await
    }

    /// Takes back a message that has not left.
    pub async fn cancel(&self, id: &str) -> Result<Message, ClientError> {
        self.ask(Method::DELETE, message_path(id)).answer().await
    }

    /// The rendezvous servers that the node announces itself to.
    pub async fn servers(&self) -> Result<Vec<Server>, ClientError> {
        self.ask(Method::GET, "/v1/servers").answer().await
    }

    /// Announces the node to one more server.
    pub async fn add_server(&self, new: &NewServer) -> Result<Server, ClientError> {
        self.ask(Method::POST, "/v1/servers").json(new)?.answer().await
    }

    /// Announces the node to a server no more.
    pub async fn remove_server(&self, address: &str) -> Result<(), ClientError> {
        self.ask(Method::DELETE, format!("/v1/servers/{}", segment(address))).done().await
    }

    /// What the servers say of us from now on.
    pub async fn set_presence(&self, presence: OwnPresence) -> Result<Status, ClientError> {
        self.ask(Method::PUT, "/v1/presence").json(&NewPresence { presence })?.answer().await
    }

    /// The words by which we can be found.
    pub async fn handles(&self) -> Result<Vec<Handle>, ClientError> {
        self.ask(Method::GET, "/v1/handles").answer().await
    }

    /// Claims a word, as `name@server`.
    pub async fn claim_handle(&self, handle: &str) -> Result<Handle, ClientError> {
        self.ask(Method::POST, "/v1/handles")
            .json(&NewHandle { handle: handle.to_owned() })?
            .answer()
            .await
    }

    /// Gives a word back, as `name@server`.
    pub async fn release_handle(&self, handle: &str) -> Result<(), ClientError> {
        self.ask(Method::DELETE, format!("/v1/handles/{}", segment(handle))).done().await
    }

    /// Who found us by a handle, and waits for our answer.
    pub async fn requests(&self) -> Result<Vec<Request>, ClientError> {
        self.ask(Method::GET, "/v1/requests").answer().await
    }

    /// Answers a request. `id`: its id, or an unambiguous beginning of it.
    pub async fn answer_request(&self, id: &str, decision: Decision) -> Result<(), ClientError> {
        self.ask(Method::POST, format!("/v1/requests/{}", segment(id)))
            .json(&Answer { decision })?
            .done()
            .await
    }

    /// Changes our own name.
    pub async fn change_profile(&self, change: &ProfileChange) -> Result<Status, ClientError> {
        self.ask(Method::PATCH, "/v1/profile").json(change)?.answer().await
    }

    /// What happens after the event `after`, or from now on, without a gap and without an end.
    ///
    /// The stream ends when the node stops or after its first error. To go on, ask again with the
    /// last event's `seq`.
    pub fn events(
        &self,
        after: Option<i64>,
    ) -> impl Stream<Item = Result<Event, ClientError>> + Send + Unpin + use<> {
        let path =
            after.map_or_else(|| "/v1/events".to_owned(), |seq| format!("/v1/events?after={seq}"));
        events::follow(self.ask(Method::GET, path).accept("text/event-stream"))
    }

    /// What front-ends keep in the profile.
    pub async fn preferences(&self) -> Result<Vec<Preference>, ClientError> {
        self.ask(Method::GET, "/v1/preferences").answer().await
    }

    /// Keeps a preference; an empty one is removed.
    pub async fn put_preference(&self, key: &str, text: &str) -> Result<(), ClientError> {
        let new = NewPreference { text: text.to_owned() };
        self.ask(Method::PUT, format!("/v1/preferences/{}", segment(key))).json(&new)?.done().await
    }

    /// An address of the web interface, for one browser.
    pub async fn web(&self) -> Result<WebPage, ClientError> {
        self.ask(Method::POST, "/v1/web").answer().await
    }

    /// Changes the profile's passphrase.
    pub async fn change_passphrase(&self, change: &PassphraseChange) -> Result<(), ClientError> {
        self.ask(Method::POST, "/v1/passphrase").json(change)?.done().await
    }

    /// Makes a backup. Its bytes come one after the other; a backup that breaks off ends with an
    /// error.
    pub async fn backup(&self, new: &NewBackup) -> Result<StreamedBody, ClientError> {
        self.ask(Method::POST, "/v1/backup").json(new)?.patience(BACKUP_PATIENCE).open().await
    }

    /// Ends the node and destroys its profile.
    pub async fn wipe(&self) -> Result<(), ClientError> {
        self.ask(Method::POST, "/v1/wipe").json(&Wipe { confirm: true })?.done().await
    }

    fn ask(&self, method: Method, path: impl Into<String>) -> RequestBuilder {
        RequestBuilder::new(self.socket.clone(), method, path.into())
    }
}

fn contact_path(who: &str) -> String {
    format!("/v1/contacts/{}", segment(who))
}

fn conversation_path(which: &str) -> String {
    format!("/v1/conversations/{}", segment(which))
}

fn messages_path(which: &str) -> String {
    format!("{}/messages", conversation_path(which))
}

fn message_path(id: &str) -> String {
    format!("/v1/messages/{}", segment(id))
}
