//! The `chive-rendezvous` command: a thin front of the library. It reads the settings, sets up the
//! log, and runs the server until a signal; everything else is the library's.
//!
//! | part | what it does |
//! |---|---|
//! | `main`, `run` | one arm for each command |
//! | `serve`, `until_stopped` | the server's life, from start to SIGTERM or SIGINT |
//! | [`health`] | asks another process, the server, whether it is ready |

mod health;

use std::io::{IsTerminal as _, stderr};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use chive_rendezvous::clock::Clock;
use chive_rendezvous::config::{Config, ENV_CONFIG};
use chive_rendezvous::identity::OnionSeed;
use chive_rendezvous::run::RunningServer;
use chive_shared::server::ServerId;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

/// Chive's presence server: it keeps signed presence records and handles, and cannot tell whose
/// they are.
#[derive(Parser)]
#[command(version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    /// The configuration file; without one, defaults and the environment count
    #[arg(long, short, env = ENV_CONFIG, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER_HELP: &str = "\
Every setting can come from the environment: CHIVE_RENDEZVOUS_DATA_DIR=/data is `data_dir`, and \
CHIVE_RENDEZVOUS_LIMITS__RECORDS=1000 is `records` in the table [limits]. The environment counts \
for more than the file.

The address is that of the key in DATA_DIR/onion.key: keep a backup of that file, and show it to \
nobody.";

#[derive(Subcommand)]
enum Command {
    /// Run the server until it gets SIGTERM or SIGINT (the default)
    Run,
    /// Say what is wrong with the settings, or that nothing is
    CheckConfig,
    /// Print the server's onion address; makes its key if there is none
    Address,
    /// Ask the server that runs with these settings, on its [admin] address, whether it is ready
    Health,
}

fn main() -> ExitCode {
    // Every file that we create is for this user alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[allow(clippy::print_stderr)]
            {
                eprintln!("chive-rendezvous: {error:#}");
            }
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout)]
fn run(cli: Cli) -> anyhow::Result<()> {
    let config = Config::find(cli.config.as_deref(), std::env::vars())?;
    match cli.command.unwrap_or(Command::Run) {
        Command::Run => serve(&config),
        Command::CheckConfig => {
            config.database_location()?;
            config.access_control()?;
            println!("The settings are fine.");
            Ok(())
        }
        Command::Address => {
            println!("{}", address(&config)?.to_address());
            Ok(())
        }
        Command::Health => {
            println!("{}", health::ask(&config.admin)?);
            Ok(())
        }
    }
}

fn address(config: &Config) -> anyhow::Result<ServerId> {
    if let Some(address) = config.address().map_err(anyhow::Error::msg)? {
        return Ok(address);
    }
    std::fs::create_dir_all(&config.data_dir).context("cannot make the data directory")?;
    Ok(OnionSeed::open(&config.data_dir)?.server())
}

fn serve(config: &Config) -> anyhow::Result<()> {
    log_to_stderr(config.log);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(until_stopped(config));
    runtime.shutdown_background();
    outcome
}

async fn until_stopped(config: &Config) -> anyhow::Result<()> {
    let (mut term, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let running = RunningServer::start(config, Clock::system()).await?;
    if let Some(tcp) = running.tcp() {
        tracing::info!("listening on {tcp}");
    }

    tracing::info!("the server's address: {}", running.id().to_address());
    tracing::info!("to use it: chive server add {}", running.id().to_address());
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    running.stop().await;
    tracing::info!("stopped");

    Ok(())
}

/// Only our own messages: libraries might log an address.
fn log_to_stderr(level: LevelFilter) {
    let filter = EnvFilter::new(format!("chive_rendezvous={level}"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}
