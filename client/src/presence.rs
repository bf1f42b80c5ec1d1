//! Presence at rendezvous servers: what is told of us, and what is read of others. No I/O, no clock
//! and no chance of its own: the records themselves are in `chive_shared`.

mod announcer;
mod board;

pub use announcer::{Announcement, Announcer};
pub use board::{Board, Misbehavior, PresenceUpdate, Subject};
