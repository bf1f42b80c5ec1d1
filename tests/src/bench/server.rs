//! Benchmarks of a rendezvous server: it runs on one core, its clients in this process on the
//! other. Except in `online`, Tor is not used.

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

/// Starts a server without a price of work, with these settings. This process keeps to the other
/// core from now on.
async fn pinned(home: &Path, settings: &str) -> Result<RendezvousServer> {
    keep_to_own_core().await?;
    let free = "[work]\nrecord = 0\nrecord_full = 0\n";
    let settings: Table = format!("{free}{settings}").parse()?;
    RendezvousServer::on_core(home, MEASURED_CORE, settings).await
}
