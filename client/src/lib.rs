//! Chive, an anonymous messenger. This is the library under every front-end; the modules stand in
//! the order of the layers, from the outside in.

pub mod api;
pub mod config;
pub mod fault;
pub mod node;
pub mod profile;
pub mod run;
pub mod text;
pub mod transport;
