//! What the local API says and takes, as JSON. Times are Unix milliseconds; ids are lower-case hex.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod conversations;

pub use crate::model::{AnswerFault, Reason};
pub use conversations::{
    Conversation, ConversationChange, ConversationKind, ConversationSettings, Direction, MarkRead,
    Member, Message, MessageState, NewMessage, Policy, Search,
};

/// `GET /v1/status`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// The version of the node.
    pub version: String,
    /// The name that contacts are shown.
    pub name: String,
    /// When the node started, Unix milliseconds.
    pub started_at: i64,
    /// The way to the Tor network.
    pub tor: TorStatus,
    /// The onion service that takes contact requests.
    pub front_door: ServiceState,
    /// The onion service that contacts use.
    pub endpoint: ServiceState,
    /// Contacts, also those that have not answered yet.
    pub contacts: u32,
    /// Contacts with a live link.
    pub online: u32,
    /// Messages that are not delivered yet.
    pub waiting: u32,
    /// What we let our servers say of us.
    pub presence: OwnPresence,
    /// Rendezvous servers that we announce ourselves to.
    pub servers: u32,
    /// Those of them that the last request reached.
    pub servers_reachable: u32,
    /// Contact requests that wait for our yes or no.
    pub requests: u32,
    /// The number of the newest event.
    pub last_event: i64,
}

/// What we let our servers say of us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OwnPresence {
    /// Online while the node runs.
    #[default]
    On,
    /// The node runs, and nobody sits before it.
    Away,
    /// Nothing.
    Invisible,
}

/// `PUT /v1/presence`
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPresence {
    /// From now on, also after a restart.
    pub presence: OwnPresence,
}

/// `PATCH /v1/profile`: only what is given is changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileChange {
    /// What contacts see as our name, until they choose another for us. They are told.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
}

/// `POST /v1/servers`
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewServer {
    /// Its onion address, 56 characters, with or without `.onion`.
    pub address: String,
    /// What lets us write there, if the server asks for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub token: Option<String>,
}

/// A rendezvous server that we announce ourselves to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Server {
    /// The onion address of the server, with `.onion`.
    pub address: String,
    /// Whether the server works for us.
    pub state: ServerState,
    /// The reason for this state, where there is one to tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// When it took our last record.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub announced_at: Option<i64>,
    /// When we last read it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub checked_at: Option<i64>,
    /// How many records it had then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u64>,
    /// Whether we have a token for it.
    pub has_token: bool,
}

/// How a rendezvous server is.
// In this order: what is further down outweighs what is above.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// Not asked yet.
    Starting,
    /// The last request was answered.
    Reachable,
    /// The last request was not.
    Unreachable,
    /// It does not take our records: `reason` says why.
    Refused,
    /// It went back in time, or contradicted itself: `reason` says how. Nothing of it is believed.
    Untrusted,
}

/// `POST /v1/handles`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewHandle {
    /// `name@server`.
    pub handle: String,
}

/// A word by which we can be found at a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Handle {
    /// `name@server`.
    pub handle: String,
    /// How far the claim is.
    pub state: HandleState,
    /// The reason for this state, where there is one to tell.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// Until when the server keeps it for us; it is renewed long before.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
}

/// How far a handle is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HandleState {
    /// The server has not taken it yet.
    Claiming,
    /// It is ours.
    Active,
    /// The server has refused it: `reason` says why.
    Failed,
    /// The server has not heard yet that we give it up.
    Releasing,
}

/// Somebody who found us by a handle, and waits for our answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Request {
    /// 64 hex digits: the peer id.
    pub id: String,
    /// What it would be called here: safe to show. Anybody can choose any name.
    pub name: String,
    /// What it writes: may hold anything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// The handle that it used.
    pub handle: String,
    /// When the request came, Unix milliseconds.
    pub received_at: i64,
}

/// `POST /v1/requests/{id}`
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// What to do with it.
    pub decision: Decision,
}

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Make who asks a contact.
    Accept,
    /// Say no. It may ask again.
    Decline,
    /// Say nothing, now and whenever it asks again.
    Block,
}

/// How far the node is on its way to the Tor network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TorStatus {
    /// True once connections can be expected to work.
    pub ready: bool,
    /// Progress in percent, 0 to 100.
    #[schema(maximum = 100)]
    pub percent: u8,
    /// The step that is under way.
    pub summary: Reason,
    /// Why it does not go on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub stalled: Option<Reason>,
}

/// Whether others can reach an onion service of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// Not hosted: no invitation is remembered that would need it.
    Closed,
    /// Launched; not reached by ourselves yet.
    Starting,
    /// The last dial to ourselves got through.
    Reachable,
    /// The last dials to ourselves failed; it is being relaunched.
    Unreachable,
}

