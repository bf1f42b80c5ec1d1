//! Chive, an anonymous messenger. This is the library under every front-end; the modules stand in
//! the order of the layers, from the outside in.

pub mod config;
pub mod text;

pub mod api;
pub mod fault;
pub mod run;
pub mod web;

pub mod node;

pub mod link;
pub mod tag;
pub mod wire;

pub mod presence;
pub mod rendezvous;

pub mod transport;

pub mod profile;
pub mod store;

pub mod clock;
pub mod identity;
pub mod invitation;
pub mod limits;
pub mod model;
mod sse;

#[cfg(test)]
mod vectors;
