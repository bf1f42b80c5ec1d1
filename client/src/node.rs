//! The node: everything that a client does, as one actor over a store, a transport and a clock.
//!
//! ```text
//!            calls (API)   reports (tasks)   frames (links)   timers
//!                  \             |               |            /
//!                   +------------ Inbox, served in turn ------+
//!                                      |
//!   runtime:  select -> step: begin, handle up to 32 inputs, settle, commit -> apply
//!                                      |                                        |
//!   domains:  contacts, conversation, presence, session (no I/O of their own)  executor
//! ```
//!
//! | module, from the top down | what it is |
//! |---|---|
//! | `runtime`, `executor` | the loop and its one commit; links, tasks and the transport |
//! | `dispatch` | passes an input to its domain, and does what follows before the commit |
//! | `session/inbound` | passes what a link brings to its domain |
//! | `presence` | what we publish at servers, and what is known of our contacts |
//! | `contacts` | our contacts; how people become one: requests, invitations, handles |
//! | `conversation` | messages: out, in, MLS groups, restarts, settings, deletion |
//! | `session` | links: pure rules in `table`, `redial`, `admission`; tasks that make them |
//! | [`handle`](NodeHandle) | calls that change something |
//! | `query`, `find`, `view` | reads, which never wait for the actor |
//! | `show`, `reported` | rows as the API's types; what events have reported so far |
//! | `input`, `call` | what is handled, in which order |
//! | `core`, `cx`, `effect` | the domains' memory, what one is given, what it leaves to do |
//! | `path` | ways by which an envelope travels: a link is one |
//! | `lockstep`, `sim` | for tests: steps on one thread, and the simulated world |

mod call;
mod contacts;
mod conversation;
mod core;
mod cx;
mod dispatch;
mod effect;
mod executor;
mod find;
mod handle;
mod input;
#[cfg(test)]
mod lockstep;
mod path;
mod presence;
mod query;
mod reported;
mod runtime;
mod session;
mod show;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tests;
mod view;

pub use crate::model::KeyUpdates;
pub use crate::transport::SharedTransport;
pub use handle::NodeHandle;
pub use input::{INCOMING_QUEUE, IncomingStreams};
pub use runtime::{Ending, Parts, Running, start};
pub use session::table::Links;
