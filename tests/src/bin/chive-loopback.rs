//! The program `chive-loopback`: `chive` without Tor. `run` and `open` go over Unix sockets in the
//! directory that `--tor-config` names; for every other command the real program takes this one's
//! place. No socket of the network is ever opened.

use std::ffi::OsStr;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use chive::node::Links;
use chive::profile::{self, Passphrase};
use chive::run;
use chive::web::Web;
use chive_tests::loopback::Loopback;
use chive_tests::person::find_chive;
use clap::Parser;
use futures::FutureExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// The arguments of `chive run` that this program understands.
#[derive(Debug, Parser)]
struct Run {
    #[arg(long)]
    profile: PathBuf,
    #[arg(long)]
    passphrase_file: PathBuf,
    #[arg(long)]
    tor_config: PathBuf,
    #[arg(long)]
    json: bool,
    #[arg(value_parser = ["run"])]
    command: String,
}

/// The arguments of `chive open --print` that this program understands.
#[derive(Debug, Parser)]
struct Open {
    #[arg(long)]
    profile: PathBuf,
    #[arg(long)]
    tor_config: PathBuf,
    /// Contacts are only connected to while something waits for them.
    #[arg(long)]
    links_when_needed: bool,
    #[arg(value_parser = ["open"])]
    command: String,
}

fn main() -> Result<()> {
    if std::env::args_os().any(|argument| argument == OsStr::new("run")) {
        log();
        return tokio::runtime::Runtime::new()?.block_on(run(Run::parse()));
    }
    if std::env::args_os().any(|argument| argument == OsStr::new("open")) {
        log();
        return tokio::runtime::Runtime::new()?.block_on(open(Open::parse()));
    }
    let error = Command::new(find_chive()?).args(std::env::args_os().skip(1)).exec();
    Err(error).context("cannot start the real program")
}

/// Logs as `CHIVE_LOG` says; by default enough to explain a failed test.
fn log() {
    let wanted =
        EnvFilter::try_from_env("CHIVE_LOG").unwrap_or_else(|_| EnvFilter::new("chive=debug"));
    tracing_subscriber::fmt().with_env_filter(wanted).with_writer(std::io::stderr).init();
}

/// Hosts the page as the real program does when no node runs yet.
async fn open(open: Open) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let network = open.tor_config;
    let links = if open.links_when_needed { Links::WhenNeeded } else { Links::Always };
    let start = move |profile, web: Web, stop: CancellationToken| {
        let network = network.clone();
        let connect = move |accepted| {
            Ok(Arc::new(Loopback::new(&network, accepted)) as chive::node::SharedTransport)
        };
        async move {
            run::run_with(profile, links, connect, &web, |_| (), stop.cancelled_owned())
                .await
                .map_err(Into::into)
        }
        .boxed()
    };
    let web = Web::host(&open.profile, Box::new(start));

    writeln!(std::io::stdout(), "{}", serde_json::json!({ "url": web.url().await? }))?;
    let _ = interrupt.recv().await;
    web.close().await;

    Ok(())
}

async fn run(run: Run) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let passphrase = Passphrase::new(std::fs::read_to_string(run.passphrase_file)?);
    let profile = profile::open(&run.profile, &passphrase).await?;
    let network = run.tor_config;
    let tell = |status: &chive::api::types::Status| {
        // The node goes on even if no one reads this.
        let line = serde_json::to_string(status).unwrap_or_default();
        let _ = writeln!(std::io::stdout(), "{line}");
    };
    let connect =
        |accepted| Ok(Arc::new(Loopback::new(&network, accepted)) as chive::node::SharedTransport);

    Ok(run::run_over(profile, Links::Always, connect, tell, async move {
        let _ = interrupt.recv().await;
    })
    .await?)
}
