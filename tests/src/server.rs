//! A rendezvous server: the real `chive-rendezvous` as a process, on the private Tor network, on a
//! TCP port or on a Unix socket. What it answers is not read here.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive::transport::OnionAddress;
use data_encoding::BASE32_NOPAD;
use tokio::time::{Instant, sleep};
use toml::{Table, Value};

use crate::loopback;
use crate::person::find_chive;
use crate::process::{Child, Launch, Output, Signal};

/// How often the log is read during a start.
const LOOK: Duration = Duration::from_millis(50);
/// How long a start may take.
const START: Duration = Duration::from_mins(3);
/// The log line of a server that serves.
const SERVES: &str = "the server's address: ";
/// The file name of its Unix socket.
const SOCKET: &str = "socket";
/// The log line before it, if it listens on TCP.
const LISTENS: &str = "listening on ";

/// A server. Dropping it ends it; its directory stays.
#[derive(Debug)]
pub struct RendezvousServer {
    program: PathBuf,
    home: PathBuf,
    /// The only core that it runs on; `None` for all.
    core: Option<usize>,
    address: String,
    tcp: Option<SocketAddr>,
    process: Option<Child>,
}

impl RendezvousServer {
    /// Starts one with an onion service, in the new directory `home`. `settings` override its
    /// defaults.
    pub async fn start(home: &Path, tor_config: &Path, settings: Table) -> Result<Self> {
        let mut config = settings;
        config.insert("tor".to_owned(), Value::Table(fs::read_to_string(tor_config)?.parse()?));
        Self::launch(home, None, config).await
    }

    /// Starts one without Tor, on one core, on a free TCP port and a Unix socket.
    pub async fn on_core(home: &Path, core: usize, settings: Table) -> Result<Self> {
        let mut config: Table =
            "[onion]\nenabled = false\n[listen]\ntcp = \"127.0.0.1:0\"".parse()?;
        config.extend(settings);
        listen_on(&mut config, &home.join(SOCKET));
        Self::launch(home, Some(core), config).await
    }

    /// Starts one without Tor, reachable for people who share a directory instead of a network: see
    /// [`loopback`].
    pub async fn on_loopback(network: &Path, home: &Path, settings: Table) -> Result<Self> {
        let mut config: Table = "[onion]\nenabled = false\n[listen]".parse()?;
        config.extend(settings);
        let key = make_key(&home.join("data")).await?;
        listen_on(&mut config, &loopback::socket(network, key));
        Self::launch(home, None, config).await
    }

    async fn launch(home: &Path, core: Option<usize>, mut config: Table) -> Result<Self> {
        fs::create_dir_all(home)?;
        let program = find_program()?;

        config
            .insert("data_dir".to_owned(), home.join("data").to_string_lossy().into_owned().into());
        config.entry("log").or_insert_with(|| "debug".into());
        fs::write(home.join("config.toml"), toml::to_string(&config)?)?;
        let mut server = Self {
            program,
            home: home.to_owned(),
            core,
            address: String::new(),
            tcp: None,
            process: None,
        };
        server.restart().await?;

        Ok(server)
    }

    /// Starts it with the same settings and data as before.
    pub async fn restart(&mut self) -> Result<()> {
        let log = self.home.join("log");
        let before = self.log().unwrap_or_default().len();
        let launch = match self.core {
            Some(core) => Launch::new("taskset").args(["-c", &core.to_string()]).arg(&self.program),
            None => Launch::new(&self.program),
        };
        let launch = launch.arg("--config").arg(self.home.join("config.toml")).arg("run");

        self.process =
            Some(launch.stdout(Output::File(log.clone())).stderr(Output::File(log)).start()?);
        let deadline = Instant::now() + START;
        loop {
            let new_log = self.log()?.split_off(before);
            if let Some(address) = word_after(&new_log, SERVES) {
                self.address = address;
                self.tcp = word_after(&new_log, LISTENS).map(|tcp| tcp.parse()).transpose()?;
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server does not start:\n{new_log}");
            sleep(LOOK).await;
        }
    }

    /// The onion address, even of a server without Tor.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The TCP address that it listens on; an error if it does not.
    pub fn tcp(&self) -> Result<SocketAddr> {
        self.tcp.context("the server has no port")
    }

    /// The Unix socket that it listens on; an error unless it runs on one core.
    pub fn socket(&self) -> Result<PathBuf> {
        ensure!(self.core.is_some(), "the server has no socket of its own");
        Ok(self.home.join(SOCKET))
    }

    /// The directory with its database and key.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// The log of all its runs.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.home.join("log"))?)
    }

    /// The id of its process.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self.process.as_ref().context("the server does not run")?.id())
    }

    /// Kills it (SIGKILL).
    pub async fn kill(&mut self) -> Result<()> {
        self.process.take().context("the server does not run")?.kill().await.map(drop)
    }

    /// Stops it with SIGTERM, as an operator does.
    pub async fn stop(&mut self) -> Result<()> {
        let mut process = self.process.take().context("the server does not run")?;
        process.signal(Signal::TERM)?;
        let status = process.wait().await?;
        ensure!(status.success(), "the server ended with {status}");
        Ok(())
    }
}

/// Sets a Unix socket to listen on.
fn listen_on(config: &mut Table, socket: &Path) {
    if let Some(Value::Table(listen)) = config.get_mut("listen") {
        listen.insert("unix".to_owned(), socket.to_string_lossy().into_owned().into());
    }
}

fn find_program() -> Result<PathBuf> {
    let program = find_chive()?.with_file_name("chive-rendezvous");
    ensure!(
        program.is_file(),
        "there is no chive-rendezvous program: `cargo build --workspace` makes it"
    );
    Ok(program)
}

/// Makes the key of a server that has not run yet; returns its address.
async fn make_key(data: &Path) -> Result<OnionAddress> {
    let launch = Launch::new(find_program()?).env("CHIVE_RENDEZVOUS_DATA_DIR", data).arg("address");
    let mut asked = launch.stdout(Output::Lines).start()?;
    let address = asked.stdout().context("no output")?.next().await?.context("no address")?;
    ensure!(asked.wait().await?.success(), "the server has no address");
    let name = address.trim().trim_end_matches(".onion").to_ascii_uppercase();
    let bytes = BASE32_NOPAD.decode(name.as_bytes())?;
    Ok(OnionAddress(*bytes.first_chunk().context("a short onion address")?))
}

/// The word after a mark, in a complete line.
fn word_after(log: &str, mark: &str) -> Option<String> {
    let line =
        log.split_inclusive('\n').find(|line| line.contains(mark) && line.ends_with('\n'))?;
    line.split(mark).nth(1)?.split_whitespace().next().map(str::to_owned)
}
