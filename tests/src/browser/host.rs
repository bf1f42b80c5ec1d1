//! Runs `chive open` on the transport without Tor, and stops it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive::node::Links;
use serde_json::Value;
use tokio::time::timeout;

use crate::process::{Child, Launch, Output, Signal};

/// How long it may take to start or to stop.
const PATIENCE: Duration = Duration::from_mins(3);

/// Somebody's Chive, which serves the page.
#[derive(Debug)]
pub struct Host {
    process: Child,
    program: PathBuf,
    network: PathBuf,
    home: PathBuf,
    links: Links,
    /// Lets one browser in.
    pub url: String,
}

impl Host {
    /// Starts it for the profile in `home`, which need not exist, on the network that is a
    /// directory.
    pub async fn open(program: &Path, network: &Path, home: &Path) -> Result<Self> {
        Self::open_with(Links::Always, program, network, home).await
    }

    /// The same, saying with whom it is connected.
    pub async fn open_with(
        links: Links,
        program: &Path,
        network: &Path,
        home: &Path,
    ) -> Result<Self> {
        std::fs::create_dir_all(network)?;
        std::fs::create_dir_all(home)?;

        let launch = Launch::new(program)
            .arg("--profile")
            .arg(home.join("profile"))
            .arg("--tor-config")
            .arg(network)
            .args((links == Links::WhenNeeded).then_some("--links-when-needed"))
            .arg("open")
            .stdout(Output::Lines)
            .stderr(Output::File(home.join("log")));
        let mut process = launch.start()?;
        let line = timeout(PATIENCE, process.stdout().context("no output")?.next()).await??;
        let said: Value = serde_json::from_str(&line.context("it ended at once")?)?;
        let url = said["url"].as_str().context("no address")?.to_owned();
        let (program, network, home) = (program.to_owned(), network.to_owned(), home.to_owned());

        Ok(Self { process, program, network, home, links, url })
    }

    /// The address without what lets a browser in.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.split('#').next().unwrap_or_default()
    }

    /// The profile's directory.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.home.join("profile")
    }

    /// What it logged.
    pub fn log(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.home.join("log"))?)
    }

    /// Ends it as Ctrl-C does.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.signal(Signal::INT)?;
        let status = timeout(PATIENCE, self.process.wait()).await.context("it does not stop")??;
        ensure!(status.success(), "it ended with {status}");
        Ok(())
    }

    /// Kills it (SIGKILL), and starts it again: at another address.
    pub async fn is_killed_and_starts_again(&mut self) -> Result<()> {
        self.process.kill().await?;
        *self = Self::open_with(self.links, &self.program, &self.network, &self.home).await?;
        Ok(())
    }
}
