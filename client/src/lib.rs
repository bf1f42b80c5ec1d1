//! Chive, an anonymous messenger. This is the library under every front-end; the modules stand in
//! the order of the layers, from the outside in.

pub mod run;
pub mod web;

pub mod api;

pub mod node;

pub mod link;
#[allow(missing_docs, reason = "fields whose names say what they hold")]
pub mod presence;
#[allow(missing_docs, reason = "fields whose names say what they hold")]
pub mod rendezvous;
mod sse;

pub mod profile;
#[allow(missing_docs, reason = "rows, whose names are those of the columns")]
pub mod store;

pub mod error;
pub mod identity;
pub mod invitation;
pub mod tag;
pub mod wire;

pub mod transport;

pub mod clock;
pub mod limits;
pub mod model;
pub mod text;

#[cfg(test)]
mod vectors;
