//! The node's state in memory, by domain. Whoever handles an input is given all of it; the rules
//! are in the domains.

use tokio::time::Instant;

use super::contacts::cancelled_requests::CancelledRequests;
use super::contacts::handle_jobs::HandleJobs;
use super::conversation::erasure::Erasure;
use super::conversation::groups::Groups;
use super::presence::Presences;
use super::reported::Reported;
use super::session::keyring::Keyring;
use super::session::table::Sessions;
use crate::model::{KeyUpdates, ServiceId};
use crate::store::owner::Owner;
use crate::transport::{NetworkStatus, ServicesStatus};

pub(crate) struct Core {
    pub(crate) sessions: Sessions,
    pub(crate) keyring: Keyring,
    pub(crate) groups: Groups,
    pub(crate) presences: Presences,
    pub(crate) reported: Reported,
    pub(crate) withdrawn: CancelledRequests,
    pub(crate) handle_jobs: HandleJobs,
    pub(crate) erasure: Erasure,
    pub(crate) owner: Owner,
    pub(crate) network: NetworkStatus,
    pub(crate) services: ServicesStatus,
    /// The services that the transport was last told to host, and whether a replaced one is among
    /// them.
    pub(crate) hosted: (Vec<ServiceId>, bool),
    pub(crate) key_updates: KeyUpdates,
    /// The profile is destroyed: the node ends.
    pub(crate) wiped: bool,
}

impl Core {
    /// When the next dial is due; far away if none is.
    pub(crate) fn next_dial(&self, at: Instant) -> Instant {
        const FAR: std::time::Duration = std::time::Duration::from_hours(1);
        self.sessions.next_dial().unwrap_or(at + FAR)
    }
}
