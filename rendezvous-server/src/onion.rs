//! The server's own onion service, through arti, in this process: axum answers on arti's streams,
//! and no byte goes over a port of this machine. Nothing here logs an address.
//!
//! The same lessons as in the client's `transport/tor`: a way to the network that stands still is
//! begun afresh; whether the service can be reached is found out by calling it.

mod launch;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chive_http::serve::Server;
use chive_shared::backoff::Backoff;
use chive_tor::{Tor, TorConfig, TorOptions, TorStartError};
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::launch::Service;
use crate::identity::OnionSeed;

pub use chive_tor::check_overrides;

/// The port that the service answers on.
pub const PORT: u16 = 80;

/// The pauses between tries.
const RETRIES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(1));
/// So long may a bootstrap stand still before arti is started afresh.
const PATIENCE: Duration = Duration::from_mins(4);

/// What the service needs.
#[derive(Clone, Debug)]
pub struct OnionOptions {
    /// Where arti keeps its files; made private to this user.
    pub dir: PathBuf,
    /// arti's own configuration, for bridges and private networks.
    pub tor: toml::Table,
    /// The key.
    pub seed: OnionSeed,
}

/// Whether the service can be reached, as far as we know.
#[derive(Clone, Debug, Default)]
pub struct Reachable(Arc<AtomicBool>);

impl Reachable {
    /// Whether the last call to ourselves got through.
    #[must_use]
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, reachable: bool) {
        if self.0.swap(reachable, Ordering::Relaxed) != reachable {
            tracing::info!(
                "the onion service can {}be reached",
                if reachable { "" } else { "not " }
            );
        }
    }
}

/// The service: made first, so that wrong settings are found before anything runs, then run.
pub struct Onion {
    config: TorConfig,
    seed: OnionSeed,
    reachable: Reachable,
}

impl Onion {
    /// Reads the settings and makes the directories.
    pub fn new(OnionOptions { dir, tor, seed }: OnionOptions) -> Result<Self, TorStartError> {
        let (state_dir, cache_dir) = (dir.join("state"), dir.join("cache"));
        let config = TorConfig::build(TorOptions { state_dir, cache_dir, overrides: Some(tor) })?;
        Ok(Self { config, seed, reachable: Reachable::default() })
    }

    /// Tells whether the service can be reached.
    #[must_use]
    pub fn reachable(&self) -> Reachable {
        self.reachable.clone()
    }

    /// Hosts the service until `stopping`, whatever happens to the network, and waits for the end
    /// of all of arti's tasks.
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
        let Ok(()) = bootstrap(tor).await else {
            tracing::info!("arti finds no way into the network: starting it afresh");
            return;
        };
        tracing::info!("connected to the Tor network");
        let service = Service { tor, seed: &self.seed, server, reachable: &self.reachable };
        service.keep_up().await;
    }
}

/// Tries for as long as something moves.
async fn bootstrap(tor: &Tor) -> Result<(), ()> {
    let mut events = tor.status_changes();
    let trying = async {
        let mut pauses = RETRIES.pauses();
        while let Err(kind) = tor.bootstrap().await {
            tracing::info!(?kind, "cannot get into the Tor network yet");
            tokio::time::sleep(pauses.after_failure()).await;
        }
    };

    tokio::pin!(trying);
    let mut best = 0.0;
    let mut deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        tokio::select! {
            () = &mut trying => return Ok(()),
            Some(status) = events.next() => {
                if status.as_frac() > best {
                    best = status.as_frac();
                    deadline = tokio::time::Instant::now() + PATIENCE;
                }
            }
            () = tokio::time::sleep_until(deadline) => return Err(()),
        }
    }
}
