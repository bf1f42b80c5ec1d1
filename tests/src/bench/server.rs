//! A rendezvous server on one core, and what writes to it and reads from it on the other.

mod board;
mod load;
mod online;
mod presence;
mod replicas;

use std::path::Path;

use anyhow::{Result, ensure};
use toml::Table;

use crate::process::Launch;
use crate::server::RendezvousServer;

pub(super) use board::run as board;
pub(super) use online::run as online;
pub(super) use presence::run as presence;
pub(super) use replicas::run as replicas;

/// The server's core, and the one of this process.
const SERVER_CORE: usize = 0;
const OWN_CORE: usize = 1;

/// A server that writing costs nothing at, with these settings; this process keeps to the other core from now on.
async fn pinned(home: &Path, settings: &str) -> Result<RendezvousServer> {
    let this = Launch::new("taskset").args(["-a", "-p", "-c", &OWN_CORE.to_string(), &std::process::id().to_string()]);
    ensure!(this.start()?.wait().await?.success(), "this machine has no two cores");
    let free = "[work]\nrecord = 0\nrecord_full = 0\n";
    let settings: Table = format!("{free}{settings}").parse()?;
    RendezvousServer::on_core(home, SERVER_CORE, settings).await
}
