//! Chive's presence server, as a library under the thin command `chive-rendezvous`. It keeps signed
//! presence records and handles. It never sees a message, cannot tell whose a record is, and logs
//! nothing that names a client. `API.md` explains the wire format.
//!
//! ```text
//! Tor stream, TCP, Unix socket ─► chive_http ─► http ─┬─► record_writer ─► store (database)
//!                                                     │         └────────► board (memory)
//!                                                     ├─► board            reads, streams
//!                                                     └─► store            handles
//! ```
//!
//! A record that is put is checked in `http`, committed by `record_writer`, shown on the `board`,
//! and only then acknowledged. Reads come from the board alone. In reading order:
//!
//! | module | what it is |
//! |---|---|
//! | [`config`], [`limits`], [`access`] | what the operator decides |
//! | [`run`] | a whole server: how its parts start and stop |
//! | [`onion`], [`identity`] | the onion service, and the key that makes its address |
//! | [`http`] | the API: one file for each resource |
//! | [`record_writer`] | the one task that commits records |
//! | [`board`] | the live records, in memory |
//! | [`store`] | the database: `SQLite` or `PostgreSQL` |
//! | [`admin`], [`metrics`] | what the operator can watch |
//! | [`clock`] | the time, as a parameter |

pub mod config;
pub mod limits;

pub mod access;

pub mod run;

pub mod identity;
pub mod onion;

pub mod http;

pub mod record_writer;

pub mod board;
pub mod store;

pub mod admin;
pub mod metrics;

pub mod clock;
