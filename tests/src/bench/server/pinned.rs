//! A server on one core, measured by this process on the other.

use std::path::Path;

use anyhow::Result;
use toml::Table;

use crate::bench::machine::{MEASURED_CORE, keep_to_own_core};
use crate::server::RendezvousServer;

/// Starts a server without a price of work, with these settings. This process keeps to the other
/// core from now on.
pub(super) async fn pinned(home: &Path, settings: &str) -> Result<RendezvousServer> {
    keep_to_own_core().await?;
    let free = "[work]\nrecord = 0\nrecord_full = 0\n";
    let settings: Table = format!("{free}{settings}").parse()?;
    RendezvousServer::on_core(home, MEASURED_CORE, settings).await
}
