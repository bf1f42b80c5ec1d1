//! The node: one actor that owns the store and the links, and a handle that asks it for things.
//!
//! Commands come from the local API, reports from the tasks that meet others and read links. Each
//! is handled whole, in one transaction of the store, before the next.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chive_shared::api::Code;
use chive_shared::server::ServerId;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::types::{
    Contact, ContactChange, Decision, ErrorCode, Event, Handle, Invitation, MarkRead, Message, NewContact,
    NewInvitation, NewMessage, NewNote, NewServer, Note, OwnPresence, PassphraseChange, ProfileChange, Request, Search,
    Server, Status,
};
use crate::fault::Fault;
use crate::identity::PublicIdentity;
use crate::limits::{MAX_NOTE, MAX_NOTE_KEY, MAX_NOTES};
use crate::link::LinkError;
use crate::link::session::{LinkEvent, Session};
use crate::model::{ContactId, HandleId, UnixMillis};
use crate::profile::backup::{Backup, make_backup};
use crate::profile::{self, Passphrase, ProfileError};
use crate::rendezvous::{self, ServerError, Way};
use crate::store::Store;
use crate::store::StoreError;
use crate::store::notes::{self, BRIDGES};
use crate::transport::Incoming;
use crate::transport::tor::check_bridges;
use crate::wire::frame::{Frame, LinkId};

mod actor;
mod afresh;
mod contacts;
mod deliver;
mod directory;
mod envelopes;
mod events;
mod handles;
mod invitations;
mod links;
mod lobby;
mod meet;
mod messages;
mod peer;
mod redial;
mod requests;
mod servers;
mod show;
#[cfg(test)]
mod sim;
mod terms;
#[cfg(test)]
mod tests;

pub use actor::{Parts, start};
pub use deliver::UPDATE_AFTER;

/// Commands waiting for the node.
const COMMAND_QUEUE: usize = 64;
/// Reports waiting for the node: links and meetings wait when it is full.
const REPORT_QUEUE: usize = 256;
/// Accepted streams waiting for the node.
pub const INCOMING_QUEUE: usize = 64;

type Answer<T> = oneshot::Sender<Result<T, Fault>>;

/// What the local API asks.
enum Command {
    Status(Answer<Status>),
    Invite(NewInvitation, Answer<Invitation>),
    Invitations(Answer<Vec<Invitation>>),
    Revoke(String, Answer<Invitation>),
    AddContact(NewContact, Answer<Contact>),
    WayTo(ServerId, Answer<(Way, UnixMillis)>),
    Contacts(Answer<Vec<Contact>>),
    Contact(String, Answer<Contact>),
    ChangeContact(String, ContactChange, Answer<Contact>),
    RemoveContact(String, Answer<()>),
    Send(String, NewMessage, Answer<Message>),
    History(String, u32, Option<String>, Answer<Vec<Message>>),
    Conversations(Answer<Vec<Message>>),
    Search(Search, Answer<Vec<Message>>),
    Message(String, Answer<Message>),
    Cancel(String, Answer<Message>),
    MarkRead(String, MarkRead, Answer<Contact>),
    Servers(Answer<Vec<Server>>),
    AddServer(NewServer, Answer<Server>),
    RemoveServer(String, Answer<()>),
    SetPresence(OwnPresence, Answer<Status>),
    Handles(Answer<Vec<Handle>>),
    ClaimHandle(String, Answer<Handle>),
    ReleaseHandle(String, Answer<()>),
    Requests(Answer<Vec<Request>>),
    AnswerRequest(String, Decision, Answer<()>),
    ChangeProfile(ProfileChange, Answer<Status>),
    Events(i64, u32, Answer<Vec<Event>>),
    Wipe(Answer<()>),
    /// An envelope that came by some path, for tests: from whom, and what.
    #[cfg(test)]
    Receive(ContactId, Vec<u8>, Answer<()>),
    /// How much the node holds in memory, for tests.
    #[cfg(test)]
    Weigh(Answer<sim::Weight>),
}

