//! Benchmarks of a rendezvous server: it runs on one core, its clients in this process on the
//! other. Except in `online`, Tor is not used.

mod board;
mod load;
mod online;
mod pinned;
mod presence;
mod replicas;

pub(super) use board::run as board;
pub(super) use online::run as online;
pub(super) use presence::run as presence;
pub(super) use replicas::run as replicas;
