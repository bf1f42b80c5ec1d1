//! The program `tor-network`: starts a private Tor network and keeps it until it is told to stop.
//! One line on standard output says that the network is ready; everything for people goes to
//! standard error. The network itself is in `chive_tests::network`.

use std::future::pending;
use std::io::{IsTerminal as _, Read as _, Write as _, stderr, stdin, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive_tests::network::{Options, TorNetwork};
use clap::Parser;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Start a private Tor network on this machine, and stop it on Ctrl-C.
///
/// Prints the path of a file with arti's configuration once the network is ready.
#[derive(Debug, Parser)]
#[command(name = "tor-network")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Arguments {
    /// An empty or missing directory for the network [default: a temporary one]
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,

    /// Number of directory authorities
    #[arg(long, default_value_t = 3)]
    authorities: usize,

    /// Number of relays, at least 5
    #[arg(long, default_value_t = 5)]
    relays: usize,

    /// Keep tor's own scheduler (KIST), as on the public network: slower
    #[arg(long)]
    kist: bool,

    /// Delay each connection to a node by this many milliseconds each way; 20 is like the public
    /// Tor
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,

    /// Leave the directory with the nodes' logs in place
    #[arg(long)]
    keep: bool,

    /// Print one line of JSON instead of the path
    #[arg(long)]
    json: bool,

    /// Stop also when standard input is closed
    #[arg(long)]
    until_stdin_closes: bool,
}

impl Arguments {
    fn options(&self) -> Options {
        Options {
            authorities: self.authorities,
            relays: self.relays,
            directory: self.dir.clone(),
            keep_directory: self.keep,
            vanilla_scheduler: !self.kist,
            delay: Duration::from_millis(self.delay),
            ..Options::default()
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .with_target(false)
        .init();
    let arguments = Arguments::parse();
    let ended = tokio::select! {
        failed = run(&arguments) => failed,
        stopped = told_to_stop(arguments.until_stdin_closes) => stopped,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a network until this future is dropped.
async fn run(arguments: &Arguments) -> Result<()> {
    let network = TorNetwork::start(arguments.options()).await?;
    writeln!(stdout(), "{}", ready_line(&network, arguments.json))?;
    pending().await
}

fn ready_line(network: &TorNetwork, as_json: bool) -> String {
    let file = network.arti_config_file();
    if !as_json {
        return file.display().to_string();
    }
    let (directory, process_ids) = (network.directory(), network.process_ids());
    json!({ "arti_config_file": file, "directory": directory, "process_ids": process_ids })
        .to_string()
}

async fn told_to_stop(also_by_stdin: bool) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot watch SIGHUP")?;
    tokio::select! {
        _ = hang_up.recv() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stdin_closes(), if also_by_stdin => {}
    }
    Ok(())
}

async fn stdin_closes() {
    let (closed, when_closed) = oneshot::channel();
    // A thread of its own: one of the runtime's would keep this process from ending.
    thread::spawn(move || {
        let mut ignored = [0; 512];
        while matches!(stdin().read(&mut ignored), Ok(1..)) {}
        // Fails when this process ends anyway.
        let _ = closed.send(());
    });
    let _ = when_closed.await;
}