/// `POST /v1/invitations`
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewInvitation {
    /// How many people may use it: 1 to 1000. Default 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    pub uses: Option<u32>,
    /// For how long, in seconds: 60 to 31,536,000 (a year). Default 604,800 (7 days).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(minimum = 60, maximum = 31_536_000, default = 604_800)]
    pub expires_in: Option<u64>,
}

/// A link by which somebody becomes a contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Invitation {
    /// 32 hex digits.
    pub id: String,
    /// The link, while it is active.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
    /// Whether the link can still be used.
    pub state: InvitationState,
    /// How many people may use it.
    pub uses: u32,
    /// How many people have used it so far.
    pub used: u32,
    /// When the invitation was made, Unix milliseconds.
    pub created_at: i64,
    /// When the link stops working, Unix milliseconds.
    pub expires_at: i64,
}

/// Whether an invitation still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InvitationState {
    /// It works.
    Active,
    /// All its uses are taken.
    Used,
    /// Its time is over.
    Expired,
    /// Its owner took it back.
    Revoked,
}

/// `POST /v1/contacts`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// An invitation link, or a handle, as `name@server`.
    pub link: String,
    /// What to call the contact here. Default: what it calls itself, once it has said so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// What the owner of a handle is shown with the request: 1 to 256 bytes of UTF-8.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(min_length = 1, max_length = 256)]
    pub message: Option<String>,
}

/// `PATCH /v1/contacts/{name}`: only what is given is changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactChange {
    /// A new name, here only.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub name: Option<String>,
    /// True after both have compared the safety number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub verified: Option<bool>,
    /// True to refuse its links and messages.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blocked: Option<bool>,
    /// True to keep our presence on servers from it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub presence_hidden: Option<bool>,
}

/// Somebody to talk with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Contact {
    /// The peer id: 64 hex digits. It stays when the name changes.
    pub id: String,
    /// What it is called here: unique, safe to show.
    pub name: String,
    /// What it calls itself, exactly as it said: may hold anything.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub shared_name: Option<String>,
    /// How far the two are.
    pub state: ContactState,
    /// Why it is so, or what it waits for.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// Whether the contact is online, as far as is known.
    pub presence: Presence,
    /// Whether a link or a server says so.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub presence_source: Option<PresenceSource>,
    /// Why it is not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub presence_reason: Option<Reason>,
    /// When the presence changed last, if known: by our clock if a link tells, by its own if a
    /// server does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub since: Option<i64>,
    /// Whether we keep our presence on servers from it.
    pub presence_hidden: bool,
    /// True after its safety number was compared.
    pub verified: bool,
    /// 60 digits that both sides see alike, in groups of five.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub safety_number: Option<String>,
    /// The id of the direct conversation, which every contact has.
    pub conversation: String,
    /// When the contact was added, Unix milliseconds.
    pub created_at: i64,
}

/// How far two people are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContactState {
    /// We opened its invitation; it has not answered yet.
    Requested,
    /// Both have each other.
    Accepted,
    /// It refused our request: `reason` says why.
    Refused,
    /// We refuse their links, and they are not told.
    Blocked,
}

/// Whether a contact is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// A link is up, or it says so at a server.
    Online,
    /// It says at a server that its node runs and nobody sits before it.
    Away,
    /// A link was up and is not now, or it says so at a server.
    Offline,
    /// There was no link since the node started, and no server knows.
    Unknown,
}

/// How a presence is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PresenceSource {
    /// By our link with the contact.
    Link,
    /// By a record that the contact signed, at a server.
    Server,
}

/// A short text that a front-end keeps in the profile, such as a setting. The node does not read
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Preference {
    /// 1 to 100 of `a` to `z`, `0` to `9`, `.`, `_` and `-`. A preference that ends with a `.` and a
    /// contact's id, such as `ui.wanted.ID`, goes with the contact.
    #[schema(min_length = 1, max_length = 100, pattern = "^[a-z0-9._-]+$")]
    pub key: String,
    /// The text that is kept.
    pub text: String,
}

/// `PUT /v1/preferences/{key}`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPreference {
    /// Up to 64,512 bytes of UTF-8; an empty one removes the preference.
    #[schema(max_length = 64_512)]
    pub text: String,
}

/// `POST /v1/web`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WebPage {
    /// The address of the web interface, for one browser within ten minutes.
    pub url: String,
}

