//! Benchmarks: Chive beside what it is made of, in the same run on the same private Tor network, in
//! turns. `tests/bench --help` says what each measures. Figures are reported, never judged: the
//! limits are in BENCHMARKS.md.
//!
//! | module | what it is |
//! |---|---|
//! | `figures` | samples, the table, and the line of JSON |
//! | `machine` | the load and the disk, which figures depend on |
//! | `pair`, `tap`, `rendezvous` | two nodes in this process, with raw streams on their circuit |
//! | `c_tor` | Debian's tor as a baseline |
//! | `fill` | a profile as after years of use |
//! | `latency`, `stream`, `cold_start`, `reconnect`, `churn` | benchmarks over Tor |
//! | `memory`, `store`, `mls`, `load`, `ui` | benchmarks of one client |
//! | `server` | benchmarks of a rendezvous server |

mod c_tor;
mod churn;
mod cold_start;
mod figures;
mod fill;
mod latency;
mod load;
mod machine;
mod memory;
mod mls;
mod pair;
mod reconnect;
mod rendezvous;
mod server;
mod store;
mod stream;
mod tap;
mod ui;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::api::types::{ContactState, Presence};
use clap::ValueEnum;
use rand::RngCore as _;
use tempfile::TempDir;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

pub use figures::Figures;
pub use machine::Machine;
pub use reconnect::serve_echo;

use crate::network::{Options, TorNetwork};
use crate::person::{Env, Person, find_chive};
use pair::PATIENCE;

/// The benchmarks. After each of the last four, this process keeps to one core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BenchName {
    /// A message and its receipt, beside an echo on the same circuit
    Latency,
    /// From fresh profiles to the first message, beside Debian's tor
    ColdStart,
    /// A killed peer comes back, beside an onion service that does
    Reconnect,
    /// An idle client, beside an idle tor
    Memory,
    /// Opening, paging and searching a profile of 100,000 messages
    Store,
    /// What a message writes of its conversation's MLS state
    Mls,
    /// Messages while relays are killed
    Churn,
    /// 64 MiB of messages, beside the same bytes on the same circuit
    Stream,
    /// A person starts until a contact sees them at a rendezvous server
    Online,
    /// The page: an event until it is painted, and opening it
    Ui,
    /// A node that 100 contacts write to, one of them as fast as it can
    Load,
    /// A rendezvous server's writes, beside a core that verifies signatures
    Presence,
    /// A rendezvous server with 100,000 records and 1,000 readers
    Board,
    /// From one rendezvous server to another one on the same database
    Replicas,
}

impl BenchName {
    /// Whether it runs on the private Tor network.
    fn uses_network(self) -> bool {
        !matches!(
            self,
            Self::Store | Self::Load | Self::Presence | Self::Board | Self::Replicas | Self::Ui
        )
    }
}

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
    settings: Settings,
    home: TempDir,
}

impl Bench {
    /// Creates a temporary directory to run in.
    pub fn new(settings: Settings) -> Result<Self> {
        let parent = settings.directory.clone().unwrap_or_else(std::env::temp_dir);
        let home = tempfile::Builder::new().prefix("chive-bench").tempdir_in(parent)?;
        Ok(Self { settings, home })
    }

    /// Runs one benchmark to its end.
    pub async fn run(&self, name: BenchName) -> Result<Figures> {
        let figures = self.figures(name).await?;
        let delay = self.settings.delay;
        if delay.is_zero() || !name.uses_network() {
            return Ok(figures);
        }
        Ok(figures.note(format!(
            "each connection to a relay delays what it carries by {delay:?}, each way"
        )))
    }

    async fn figures(&self, name: BenchName) -> Result<Figures> {
        match name {
            BenchName::Latency => latency::run(self).await,
            BenchName::ColdStart => cold_start::run(self).await,
            BenchName::Reconnect => reconnect::run(self).await,
            BenchName::Memory => memory::run(self).await,
            BenchName::Mls => mls::run(self),
            BenchName::Churn => churn::run(self).await,
            BenchName::Store => store::run(self).await,
            BenchName::Load => load::run(self).await,
            BenchName::Stream => stream::run(self).await,
            BenchName::Presence => server::presence(self).await,
            BenchName::Board => server::board(self).await,
            BenchName::Replicas => server::replicas(self).await,
            BenchName::Online => server::online(self).await,
            BenchName::Ui => ui::run(self).await,
        }
    }

    /// The state of the machine, and of the disk that profiles are on.
    pub fn machine(&self) -> Result<Machine> {
        Machine::look(self.home())
    }

    fn home(&self) -> &Path {
        self.home.path()
    }

    fn pairs(&self, usual: usize) -> usize {
        self.settings.pairs.unwrap_or(usual)
    }

    async fn network(&self) -> Result<TorNetwork> {
        self.network_of(Options::default()).await
    }

    async fn network_of(&self, options: Options) -> Result<TorNetwork> {
        let Settings { vanilla_scheduler, delay, .. } = self.settings;
        let options = Options { vanilla_scheduler, delay, ..options };
        TorNetwork::start(options).await.context("no private Tor network")
    }
}

/// Logs as `CHIVE_LOG` says, by default errors alone, and counts arti's rendezvous. Call it once.
pub fn init_logging() {
    let wanted = EnvFilter::builder()
        .with_default_directive(LevelFilter::ERROR.into())
        .with_env_var("CHIVE_LOG");
    let log = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_filter(wanted.from_env_lossy());
    let counter = rendezvous::Counter
        .with_filter(Targets::new().with_target(rendezvous::TARGET, LevelFilter::DEBUG));
    tracing_subscriber::registry().with(log).with(counter).init();
}

/// The environment of people on a network.
fn env_on(network: &TorNetwork) -> Result<Env> {
    let patience = network.patience(PATIENCE);
    Ok(Env { program: find_chive()?, tor_config: Some(network.arti_config_file()), patience })
}

/// Alice and Bob, who are contacts and have a link.
async fn friends(bench: &Bench, network: &TorNetwork) -> Result<(Person, Person)> {
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
fn fresh_id() -> String {
    let mut id = [0; 16];
    rand::rng().fill_bytes(&mut id);
    data_encoding::HEXLOWER.encode(&id)
}
