//! Presence servers, handles at them, and requests of people who found a handle.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Reason;

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
