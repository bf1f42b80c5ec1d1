//! The setup of a benchmark: its settings, its directory, its network and its people. Nothing here
//! measures.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::api::types::{ContactState, Presence};
use rand::RngCore as _;
use tempfile::TempDir;

use super::machine::Machine;
use super::pair::PATIENCE;
use crate::network::{Options, TorNetwork};
use crate::person::{Env, Person, find_chive};

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The parent of the temporary directory for profiles.
    pub directory: Option<PathBuf>,
    /// How many pairs to measure, instead of the benchmark's own number.
    pub pairs: Option<usize>,
    /// Whether relays send cells at once, instead of by tor's own scheduler.
    pub vanilla_scheduler: bool,
    /// The delay of one connection to a relay: [`Options::delay`].
    pub delay: Duration,
}

/// A benchmark run, with its directory.
pub struct Bench {
    pub(super) settings: Settings,
    home: TempDir,
}

impl Bench {
    /// Creates a temporary directory to run in.
    pub fn new(settings: Settings) -> Result<Self> {
        let parent = settings.directory.clone().unwrap_or_else(std::env::temp_dir);
        let home = tempfile::Builder::new().prefix("chive-bench").tempdir_in(parent)?;
        Ok(Self { settings, home })
    }

    /// The state of the machine, and of the disk that profiles are on.
    pub fn machine(&self) -> Result<Machine> {
        Machine::look(self.home())
    }

    pub(super) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(super) fn pairs(&self, usual: usize) -> usize {
        self.settings.pairs.unwrap_or(usual)
    }

    pub(super) async fn network(&self) -> Result<TorNetwork> {
        self.network_of(Options::default()).await
    }

    pub(super) async fn network_of(&self, options: Options) -> Result<TorNetwork> {
        let Settings { vanilla_scheduler, delay, .. } = self.settings;
        let options = Options { vanilla_scheduler, delay, ..options };
        TorNetwork::start(options).await.context("no private Tor network")
    }
}

/// The environment of people on a network.
pub(super) fn env_on(network: &TorNetwork) -> Result<Env> {
    let patience = network.patience(PATIENCE);
    Ok(Env { program: find_chive()?, tor_config: Some(network.arti_config_file()), patience })
}

/// Alice and Bob, who are contacts and have a link.
pub(super) async fn friends(bench: &Bench, network: &TorNetwork) -> Result<(Person, Person)> {
    let env = env_on(network)?;
    let mut alice = Person::create(&env, &bench.home().join("alice"), "Alice").await?;
    let mut bob = Person::create(&env, &bench.home().join("bob"), "Bob").await?;
    tokio::try_join!(alice.start(), bob.start())?;
    bob.adds(&alice.invites().await?, "Alice").await?;
    tokio::try_join!(
        alice.until_contact("Bob", ContactState::Accepted),
        bob.until_contact("Alice", ContactState::Accepted),
    )?;
    tokio::try_join!(
        alice.until_presence("Bob", Presence::Online),
        bob.until_presence("Alice", Presence::Online)
    )?;
    Ok((alice, bob))
}

/// A random id for a message.
pub(super) fn fresh_id() -> String {
    let mut id = [0; 16];
    rand::rng().fill_bytes(&mut id);
    data_encoding::HEXLOWER.encode(&id)
}
