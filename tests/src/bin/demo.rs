//! The program `demo`: plays the demo and prints its report. `deploy/demo --help` describes it. The
//! private Tor network and everything else are gone when it ends, however it ends. The steps are in
//! `chive_tests::demo`.

use std::io::{Write as _, stderr, stdout};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use chive_tests::demo::{Demo, Report};
use chive_tests::person::find_chive;
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Two people talk over Tor: `deploy/demo --help` says more.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// Leave all running in the end until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// Use the public Tor network
    #[arg(long)]
    live: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut demo = None;
    let played = tokio::select! {
        played = play(&arguments, &mut demo) => played,
        interrupted = interrupted() => interrupted,
    };
    let report = demo.as_ref().map(|demo| demo.report().clone()).unwrap_or_default();
    if let Err(error) = &played {
        let logs = demo.as_ref().map(Demo::logs).unwrap_or_default();
        tell(&format!("\n{logs}The demo failed: {error:#}\n"));
    }

    let ok = print(&report).is_ok() && report.ok && played.is_ok();
    if let Some(demo) = demo.filter(|_| ok && arguments.keep) {
        tell(&demo.instructions().await.unwrap_or_else(|error| format!("{error:#}\n")));
        let _ = interrupted().await;
    }

    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn play(arguments: &Arguments, demo: &mut Option<Demo>) -> Result<()> {
    let prepared = Demo::prepare(find_chive()?, arguments.live).await?;
    demo.insert(prepared).play().await
}

fn print(report: &Report) -> Result<()> {
    Ok(writeln!(stdout(), "{}", serde_json::to_string(report)?)?)
}

fn tell(text: &str) {
    // If no one reads it, the demo goes on.
    let _ = stderr().write_all(text.as_bytes());
}

/// Returns, with an error, at a signal to stop.
async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    let mut hang_up = signal(SignalKind::hangup()).context("cannot watch SIGHUP")?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    bail!("interrupted")
}