/// What the node's tasks tell it.
enum Report {
    /// A link with a contact is up.
    Met { contact: ContactId, meeting: Box<meet::Meeting> },
    /// A contact's dial to us came to nothing.
    AnswerFailed { contact: ContactId, error: LinkError },
    /// Our dial to a contact came to nothing.
    DialFailed { contact: ContactId, error: meet::MeetError },
    /// Our request did not get through.
    AskFailed { contact: ContactId, error: meet::MeetError },
    /// Somebody asks to become a contact.
    Asked(meet::Asking),
    /// Our request was answered. The session goes on, or is dropped, once the answer is stored.
    Answered {
        contact: ContactId,
        /// When we began to ask.
        began: Instant,
        peer: PublicIdentity,
        introduction: Vec<u8>,
        answer: Frame,
        session: Box<Session>,
    },
    /// Something came over a link.
    Link { contact: ContactId, link: LinkId, event: LinkEvent },
    /// Something about a server, or by it about a contact.
    Server { server: ServerId, news: servers::ServerNews },
    /// What became of a handle.
    Errand { id: HandleId, news: handles::ErrandNews },
    /// A link has ended.
    LinkEnded { contact: ContactId, link: LinkId, error: LinkError },
}

/// What the node handles, one after the other.
enum Input {
    /// Somebody asks.
    Command(Command),
    /// A task tells.
    Report(Report),
    /// Somebody opened a stream to us.
    Incoming(Incoming),
}

/// A cloneable way to ask the running node. Every method is one command or one query.
#[derive(Clone)]
pub struct NodeHandle {
    commands: mpsc::Sender<Command>,
    newest: watch::Receiver<i64>,
    directory: PathBuf,
    store: Store,
}

impl NodeHandle {
    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, Fault> {
        let stopping = || Fault::new(ErrorCode::Stopping, "the node is stopping");
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    /// Whether it takes no more questions.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.commands.is_closed()
    }

    /// How the node is.
    pub async fn status(&self) -> Result<Status, Fault> {
        self.ask(Command::Status).await
    }

    /// Makes an invitation.
    pub async fn invite(&self, new: NewInvitation) -> Result<Invitation, Fault> {
        self.ask(|answer| Command::Invite(new, answer)).await
    }

