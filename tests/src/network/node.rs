//! One tor process of the network: its directory, its log, and its identity. What the network as a
//! whole waits for is not known here.

use std::fs::{self, File};
use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use super::consensus;
use super::directory::Directory;
use crate::process::{Child, Launch, Output, Signal};

/// How often files and processes are checked while waiting for them.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// How many lines of a log an error shows.
const LOG_TAIL_LINES: usize = 12;

/// The name of the node's configuration file.
const TORRC: &str = "torrc";

/// The name of an empty configuration file: tor insists on files, and takes no
/// `/dev/null`.
pub(super) const NO_OPTIONS: &str = "no-options";

/// The ports of a node, all of 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodePorts {
    /// Where clients and other nodes connect to it.
    pub(super) advertised: u16,
    /// Where it listens for them: the same port, unless a delay lies in between.
    pub(super) listening: u16,
    /// Where an authority serves its directory.
    pub(super) directory: Option<u16>,
}

/// A relay or a directory authority, which is a relay, too.
#[derive(Debug)]
pub(super) struct Node {
    nickname: String,
    directory: PathBuf,
    ports: NodePorts,
    /// How long it may take to accept connections, and then to build a circuit.
    patience: Duration,
    process: Option<Child>,
    /// Size in bytes of the log when the process was started.
    log_start: u64,
}

impl Node {
    /// Creates the node's directory. A node with a directory port is an authority.
    pub(super) fn create(
        network: &Directory,
        nickname: String,
        ports: NodePorts,
        patience: Duration,
    ) -> Result<Self> {
        let directory = network.subdirectory(&nickname)?;
        fs::write(directory.join(NO_OPTIONS), "")?;
        Ok(Self { nickname, directory, ports, patience, process: None, log_start: 0 })
    }

    pub(super) fn nickname(&self) -> &str {
        &self.nickname
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn ports(&self) -> NodePorts {
        self.ports
    }

    pub(super) fn log(&self) -> PathBuf {
        self.directory.join("log")
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    pub(super) fn configure(&self, torrc: &str) -> Result<()> {
        fs::write(self.directory.join(TORRC), torrc)
            .with_context(|| format!("cannot configure {}", self.nickname))
    }

    /// A tor that reads the file with this name and none of the machine's.
    pub(super) fn tor(&self, torrc: &str) -> Launch {
        Launch::new("tor")
            .arg("--defaults-torrc")
            .arg(self.directory.join(NO_OPTIONS))
            .arg("-f")
            .arg(self.directory.join(torrc))
    }

    pub(super) fn start(&mut self) -> Result<()> {
        self.log_start = fs::metadata(self.log()).map_or(0, |log| log.len());
        let log = Output::File(self.log());
        let launch = self.tor(TORRC).stdout(log.clone()).stderr(log);
        self.process = Some(launch.start()?);
        Ok(())
    }

    pub(super) async fn kill(&mut self) -> Result<()> {
        if let Some(mut process) = self.process.take() {
            process.kill().await?;
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) -> Result<()> {
        self.running()?.stop()
    }

    pub(super) fn cont(&mut self) -> Result<()> {
        self.running()?.cont()
    }

    pub(super) fn reload(&mut self) -> Result<()> {
        self.running()?.signal(Signal::HUP)
    }

    /// Waits until the node accepts connections and has written its identity.
    pub(super) async fn wait_until_open(&mut self) -> Result<()> {
        let patience = self.patience;
        let open = async {
            while Identity::read(self).is_err() || !self.accepts_connections().await {
                self.check_alive()?;
                sleep(POLL_INTERVAL).await;
            }
            Ok(())
        };
        let opened = timeout(patience, open).await;
        opened.unwrap_or_else(|_| self.fail("does not accept connections"))
    }

    /// Waits until the node accepts connections and has built a circuit.
    pub(super) async fn wait_until_usable(&mut self) -> Result<()> {
        self.wait_until_open().await?;
        let patience = self.patience;
        let usable = async {
            while !self.log_since_start()?.contains("Bootstrapped 100%") {
                self.check_alive()?;
                sleep(POLL_INTERVAL).await;
            }
            Ok(())
        };
        let used = timeout(patience, usable).await;
        used.unwrap_or_else(|_| self.fail("builds no circuits"))
    }

    /// Fails with the end of its log if the node has ended.
    pub(super) fn check_alive(&mut self) -> Result<()> {
        match self.running()?.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended: {status}; {}", self.nickname, self.log_tail()),
        }
    }

    /// Whether the node, an authority, holds the descriptors of `expected` nodes.
    pub(super) fn has_all_descriptors(&self, expected: usize) -> bool {
        consensus::descriptors(&self.directory) == expected
    }

    /// Whether the node's consensus lists `expected` usable nodes and the node
    /// can serve the descriptors of all.
    pub(super) fn knows_network(&self, expected: usize) -> bool {
        consensus::is_complete(&self.directory, expected)
    }

    /// The node's identity, once it has run.
    pub(super) fn identity(&self) -> Result<Identity> {
        Identity::read(self)
    }

    /// The end of the log, as a clause for an error.
    pub(super) fn log_tail(&self) -> String {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let mut lines: Vec<_> = log.lines().rev().take(LOG_TAIL_LINES).collect();
        lines.reverse();
        format!("the log of {} ends:\n{}", self.nickname, lines.join("\n"))
    }

    fn fail(&self, problem: &str) -> Result<()> {
        bail!("{} {problem}; {}", self.nickname, self.log_tail())
    }

    fn log_since_start(&self) -> Result<String> {
        let mut log = File::open(self.log())?;
        log.seek(SeekFrom::Start(self.log_start))?;
        Ok(io::read_to_string(log)?)
    }

    fn running(&mut self) -> Result<&mut Child> {
        self.process.as_mut().with_context(|| format!("{} does not run", self.nickname))
    }

    async fn accepts_connections(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.ports.listening)).await.is_ok()
    }
}

/// The keys by which others know a node.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) or_port: u16,
    /// Digest of the RSA identity key, in hex.
    pub(super) rsa: String,
    /// Ed25519 identity key, in base64 without padding.
    pub(super) ed25519: String,
}

impl Identity {
    /// Reads the files that the node wrote when it created its keys.
    pub(super) fn read(node: &Node) -> Result<Self> {
        let read = |file: &str| -> Result<String> {
            let line = fs::read_to_string(node.directory.join(file))?;
            let key = line.split_whitespace().nth(1);
            Ok(key.with_context(|| format!("{file} is incomplete"))?.to_owned())
        };
        Ok(Self {
            or_port: node.ports.advertised,
            rsa: read("fingerprint")?,
            ed25519: read("fingerprint-ed25519")?,
        })
    }
}
