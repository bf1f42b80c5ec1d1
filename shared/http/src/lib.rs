//! HTTP as Chive's clients and its rendezvous servers both serve it: an axum router on connections
//! that come from anywhere, and errors that are problem details. It knows no path, no schema and no
//! code of either API, and never logs a request.
//!
//! ```text
//! TCP, Unix socket: listen ─┐
//! onion service ────────────┴─► serve: a slot from connections ─► hyper ─► the caller's router
//! ```
//!
//! In reading order:
//!
//! | module | what it is |
//! |---|---|
//! | [`serve`] | the server: connections are admitted up to a limit, served, and joined |
//! | [`listen`] | where connections come from: a TCP port or a Unix socket |
//! | `connections` | the slots of open connections, and which of them are idle |
//! | [`extract`] | what both APIs read of a request |
//! | [`problem`] | an error as a response |
//! | [`document`] | an API's `OpenAPI` document, with the errors of each operation |

mod connections;
pub mod document;
pub mod extract;
pub mod listen;
pub mod problem;
pub mod serve;