    /// All invitations that are remembered.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, Fault> {
        self.ask(Command::Invitations).await
    }

    /// Takes an invitation back. `id`: an unambiguous beginning of it.
    pub async fn revoke(&self, id: &str) -> Result<Invitation, Fault> {
        self.ask(|answer| Command::Revoke(id.to_owned(), answer)).await
    }

    /// Opens an invitation link, or asks the owner of a handle. The handle is looked up first, which takes a while.
    pub async fn add_contact(&self, mut new: NewContact) -> Result<Contact, Fault> {
        if new.link.contains('@') {
            new.link = self.find(&new.link).await?;
        }
        self.ask(|answer| Command::AddContact(new, answer)).await
    }

    /// The link that a handle leads to.
    async fn find(&self, handle: &str) -> Result<String, Fault> {
        let (name, server) = handles::parse_handle(handle)?;
        let (way, now) = self.ask(|answer| Command::WayTo(server, answer)).await?;
        match rendezvous::handles::find(&way, &name, now.0).await {
            Ok(invitation) => Ok(invitation.to_link().to_string()),
            Err(ServerError::Refused(problem)) if problem.code == Code::Unknown => {
                Err(Fault::new(ErrorCode::UnknownHandle, "nobody has this handle at this server"))
            }
            Err(error) => Err(Fault::new(ErrorCode::ServerUnreachable, format!("the server was not asked: {error}"))),
        }
    }

    /// All contacts, by name.
    pub async fn contacts(&self) -> Result<Vec<Contact>, Fault> {
        self.ask(Command::Contacts).await
    }

    /// One contact. `who`: a name, or an unambiguous beginning (8 digits or more) of an id.
    pub async fn contact(&self, who: &str) -> Result<Contact, Fault> {
        self.ask(|answer| Command::Contact(who.to_owned(), answer)).await
    }

    /// Renames, verifies, blocks.
    pub async fn change_contact(&self, who: &str, change: ContactChange) -> Result<Contact, Fault> {
        self.ask(|answer| Command::ChangeContact(who.to_owned(), change, answer)).await
    }

    /// Forgets a contact with its conversation.
    pub async fn remove_contact(&self, who: &str) -> Result<(), Fault> {
        self.ask(|answer| Command::RemoveContact(who.to_owned(), answer)).await
    }

    /// Accepts a message: when this returns, it is in the store.
    pub async fn send(&self, who: &str, new: NewMessage) -> Result<Message, Fault> {
        self.ask(|answer| Command::Send(who.to_owned(), new, answer)).await
    }

    /// Oldest first, at most `limit`, those just before the message `before` (or the newest).
    pub async fn history(&self, who: &str, limit: u32, before: Option<&str>) -> Result<Vec<Message>, Fault> {
        let before = before.map(str::to_owned);
        self.ask(|answer| Command::History(who.to_owned(), limit, before, answer)).await
    }

    /// The newest message of every conversation.
    pub async fn conversations(&self) -> Result<Vec<Message>, Fault> {
        self.ask(Command::Conversations).await
    }

    /// Messages with all the words that are searched for, newest first.
    pub async fn search(&self, search: Search) -> Result<Vec<Message>, Fault> {
        self.ask(|answer| Command::Search(search, answer)).await
    }

    /// One message by its id.
    pub async fn message(&self, id: &str) -> Result<Message, Fault> {
        self.ask(|answer| Command::Message(id.to_owned(), answer)).await
    }

    /// Takes a message back that has not left.
    pub async fn cancel(&self, id: &str) -> Result<Message, Fault> {
        self.ask(|answer| Command::Cancel(id.to_owned(), answer)).await
    }

    /// Marks the messages of a contact as read; it is told if both sides allow it.
    pub async fn mark_read(&self, who: &str, mark: MarkRead) -> Result<Contact, Fault> {
        self.ask(|answer| Command::MarkRead(who.to_owned(), mark, answer)).await
    }

    /// The rendezvous servers that we announce ourselves to.
    pub async fn servers(&self) -> Result<Vec<Server>, Fault> {
        self.ask(Command::Servers).await
    }

    /// Announces us to one more server.
    pub async fn add_server(&self, new: NewServer) -> Result<Server, Fault> {
        self.ask(|answer| Command::AddServer(new, answer)).await
    }

    /// Announces us to a server no more.
    pub async fn remove_server(&self, address: &str) -> Result<(), Fault> {
        self.ask(|answer| Command::RemoveServer(address.to_owned(), answer)).await
    }

    /// What our servers say of us from now on.
    pub async fn set_presence(&self, presence: OwnPresence) -> Result<Status, Fault> {
        self.ask(|answer| Command::SetPresence(presence, answer)).await
    }

    /// The words by which we can be found.
    pub async fn handles(&self) -> Result<Vec<Handle>, Fault> {
        self.ask(Command::Handles).await
    }

    /// Claims a word, as `name@server`.
    pub async fn claim_handle(&self, handle: &str) -> Result<Handle, Fault> {
        self.ask(|answer| Command::ClaimHandle(handle.to_owned(), answer)).await
    }

    /// Gives a word back.
    pub async fn release_handle(&self, handle: &str) -> Result<(), Fault> {
        self.ask(|answer| Command::ReleaseHandle(handle.to_owned(), answer)).await
    }

    /// Who found us by a handle, and waits for our answer; oldest first.
    pub async fn requests(&self) -> Result<Vec<Request>, Fault> {
        self.ask(Command::Requests).await
    }

    /// Answers a request. `id`: its id, or an unambiguous beginning (8 digits or more) of it.
    pub async fn answer_request(&self, id: &str, decision: Decision) -> Result<(), Fault> {
        self.ask(|answer| Command::AnswerRequest(id.to_owned(), decision, answer)).await
    }

    /// Changes our own name, and tells the contacts.
    pub async fn change_profile(&self, change: ProfileChange) -> Result<Status, Fault> {
        self.ask(|answer| Command::ChangeProfile(change, answer)).await
    }

    /// Events after a cursor, oldest first, at most `limit`. `CursorExpired` when some are gone.
    pub async fn events(&self, after: i64, limit: u32) -> Result<Vec<Event>, Fault> {
        self.ask(|answer| Command::Events(after, limit, answer)).await
    }

    /// Changes whenever there is a newer event; its value is the newest one's number.
    #[must_use]
    pub fn newest_event(&self) -> watch::Receiver<i64> {
        self.newest.clone()
    }

    /// What front-ends keep in the profile.
    pub async fn notes(&self) -> Result<Vec<Note>, Fault> {
        let mut tx = self.store.begin().await?;
        Ok(notes::all(&mut tx).await?.into_iter().map(|(key, text)| Note { key, text }).collect())
    }

    /// Keeps a note for a front-end; an empty one is removed.
    pub async fn put_note(&self, key: &str, new: NewNote) -> Result<(), Fault> {
        check_note(key, &new.text)?;
        let mut tx = self.store.begin().await?;
        if new.text.is_empty() {
            notes::remove(&mut tx, key).await?;
        } else {
            if notes::get(&mut tx, key).await?.is_none() && notes::count(&mut tx).await? >= MAX_NOTES {
                return Err(Fault::new(
                    ErrorCode::OutOfRange,
                    format!("there are {MAX_NOTES} notes: remove one first"),
                ));
            }
            notes::put(&mut tx, key, &new.text).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Replaces the passphrase. The node goes on meanwhile.
    pub async fn change_passphrase(&self, change: PassphraseChange) -> Result<(), Fault> {
        let directory = self.directory.clone();
        let changed = tokio::task::spawn_blocking(move || change_passphrase(&directory, change)).await;
        match changed.map_err(|error| internal(&error))? {
            Ok(()) => Ok(()),
            Err(ProfileError::WrongPassphrase) => {
                Err(Fault::new(ErrorCode::WrongPassphrase, "the old passphrase is wrong: nothing was changed"))
            }
            Err(error @ ProfileError::EmptyPassphrase) => {
                Err(Fault::new(ErrorCode::WrongPassphrase, error.to_string()))
            }
            Err(ProfileError::Io(error)) if error.kind() == ErrorKind::StorageFull => Err(StoreError::Full.into()),
            Err(ProfileError::Io(error)) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                Err(StoreError::ReadOnly.into())
            }
            Err(error) => Err(internal(&error)),
        }
    }

    /// Makes a backup, which opens with this passphrase alone. The node goes on meanwhile.
    pub async fn backup(&self, passphrase: Passphrase) -> Result<Backup, Fault> {
        let (store, directory) = (self.store.clone(), self.directory.clone());
        // On its own, so that it is whole or gone, whoever waits for it.
        let making = tokio::spawn(async move { make_backup(&store, &directory, &passphrase).await });
        match making.await.map_err(|error| internal(&error))? {
            Err(error @ ProfileError::EmptyPassphrase) => {
                Err(Fault::new(ErrorCode::WrongPassphrase, error.to_string()))
            }
            Err(ProfileError::Store(error)) => Err(error.into()),
            made => made.map_err(|error| internal(&error)),
        }
    }

    /// Destroys the profile's key, then ends the node. When this returns, the profile is lost.
    pub async fn wipe(&self) -> Result<(), Fault> {
        let (node, directory) = (self.clone(), self.directory.clone());
        // On its own, so that it is done or not, whoever waits for it.
        let wiping = tokio::spawn(async move {
            let destroyed = tokio::task::spawn_blocking(move || profile::destroy_key(&directory)).await;
            destroyed.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
            node.ask(Command::Wipe).await
        });
        wiping.await.map_err(|error| internal(&error))?
    }
}

