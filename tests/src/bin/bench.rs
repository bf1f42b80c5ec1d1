//! The program `bench`: runs benchmarks and prints their figures. `tests/bench --help` describes
//! it. The measuring is done in `chive_tests::bench`.

use std::io::{Write as _, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use chive_tests::bench::{Bench, BenchName, Settings, init_logging, serve_echo};
use clap::{Parser, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};

/// Measure Chive beside what it is made of: `tests/bench --help` says more.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// What to measure, or `all`
    name: String,

    /// What the bench that starts this program as a part of itself hands over
    #[arg(hide = true)]
    files: Vec<PathBuf>,

    /// How many pairs, where it is not the bench's own number
    #[arg(long)]
    pairs: Option<usize>,

    /// Put profiles under this directory instead of the temporary one
    #[arg(long, value_name = "PATH")]
    dir: Option<PathBuf>,

    /// Let relays hand cells on at once, instead of as tor does it
    #[arg(long)]
    vanilla: bool,

    /// Delay each connection to a relay by this many milliseconds each way
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    init_logging();
    let ran = tokio::select! {
        ran = run(&arguments) => ran,
        interrupted = interrupted() => interrupted,
    };
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("The bench failed: {error:#}\n"));
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<()> {
    if let ("service", [seed, config, directory]) =
        (arguments.name.as_str(), arguments.files.as_slice())
    {
        return serve_echo(seed.clone(), config.clone(), directory.clone()).await;
    }

    for name in names(&arguments.name)? {
        let settings = Settings {
            directory: arguments.dir.clone(),
            pairs: arguments.pairs,
            vanilla_scheduler: arguments.vanilla,
            delay: Duration::from_millis(arguments.delay),
        };
        let bench = Bench::new(settings)?;
        let before = bench.machine()?;
        let figures = name.run(&bench).await?;
        let after = bench.machine()?;

        write!(
            stdout(),
            "{}before: {}\nafter: {}\n",
            figures.table(),
            before.line(),
            after.line()
        )?;
        writeln!(stdout(), "{}", figures.json())?;
    }

    Ok(())
}

fn names(name: &str) -> Result<Vec<BenchName>> {
    if name == "all" {
        return Ok(BenchName::value_variants().to_vec());
    }
    match BenchName::from_str(name, false) {
        Ok(name) => Ok(vec![name]),
        Err(_) => bail!("there is no bench {name:?}: `tests/bench --help` lists them"),
    }
}

fn tell(text: &str) {
    // There may be no one to read it.
    let _ = stderr().write_all(text.as_bytes());
}

/// Returns, with an error, at a signal to stop.
async fn interrupted() -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    bail!("interrupted")
}
