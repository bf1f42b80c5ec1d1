//! Links with contacts: the tasks in `handshake` make them; the rules in `table`, `redial` and
//! `admission` do no I/O.

pub(crate) mod admission;
pub(crate) mod established;
pub(crate) mod handshake;
pub(crate) mod inbound;
pub(crate) mod keyring;
pub(crate) mod links;
pub(crate) mod redial;
pub(crate) mod table;