#[cfg(test)]
impl NodeHandle {
    /// A node that never answers: its commands wait until the second value is dropped.
    pub(crate) fn unanswered(store: Store, directory: PathBuf) -> (Self, impl Send + use<>) {
        let (commands, queue) = mpsc::channel(COMMAND_QUEUE);
        let (never, newest) = watch::channel(0);
        let handle = Self { commands, newest, directory, store };
        (handle, (queue, never))
    }
}

fn check_note(key: &str, text: &str) -> Result<(), Fault> {
    let fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if key.is_empty() || key.len() > MAX_NOTE_KEY || !key.bytes().all(fine) {
        let why = format!("a note's key is 1 to {MAX_NOTE_KEY} of a to z, 0 to 9, `.`, `_` and `-`");
        return Err(Fault::new(ErrorCode::OutOfRange, why));
    }
    if key == BRIDGES {
        check_bridges(text).map_err(|why| Fault::new(ErrorCode::InvalidText, why))?;
    }
    if text.len() > MAX_NOTE {
        return Err(Fault::new(ErrorCode::InvalidText, format!("a note has at most {MAX_NOTE} bytes")));
    }
    Ok(())
}

fn change_passphrase(directory: &Path, change: PassphraseChange) -> Result<(), ProfileError> {
    profile::rewrap(directory, &Passphrase::new(change.old), &Passphrase::new(change.new))
}

/// A fault of the node itself: the cause goes to the log, not to the caller.
fn internal(error: &dyn std::fmt::Display) -> Fault {
    tracing::error!(%error, "a command failed");
    Fault::new(ErrorCode::Internal, "the node could not do this: its log has the cause")
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// It was told to destroy the profile.
    Wiped,
}

/// Whom the node dials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Links {
    /// All contacts: a message to them needs no dial, and they see each other at once.
    #[default]
    Always,
    /// Those for whom something waits: fewer circuits, and who is there is known by servers.
    WhenNeeded,
}

/// A started node: its handle, and how to end it.
pub struct Running {
    /// To ask it.
    pub handle: NodeHandle,
    /// Ends it cleanly.
    pub stop: CancellationToken,
    /// Joins it.
    pub ended: tokio::task::JoinHandle<Ending>,
}

/// Something that hands over accepted streams, for [`start`].
pub type IncomingStreams = mpsc::Receiver<Incoming>;

/// A transport for [`start`].
pub type SharedTransport = Arc<dyn crate::transport::Transport>;
