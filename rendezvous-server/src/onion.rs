//! The server's own onion service, through arti, in this process: axum answers on arti's streams,
//! and no byte goes over a port of this machine. Nothing here logs an address or parses a request.
//!
//! | module | what it is |
//! |---|---|
//! | `bootstrap` | getting into the network, or noticing that it stalls |
//! | `service` | the launched service, its streams and its probes |
//! | `reachable` | what probes found, for the operator |
//! | `retries` | the pauses between attempts |
//!
//! The client's `transport/tor` follows the same two rules: a bootstrap that stalls is begun again
//! in a new run of arti, and only a probe tells whether the service can be reached.

mod bootstrap;
mod reachable;
mod retries;
mod service;

use std::path::PathBuf;

use chive_http::serve::Server;
use chive_tor::{Tor, TorConfig, TorOptions, TorStartError};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::bootstrap::{Stalled, bootstrap};
use self::retries::RETRIES;
use self::service::HostedService;
use crate::identity::OnionSeed;

pub use self::reachable::Reachable;
pub use chive_tor::check_overrides;

/// The directory and settings that an onion service is made from.
#[derive(Clone, Debug)]
pub struct OnionOptions {
    /// Where arti keeps its files; made private to this user.
    pub dir: PathBuf,
    /// arti's own configuration, for bridges and private networks.
    pub tor: toml::Table,
    /// The key, which makes the address.
    pub seed: OnionSeed,
}

/// Hosts the service. It is made before anything runs, so that wrong settings are found early.
pub struct OnionHost {
    config: TorConfig,
    seed: OnionSeed,
    reachable: Reachable,
}

impl OnionHost {
    /// Checks the settings and creates the directories.
    pub fn new(OnionOptions { dir, tor, seed }: OnionOptions) -> Result<Self, TorStartError> {
        let (state_dir, cache_dir) = (dir.join("state"), dir.join("cache"));
        let config = TorConfig::build(TorOptions { state_dir, cache_dir, overrides: Some(tor) })?;
        Ok(Self { config, seed, reachable: Reachable::default() })
    }

    /// A view of the probes' results.
    #[must_use]
    pub fn reachable(&self) -> Reachable {
        self.reachable.clone()
    }

    /// Hosts the service until `stopping`, whatever happens to the network, and waits until all of
    /// arti's tasks have ended.
    pub async fn run(self, server: Server, stopping: CancellationToken) {
        let mut pauses = RETRIES.pauses();
        while !stopping.is_cancelled() {
            match Tor::start(&self.config, Handle::current()) {
                Ok(tor) => {
                    tokio::select! {
                        () = stopping.cancelled() => {}
                        () = self.host(&tor, &server) => {}
                    }
                    self.reachable.set(false);
                    tor.close().await;
                    self.config.forget_services();
                }
                Err(error) => tracing::error!(%error, "there is no onion service"),
            }
            stopping.run_until_cancelled(tokio::time::sleep(pauses.after_failure())).await;
        }
    }

    /// One run of arti: ends when a fresh one has better chances.
    async fn host(&self, tor: &Tor, server: &Server) {
        if let Err(Stalled) = bootstrap(tor).await {
            tracing::info!("arti finds no way into the network: restarting it");
            return;
        }

        tracing::info!("connected to the Tor network");
        let service = HostedService { tor, seed: &self.seed, server, reachable: &self.reachable };
        service.keep_running().await;
    }
}
