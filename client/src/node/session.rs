//! Links with contacts: pure rules, and the tasks that make them.

pub(crate) mod admission;
pub(crate) mod established;
pub(crate) mod handshake;
pub(crate) mod inbound;
pub(crate) mod keyring;
pub(crate) mod links;
pub(crate) mod redial;
pub(crate) mod table;
