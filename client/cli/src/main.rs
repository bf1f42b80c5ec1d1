//! The `chive` command: a thin front-end of the local API.
//!
//! `cli` defines what can be typed, `commands` has a file for each command, `show` and `output`
//! turn answers into text or JSON, `exit` defines the exit codes. Only `open`, `init`, `restore`,
//! `run` and, when no node runs, `passphrase change` and `wipe` touch a profile; all else is asked
//! of the running node.

use std::process::ExitCode;

use clap::Parser as _;
use config::{BaseDirs, Level, Settings};
use tracing_subscriber::EnvFilter;

mod chat;
mod cli;
mod commands;
mod config;
mod confirm;
mod exit;
mod follow;
mod outgoing;
mod output;
mod passphrase;
mod profile;
mod progress;
mod qr;
mod reason;
mod show;
mod stdin;
mod time;

use cli::{Cli, Command, Open};
use exit::{CliError, CliResult, Exit};
use output::Output;

fn main() -> ExitCode {
    // Whatever we write is for this user alone, also what a library writes for us.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return not_understood(&error),
    };
    let flag = Output { json: cli.global.json };
    let settings = match settings(&cli) {
        Ok(settings) => settings,
        Err(error) => return ended(flag, Err(error)),
    };
    log_to_stderr(settings.log);
    let output = Output { json: settings.json };
    ended(output, run(cli, &settings, output))
}

fn settings(cli: &Cli) -> CliResult<Settings> {
    let env = |name: &str| std::env::var_os(name);
    Ok(Settings::find(cli.global.layer(), cli.global.config.clone(), env, BaseDirs::find())?)
}

fn run(cli: Cli, settings: &Settings, output: Output) -> CliResult {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| CliError::io("cannot start", &e))?;
    let outcome = runtime.block_on(commands::run(
        cli.command.unwrap_or(Command::Open(Open::default())),
        settings,
        output,
    ));
    // A prompt or a reader of standard input may still block a thread: it dies with the process.
    runtime.shutdown_background();
    outcome
}

/// Only our own crates, never a name, an address or a text: see the library's rules for logging.
fn log_to_stderr(level: Level) {
    let filter = EnvFilter::new(format!("chive={level}"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
}

fn ended(output: Output, outcome: CliResult) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read the output has seen enough.
        Err(error) if error.unheard => ExitCode::SUCCESS,
        Err(error) => {
            output.error(&error);
            ExitCode::from(error.exit as u8)
        }
    }
}

/// Help and version too come as an "error" from clap; those go to standard output and are fine.
fn not_understood(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|arg| arg == "--json");
    if !error.use_stderr() || !json {
        let _ = error.print();
        return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
    }
    ended(Output { json }, Err(CliError::usage(error.render().to_string().trim_end())))
}
