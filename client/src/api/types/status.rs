//! The state of the node, our name, and our presence.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::model::Reason;

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