/// Something that happened. `seq` rises by any step; ask for what came after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The cursor to resume after.
    pub seq: i64,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// What happened, by its type.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// A message came, or its state changed.
    Message {
        /// The whole object as it is after the change.
        message: Message,
    },
    /// A contact came, or changed.
    Contact {
        /// The whole object as it is after the change.
        contact: Contact,
    },
    /// A conversation came, or something about it changed that no message tells of.
    Conversation {
        /// The whole object as it is after the change.
        conversation: Conversation,
    },
    /// Messages are gone, because they disappeared or were older than their conversation keeps.
    MessagesGone {
        /// The conversation's id.
        conversation: String,
        /// What the conversation is called.
        name: String,
        /// The messages' ids.
        messages: Vec<String>,
    },
    /// A contact was removed, with the direct conversation.
    ContactRemoved {
        /// The contact's id.
        id: String,
        /// The contact's name.
        name: String,
        /// The conversation's id; not in events of versions in which it had none.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        conversation: Option<String>,
    },
    /// A contact came online or went offline.
    Presence {
        /// The id that the object had in the API.
        id: String,
        /// The name that the contact has here.
        name: String,
        /// The presence of the contact after the change.
        presence: Presence,
        /// Whether a link or a server says so.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        source: Option<PresenceSource>,
    },
    /// A rendezvous server came, or its state changed.
    Server {
        /// The whole object as it is after the change.
        server: Server,
    },
    /// A handle of ours came, or its state changed.
    Handle {
        /// The whole object as it is after the change.
        handle: Handle,
    },
    /// Somebody found us by a handle, and waits for our answer.
    Request {
        /// The whole request, as a person is to see it.
        request: Request,
    },
    /// A request was answered.
    RequestGone {
        /// The id that the object had in the API.
        id: String,
    },
    /// Somebody at a contact's address could not prove the contact's keys. The link was refused.
    KeyChanged {
        /// The contact's id.
        id: String,
        /// The contact's name.
        name: String,
    },
    /// A conversation restarted, because one side was restored from a backup or asked again. What
    /// both have stays; what only the lost side had is gone.
    ConversationRestarted {
        /// The conversation's id.
        conversation: String,
        /// The contact's id.
        id: String,
        /// The contact's name.
        name: String,
        /// True if the contact has lost its side, false if we have.
        by_contact: bool,
    },
    /// An invitation was made, used, or revoked.
    Invitation {
        /// The whole object as it is after the change.
        invitation: Invitation,
    },
    /// The way to the Tor network changed.
    Tor {
        /// The whole object as it is after the change.
        tor: TorStatus,
    },
    /// An onion service of ours changed.
    Doors {
        /// The onion service that takes contact requests.
        front_door: ServiceState,
        /// The onion service that contacts dial.
        endpoint: ServiceState,
    },
}

/// `POST /v1/passphrase`
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PassphraseChange {
    /// The current passphrase.
    pub old: String,
    /// The passphrase that opens the profile from now on.
    pub new: String,
}

/// `POST /v1/backup`
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewBackup {
    /// What the backup opens with, and nothing else does.
    #[schema(min_length = 1)]
    pub passphrase: String,
}

/// `POST /v1/wipe`: ends the node and destroys the profile.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wipe {
    /// Must be true: a profile is not destroyed by mistake.
    pub confirm: bool,
}

/// Every error: problem details (RFC 9457), `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status, once more.
    pub status: u16,
    /// What is wrong and what to do, in one sentence or two.
    pub detail: String,
    /// For programs: stable.
    pub code: ErrorCode,
}

/// What is wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not an invitation link, or mistyped.
    InvalidLink,
    /// A link of a newer version.
    UnsupportedLink,
    /// Our own invitation.
    OwnLink,
    /// The link's owner is a contact already.
    AlreadyContact,
    /// A number or a time out of its range.
    OutOfRange,
    /// A name that cannot be used.
    InvalidName,
    /// A name that another contact has, or one that looks like it.
    NameTaken,
    /// No such contact.
    UnknownContact,
    /// No such conversation.
    UnknownConversation,
    /// The contact has not accepted yet, or was refused.
    NotAccepted,
    /// The contact is blocked.
    ContactBlocked,
    /// No such invitation.
    UnknownInvitation,
    /// No such server among ours.
    UnknownServer,
    /// The server is one of ours already.
    ServerKnown,
    /// Not the onion address of a server.
    InvalidServer,
    /// No such handle among ours.
    UnknownHandle,
    /// A handle that cannot be: its name or its server.
    InvalidHandle,
    /// The server of a handle did not answer.
    ServerUnreachable,
    /// No such request.
    UnknownRequest,
    /// No such message.
    UnknownMessage,
    /// An empty text, or one over the limit.
    InvalidText,
    /// The message's id was used for another message.
    IdTaken,
    /// It has left, or may have: it cannot be taken back.
    AlreadySent,
    /// The cursor is older than the oldest kept event.
    CursorExpired,
    /// The old passphrase is wrong, or the new one is empty.
    WrongPassphrase,
    /// The request is not what the API takes.
    MalformedRequest,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The disk is full: nothing was changed.
    DiskFull,
    /// The disk is read-only: nothing was changed.
    DiskReadOnly,
    /// The profile is damaged.
    ProfileDamaged,
    /// The node is stopping.
    Stopping,
    /// A fault of the node; its log has the cause.
    Internal,
}
