//! What the tasks that talk to presence servers are to do, and what they report. Types only.

use std::collections::BTreeMap;
use std::sync::Arc;

use chive_shared::server::ServerId;

use crate::presence::Subject;
use crate::rendezvous::reader::ReaderUpdate;
use crate::rendezvous::writer::{Announcements, WriterUpdate};

/// What the tasks that talk with servers are to do.
pub(crate) struct PresencePlan {
    pub(crate) servers: BTreeMap<ServerId, ServerPlan>,
}

/// What there is to do at one server.
pub(crate) struct ServerPlan {
    pub(crate) token: Option<String>,
    /// What it is to tell of us, if it is one of ours.
    pub(crate) announcements: Option<Arc<Announcements>>,
    /// Whom to look for. Ours are read even where no contact is, to see whether they work.
    pub(crate) subjects: Vec<Subject>,
}

/// What a task that talks with a server tells the node.
pub(crate) enum ServerUpdate {
    Writer(WriterUpdate),
    Reader(ReaderUpdate),
}
