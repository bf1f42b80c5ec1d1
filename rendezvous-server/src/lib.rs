//! Chive's presence server, a library under the thin command `chive-rendezvous`. It keeps signed
//! presence records and handles, never a message, and cannot tell whose they are.
//!
//! The modules stand in the order in which a request passes through them: `chive_http` and `onion`
//! let it in, `http` reads and answers it, `keeper` writes, `store` makes it last, `board` shows it
//! to the others. `API.md` explains what goes over the wire.

pub mod config;
pub mod limits;

pub mod run;

pub mod onion;

pub mod access;
pub mod admin;
pub mod http;

pub mod keeper;
pub mod store;

pub mod board;

pub mod clock;
pub mod identity;
pub mod metrics;
