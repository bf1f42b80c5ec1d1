//! The node: everything that a client does, as one actor over a store, a transport and a clock.
//!
//! ```text
//!            calls (API)   reports (tasks)   frames (links)   timers
//!                  \             |               |            /
//!                   +------------ Inbox, served in turn ------+
//!                                      |
//!   runtime:   select  ->  step: begin a transaction, handle up to 32 inputs, settle, commit  ->  apply
//!                                      |                                                          |
//!   domains:   contacts, conversation, presence, session  (a Cx each: no I/O of their own)     executor
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`handle`](self) | how the rest of the program uses the node: calls that change something, and reads |
//! | `input`, `runtime` | what is handled, in which order, and the one commit |
//! | `core`, `cx`, `effect` | the domains' memory, what a domain is given, and what it leaves to do |
//! | `executor` | the one place that touches links, tasks and the transport |
//! | `session` | links: pure rules in `table`, `redial` and `admission`; the tasks that shake hands |
//! | `conversation` | messages: out, in, MLS groups, restarts, settings, deletion |
//! | `contacts` | who our contacts are and how people become one: requests, invitations, handles |
//! | `presence` | what servers tell of us and of our contacts |
//! | `path` | ways by which an envelope travels: a link is one |
//! | `query`, `view` | reads, beside the actor |

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::transport::Incoming;

mod contacts;
mod conversation;
mod core;
mod cx;
mod effect;
mod executor;
mod handle;
mod input;
mod path;
mod presence;
mod query;
mod runtime;
mod session;
mod show;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
mod told;
mod view;

pub use crate::model::KeyUpdates;
pub use handle::NodeHandle;
pub use runtime::{Parts, start};

/// Accepted streams waiting for the node.
pub const INCOMING_QUEUE: usize = 64;

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// It was told to destroy the profile.
    Wiped,
    /// Its store was closed under it.
    StoreClosed,
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
    /// To use it.
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
