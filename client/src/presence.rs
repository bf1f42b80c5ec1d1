//! Presence at rendezvous servers: which records we publish, and what the records of others say. No
//! I/O; the caller passes the time and the random numbers. The records themselves are in
//! `chive_shared`.

mod announcer;
mod board;

pub use announcer::{Announcement, Announcer};
pub use board::{Board, Misbehavior, PresenceUpdate, Subject};
