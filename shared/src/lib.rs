//! What Chive's clients and its rendezvous servers both parse, pause and limit. No I/O, no clock,
//! no randomness: the time is Unix milliseconds that the caller passes, random bytes are
//! parameters.
//!
//! The modules stand in reading order. `rendezvous-server/API.md` explains the whole to somebody
//! who writes another client; `golden/` holds the test vectors.

pub mod limits;

pub mod epoch;
pub mod sequence;
pub mod server;

pub mod blinding;
pub mod status;

pub mod record;

pub mod board;

pub mod handle;

pub mod proof_of_work;

pub mod api;

pub mod backoff;
pub mod slots;

mod bytes;
mod derive;
mod label;

#[cfg(test)]
mod vectors;
