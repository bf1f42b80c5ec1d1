//! The node under load, in a process of its own, and the resources that it uses.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chive::api::client::Client;
use chive::profile::{self, Passphrase, SOCKET};
use tokio::time::{sleep, timeout};

use crate::bench::fill::PASSPHRASE;
use crate::bench::machine::MEASURED_CORE;
use crate::bench::pair::PATIENCE;
use crate::process::{Child, Launch, Output, Signal};

/// How often the node's status is checked while waiting.
const LOOK: Duration = Duration::from_millis(100);
/// The shared memory of an open `SQLite` store: the index of its write-ahead log.
const SHARED_MEMORY: &str = "chive.db-shm";
/// The position of the number of commits in it: `iChange` of the index's header.
const COMMITS: std::ops::Range<usize> = 8..12;

/// The real client, without Tor.
pub(super) struct Node {
    process: Child,
    profile: PathBuf,
    /// A client of its local API.
    pub(super) api: Client,
}

impl Node {
    /// Makes a profile and runs a node on it, reachable in the shared directory `network`.
    pub(super) async fn start(home: &Path, network: &Path) -> Result<Self> {
        let (profile, passphrase) = (home.join("profile"), home.join("passphrase"));
        profile::create(&profile, "Alice", &Passphrase::new(PASSPHRASE.into())).await?;
        fs::write(&passphrase, PASSPHRASE)?;

        let process = Launch::new("taskset")
            .args(["-c", &MEASURED_CORE.to_string()])
            .arg(std::env::current_exe()?.with_file_name("chive-loopback"))
            .arg("--profile")
            .arg(&profile)
            .arg("--passphrase-file")
            .arg(&passphrase)
            .arg("--tor-config")
            .arg(network)
            .args(["--json", "run"])
            .env("CHIVE_LOG", "error")
            .stderr(Output::File(home.join("log")))
            .start()?;
        let node = Self { process, api: Client::new(profile.join(SOCKET)), profile };
        node.until_online(0).await?;

        Ok(node)
    }

    /// Waits until it has links to this many contacts.
    pub(super) async fn until_online(&self, contacts: usize) -> Result<()> {
        let online = async {
            while !self.api.status().await.is_ok_and(|status| status.online as usize == contacts) {
                sleep(LOOK).await;
            }
        };
        timeout(PATIENCE, online).await.context("the node has not all its links")
    }

    /// The resources that it has used until now.
    pub(super) fn usage(&self) -> Result<Usage> {
        let shared = fs::read(self.profile.join(SHARED_MEMORY)).context("no write-ahead log")?;
        let commits =
            shared.get(COMMITS).and_then(|bytes| bytes.try_into().ok()).context("a short index")?;
        Ok(Usage { commits: u32::from_ne_bytes(commits), ..Usage::of_process(self.process.id())? })
    }

    /// Stops it with SIGINT, and waits for its end.
    pub(super) async fn stop(mut self) -> Result<()> {
        self.process.signal(Signal::INT)?;
        let status =
            timeout(PATIENCE, self.process.wait()).await.context("the node does not end")??;
        ensure!(status.success(), "the node ended with {status}");
        Ok(())
    }
}

/// Resources that a process has used until some time.
pub(super) struct Usage {
    at: Instant,
    cpu: Duration,
    commits: u32,
}

/// Resources used between two times.
pub(super) struct Spent {
    /// The share of one core.
    pub(super) cpu: f64,
    /// Commits per second.
    pub(super) commits: f64,
}

impl Usage {
    /// Of this process, which has no store.
    pub(super) fn of_this_process() -> Result<Self> {
        Self::of_process(std::process::id())
    }

    fn of_process(process: u32) -> Result<Self> {
        let mut cpu = Duration::ZERO;
        for task in fs::read_dir(format!("/proc/{process}/task"))? {
            // A thread that has just ended has no files any longer.
            let Ok(scheduled) = fs::read_to_string(task?.path().join("schedstat")) else {
                continue;
            };
            let spent = scheduled.split(' ').next().context("no time")?.parse()?;
            cpu += Duration::from_nanos(spent);
        }
        Ok(Self { at: Instant::now(), cpu, commits: 0 })
    }

    /// The use since an earlier time.
    pub(super) fn since(&self, earlier: &Self) -> Spent {
        let time = self.at.duration_since(earlier.at).as_secs_f64();
        let cpu = self.cpu.saturating_sub(earlier.cpu).as_secs_f64() / time;
        Spent { cpu, commits: f64::from(self.commits.wrapping_sub(earlier.commits)) / time }
    }
}
