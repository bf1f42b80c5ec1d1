//! Chive, an anonymous messenger: the library under every front-end.
//!
//! | module | what it is, from the outside in |
//! |---|---|
//! | [`run`] | a whole client: profile, Tor, node and local API, in their order |
//! | [`web`] | the messenger in the browser, which also makes and opens profiles |
//! | [`api`] | the local API over a Unix socket: its types, its server, its client |
//! | [`node`] | the rules of delivery, contacts and presence, as one actor |
//! | [`link`] | encrypted links between two contacts; it knows no messages |
//! | [`presence`], [`rendezvous`] | what is published and read at servers; their client |
//! | [`profile`], [`store`] | the directory and the encrypted database behind it |
//! | [`wire`], [`invitation`], [`identity`], [`tag`] | formats and keys, without any I/O |
//! | [`transport`] | streams between addresses: Tor, or memory in tests |
//! | [`model`], [`limits`], [`text`], [`clock`], [`error`] | what all of the above share |
//!
//! A module uses those below it. ARCHITECTURE.md follows a message through them.

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
