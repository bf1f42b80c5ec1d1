//! HTTP as Chive's clients and its rendezvous servers both serve it: an axum router on connections
//! that come from anywhere, and errors that are problem details.
//!
//! | module | what it is |
//! |---|---|
//! | [`listen`] | where connections come from: a TCP port or a Unix socket |
//! | [`serve`] | connections: admitted up to a limit, served, and joined |
//! | [`problem`] | errors on their way out |
//! | [`document`] | an API's document, with the errors of each operation |

mod connections;
pub mod document;
pub mod listen;
pub mod problem;
pub mod serve;
