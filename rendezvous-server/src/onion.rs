//! The server's own onion service, through arti, in this process: axum answers on arti's streams, and
//! no byte goes over a port of this machine. Nothing here logs an address.
//!
//! The same lessons as in the client's `transport/tor`: all of arti's tasks end when we say so; a way to the network
//! that stands still is begun afresh; whether the service can be reached is found out by calling it.

mod config;
mod launch;
mod runtime;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arti_client::config::TorClientConfig;
use arti_client::{ErrorKind, HasKind, TorClient};
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::launch::Service;
use self::runtime::{ArtiRuntime, ArtiTasks};
use crate::identity::OnionSeed;
use crate::serve::Server;

pub use self::config::check;

/// The port that the service answers on.
pub const PORT: u16 = 80;

/// The pause after the first failure; it doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_secs(2);
/// The longest pause between two tries.
const LAST_RETRY: Duration = Duration::from_mins(1);
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

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum OnionError {
    /// A directory cannot be used.
    #[error("cannot use the directory {}: {source}", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings are wrong.
    #[error("Tor's settings are wrong: {0}")]
    Configuration(String),
    /// arti did not start.
    #[error("Tor did not start: {0}")]
    Arti(ErrorKind),
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
            tracing::info!("the onion service can {}be reached", if reachable { "" } else { "not " });
        }
    }
}

/// The service: made first, so that wrong settings are found before anything runs, then run.
pub struct Onion {
    config: TorClientConfig,
    options: OnionOptions,
    reachable: Reachable,
}

impl Onion {
    /// Reads the settings and makes the directories.
    pub fn new(options: OnionOptions) -> Result<Self, OnionError> {
        // arti panics without one. Somebody may have chosen before us: that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = config::build(&options.dir, options.tor.clone())?;
        Ok(Self { config, options, reachable: Reachable::default() })
    }

    /// Tells whether the service can be reached.
    #[must_use]
    pub fn reachable(&self) -> Reachable {
        self.reachable.clone()
    }

    /// Hosts the service until `stopping`, whatever happens to the network, and waits for the end of all of arti's tasks.
    pub async fn run(self, server: Server, stopping: CancellationToken) {
        let mut pause = FIRST_RETRY;
        while !stopping.is_cancelled() {
            let tasks = ArtiTasks::new(Handle::current());
            tokio::select! {
                () = stopping.cancelled() => {}
                () = self.host(&tasks, &server) => {}
            }
            self.reachable.set(false);
            tasks.close().await;
            config::forget_services(&self.options.dir);
            stopping.run_until_cancelled(tokio::time::sleep(pause)).await;
            pause = (2 * pause).min(LAST_RETRY);
        }
    }

    /// One run of arti: ends when a fresh one has better chances.
    async fn host(&self, tasks: &ArtiTasks, server: &Server) {
        let client = TorClient::with_runtime(tasks.runtime()).config(self.config.clone()).create_unbootstrapped();
        let client = match client {
            Ok(client) => client,
            Err(error) => {
                tracing::error!(kind = ?error.kind(), "Tor did not start");
                return;
            }
        };
        let Ok(()) = bootstrap(&client).await else {
            tracing::info!("arti finds no way into the network: starting it afresh");
            return;
        };
        tracing::info!("connected to the Tor network");
        let service = Service { client: &client, seed: &self.options.seed, server, reachable: &self.reachable };
        service.keep_up().await;
    }
}

/// Tries for as long as something moves.
async fn bootstrap(client: &TorClient<ArtiRuntime>) -> Result<(), ()> {
    let mut events = client.bootstrap_events();
    let trying = async {
        let mut pause = FIRST_RETRY;
        while let Err(error) = client.bootstrap().await {
            tracing::info!(kind = ?error.kind(), "cannot get into the Tor network yet");
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_RETRY);
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
