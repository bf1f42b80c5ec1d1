//! Benchmarks: Chive compared with what it is made of, in turns, in the same run on the same
//! private Tor network. `tests/bench --help` says what each measures. Figures are reported, never
//! judged: the limits are in BENCHMARKS.md.
//!
//! | module | what it is |
//! |---|---|
//! | `setup` | the settings, the directory, the network and the people of a run |
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
mod setup;
mod store;
mod stream;
mod tap;
mod ui;

use anyhow::Result;
use clap::ValueEnum;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

pub use figures::Figures;
pub use machine::Machine;
pub use reconnect::serve_echo;
pub use setup::{Bench, Settings};

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
    /// Runs the benchmark to its end.
    pub async fn run(self, bench: &Bench) -> Result<Figures> {
        let figures = self.measure(bench).await?;
        let delay = bench.settings.delay;
        if delay.is_zero() || !self.uses_network() {
            return Ok(figures);
        }
        Ok(figures.note(format!(
            "each connection to a relay delays what it carries by {delay:?}, each way"
        )))
    }

    /// Whether it runs on the private Tor network.
    fn uses_network(self) -> bool {
        !matches!(
            self,
            Self::Store | Self::Load | Self::Presence | Self::Board | Self::Replicas | Self::Ui
        )
    }

    async fn measure(self, bench: &Bench) -> Result<Figures> {
        match self {
            Self::Latency => latency::run(bench).await,
            Self::ColdStart => cold_start::run(bench).await,
            Self::Reconnect => reconnect::run(bench).await,
            Self::Memory => memory::run(bench).await,
            Self::Mls => mls::run(bench),
            Self::Churn => churn::run(bench).await,
            Self::Store => store::run(bench).await,
            Self::Load => load::run(bench).await,
            Self::Stream => stream::run(bench).await,
            Self::Presence => server::presence(bench).await,
            Self::Board => server::board(bench).await,
            Self::Replicas => server::replicas(bench).await,
            Self::Online => server::online(bench).await,
            Self::Ui => ui::run(bench).await,
        }
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
