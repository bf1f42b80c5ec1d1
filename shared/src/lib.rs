//! What Chive's clients and its rendezvous servers share: the formats that they both parse, and
//! small tools that both need. No I/O, no clock, no randomness: times are Unix milliseconds that
//! the caller passes, and random bytes are parameters. `rendezvous-server/API.md` explains the
//! formats to those who write another client; `golden/` has test vectors.
//!
//! ```text
//! a client: status, sealed ─► record, signed by a blinded key ─┐
//! a server:                              checked, stored ─► board ─► back to the contacts' clients
//! a client: card, sealed ─► claim of a handle, signed ─► stored under a lookup id, found by a name
//! ```
//!
//! The modules in reading order:
//!
//! | module | what it is |
//! |---|---|
//! | [`limits`] | every limit that both sides agree on |
//! | [`epoch`], [`sequence`], [`server`] | the hour, order and server that a record is for |
//! | [`blinding`] | addresses that only contacts can compute |
//! | [`status`], [`record`] | what is sealed, and the record around it |
//! | [`board`] | many records in one body |
//! | [`handle`] | names by which a person can be found |
//! | [`proof_of_work`] | the price of writing |
//! | [`api`] | the JSON of the server's API |
//! | [`backoff`], [`slots`] | pauses between attempts; limits on what is served at once |
//! | `bytes`, `derive`, `label` | private: fields of byte strings, HKDF, its labels |

pub mod limits;

pub mod epoch;
pub mod sequence;
pub mod server;

pub mod blinding;

pub mod record;
pub mod status;

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
