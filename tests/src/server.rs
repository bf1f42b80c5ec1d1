//! A rendezvous server: the real `chive-rendezvous`, on the private Tor network.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::{Instant, sleep};
use toml::{Table, Value};

use crate::person::find_chive;
use crate::process::{Child, Launch, Output, Signal};

/// How often the log is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// What the log says when it serves.
const SERVES: &str = "the server's address: ";

/// A server. Dropping it ends it; its directory stays.
#[derive(Debug)]
pub struct RendezvousServer {
    program: PathBuf,
    home: PathBuf,
    address: String,
    process: Option<Child>,
}

impl RendezvousServer {
    /// Starts one in the new directory `home`, with these settings above its defaults.
    pub async fn start(home: &Path, tor_config: &Path, settings: Table) -> Result<Self> {
        fs::create_dir_all(home)?;
        let program = find_chive()?.with_file_name("chive-rendezvous");
        ensure!(program.is_file(), "there is no chive-rendezvous program: `cargo build --workspace` makes it");
        let tor: Table = fs::read_to_string(tor_config)?.parse()?;
        let mut config = settings;
        config.insert("data_dir".to_owned(), home.join("data").to_string_lossy().into_owned().into());
        config.insert("log".to_owned(), "debug".into());
        config.insert("tor".to_owned(), Value::Table(tor));
        fs::write(home.join("config.toml"), toml::to_string(&config)?)?;
        let mut server = Self { program, home: home.to_owned(), address: String::new(), process: None };
        server.again().await?;
        Ok(server)
    }

    /// Starts it again, with what it had.
    pub async fn again(&mut self) -> Result<()> {
        let log = self.home.join("log");
        let told = fs::read_to_string(&log).unwrap_or_default().matches(SERVES).count();
        let launch = Launch::new(&self.program).arg("--config").arg(self.home.join("config.toml")).arg("run");
        self.process = Some(launch.stdout(Output::File(log.clone())).stderr(Output::File(log.clone())).start()?);
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let said = fs::read_to_string(&log).unwrap_or_default();
            if let Some(at) = said.match_indices(SERVES).nth(told).map(|(at, _)| at + SERVES.len()) {
                said[at..].split_whitespace().next().context("no address")?.clone_into(&mut self.address);
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server does not start:\n{said}");
            sleep(LOOK).await;
        }
    }

    /// Its onion address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Where its files are.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.home.join("log"))?)
    }

    /// Its process.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self.process.as_ref().context("the server does not run")?.id())
    }

    /// Kills it (SIGKILL).
    pub async fn kill(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.kill().await.map(drop)
    }

    /// Ends it as an operator does.
    pub async fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the server does not run")?;
        process.signal(Signal::TERM)?;
        let status = process.wait().await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}
