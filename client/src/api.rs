//! The local API: commands in, events out. One door, the same for every front-end.
//!
//! It is HTTP over a Unix socket that only its owner can open. [`types`] is what both sides say,
//! [`server`] puts a node behind the socket, and [`client`] is how front-ends written in Rust ask.
//! `openapi.json`, beside this crate's manifest, describes the same for every other language.

pub mod client;
pub mod server;
pub mod types;

#[cfg(test)]
mod tests;
