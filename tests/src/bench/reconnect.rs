//! `reconnect`: from the restart of a killed peer until the message that waited for it is
//! delivered, compared with the restart of an onion service until a client that dials every half
//! second has a byte back.
//!
//! The onion service and its dialler are arti with nothing above it but our transport.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chive::api::types::MessageState;
use chive::model::ServiceKind;
use chive::node::INCOMING_QUEUE;
use chive::transport::tor::{TorOptions, TorTransport};
use chive::transport::{
    Destination, HostedService, IsolationToken, OnionAddress, ServiceKey, Stream, Transport,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};

use super::figures::{Figures, Samples, Summary};
use super::pair::PATIENCE;
use super::setup::{Bench, friends};
use crate::network::TorNetwork;
use crate::person::Person;
use crate::process::{Child, Launch, Output};

/// How many of each are measured.
const PAIRS: usize = 15;
/// How long the peer, or the service, is away.
const AWAY: Duration = Duration::from_secs(5);
/// The pause between two dials.
const DIAL_EVERY: Duration = Duration::from_millis(500);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let network = bench.network().await?;
    let mut friends = Friends::meet(bench, &network).await?;
    let mut raw = Raw::start(bench, &network).await?;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for pair in 0..bench.pairs(PAIRS) {
        for first in [true, false] {
            if (pair % 2 == 0) == first {
                ours.push(friends.reconnect(pair).await?.as_secs_f64());
            } else {
                theirs.push(raw.reconnect().await?.as_secs_f64());
            }
        }
    }

    Ok(Figures::new(Summary::new("reconnect", ours.median(), theirs.median(), "s"))
        .row("chive: killed peer starts → waiting message delivered", "s", ours.clone())
        .row(
            format!("arti: service starts → first byte back, a dial every {DIAL_EVERY:?}"),
            "s",
            theirs.clone(),
        )
        .row("each pair's ratio", "", ours.over(&theirs))
        .note(format!("each was away for {AWAY:?} before")))
}

/// Alice, who writes, and Bob, who is killed.
struct Friends {
    alice: Person,
    bob: Person,
}

impl Friends {
    async fn meet(bench: &Bench, network: &TorNetwork) -> Result<Self> {
        let (alice, bob) = friends(bench, network).await?;
        alice.delivers("Bob", "hello").await?;
        Ok(Self { alice, bob })
    }

    async fn reconnect(&mut self, number: usize) -> Result<Duration> {
        self.bob.kill().await?;
        let message = self.alice.sends("Bob", &format!("number {number} waits")).await?;
        sleep(AWAY).await;
        let began = Instant::now();
        self.bob.start().await?;
        self.alice.until(&message, MessageState::Delivered).await?;
        Ok(began.elapsed())
    }
}

/// An onion service in a process of its own, and its client.
struct Raw {
    dialler: Arc<TorTransport>,
    address: OnionAddress,
    service: Launch,
    running: Option<Child>,
    dialled: u64,
    patience: Duration,
}

impl Raw {
    async fn start(bench: &Bench, network: &TorNetwork) -> Result<Self> {
        let key = ServiceKey(rand::random());
        let file = bench.home().join("seed");

        std::fs::write(&file, key.0)?;
        let directory = bench.home().join("service");
        let service = Launch::new(std::env::current_exe()?)
            .arg("service")
            .args([file, network.arti_config_file(), directory.clone()])
            .stdout(Output::File(directory.with_extension("log")))
            .stderr(Output::File(directory.with_extension("log")));
        let (accepted, _unused) = mpsc::channel(1);
        let options = tor_options(&bench.home().join("dialler"), network.arti_config())?;
        let dialler = Arc::new(TorTransport::start(options, accepted)?);
        let (address, patience) = (key.onion_address(), network.patience(PATIENCE));
        let mut raw = Self { dialler, address, service, running: None, dialled: 0, patience };
        raw.running = Some(raw.service.clone().start()?);
        raw.first_byte().await?;

        Ok(raw)
    }

    async fn reconnect(&mut self) -> Result<Duration> {
        self.running.take().context("no service runs")?.kill().await?;
        sleep(AWAY).await;
        let began = Instant::now();
        self.running = Some(self.service.clone().start()?);
        self.first_byte().await?;
        Ok(began.elapsed())
    }

    /// Dials every half second, each time on circuits of its own, until one dial has a byte back.
    async fn first_byte(&mut self) -> Result<()> {
        let (mut dials, mut next) = (JoinSet::new(), interval(DIAL_EVERY));
        let reached = async {
            loop {
                tokio::select! {
                    _ = next.tick() => {
                        self.dialled += 1;
                        let to = Destination::Peer(self.address.into());
                        let dial = self.dialler.dial(to, IsolationToken(self.dialled), 0);
                        dials.spawn(async move { echo_of(dial.await?).await });
                    }
                    Some(Ok(Ok(()))) = dials.join_next() => return,
                }
            }
        };
        timeout(self.patience, reached).await.context("the service was not reached")
    }
}

async fn echo_of(mut stream: Stream) -> Result<()> {
    stream.write_u8(b'x').await?;
    stream.flush().await?;
    ensure!(stream.read_u8().await? == b'x', "another byte came back");
    Ok(())
}

fn tor_options(directory: &Path, config: &str) -> Result<TorOptions> {
    let (state_dir, cache_dir) = (directory.join("state"), directory.join("cache"));
    Ok(TorOptions { state_dir, cache_dir, overrides: Some(config.parse()?) })
}

/// The onion service of `reconnect`, until it is killed: echoes the first byte of every stream.
pub async fn serve_echo(seed: PathBuf, config: PathBuf, directory: PathBuf) -> Result<()> {
    let key = ServiceKey(std::fs::read(seed)?.try_into().ok().context("a seed has 32 bytes")?);
    let (accepted, mut incoming) = mpsc::channel(INCOMING_QUEUE);
    let tor =
        TorTransport::start(tor_options(&directory, &std::fs::read_to_string(config)?)?, accepted)?;

    tor.host(vec![HostedService { kind: ServiceKind::Contacts, key, current: true }]).await;
    while let Some(mut stream) = incoming.recv().await.map(|incoming| incoming.stream) {
        tokio::spawn(async move {
            let byte = stream.read_u8().await?;
            stream.write_u8(byte).await?;
            stream.flush().await?;
            // The dialler closes it.
            stream.read_u8().await
        });
    }

    Ok(())
}
