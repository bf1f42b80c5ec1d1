//! The local API, the only interface of every front-end: HTTP over a Unix socket that only its
//! owner can open. [`types`] are the JSON bodies, [`server`] serves a node, [`client`] calls it.
//! `openapi.json`, in this crate's directory, describes the same.

pub mod client;
pub mod server;
pub mod types;

#[cfg(test)]
mod tests;
