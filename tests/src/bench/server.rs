//! A rendezvous server on one core, and what writes to it and reads from it on the other.

mod board;
mod load;
mod online;
mod presence;
mod replicas;

use std::path::Path;

use anyhow::Result;
use toml::Table;

use super::machine::{MEASURED_CORE, keep_to_own_core};
use crate::server::RendezvousServer;

pub(super) use board::run as board;
pub(super) use online::run as online;
pub(super) use presence::run as presence;
pub(super) use replicas::run as replicas;

/// A server that writing costs nothing at, with these settings; this process keeps to the other
/// core from now on.
async fn pinned(home: &Path, settings: &str) -> Result<RendezvousServer> {
    keep_to_own_core().await?;
    let free = "[work]\nrecord = 0\nrecord_full = 0\n";
    let settings: Table = format!("{free}{settings}").parse()?;
    RendezvousServer::on_core(home, MEASURED_CORE, settings).await
}
