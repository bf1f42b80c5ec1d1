//! Invitations and contacts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Reason;

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
