//! Two nodes in this process, contacts with a link up, each with its local API on a socket: as in
//! `chive run`, except for the tap under them. What is sent between them is up to the benchmarks.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use chive::api::client::Client;
use chive::api::server;
use chive::api::types::{Direction, Event, MessageState, NewContact, NewInvitation, What};
use chive::clock::Clock;
use chive::node::{
    self, INCOMING_QUEUE, KeyUpdates, Links, NodeHandle, Parts, Running, SharedTransport,
};
use chive::profile::{self, Passphrase, Profile};
use chive::transport::Stream;
use chive::transport::tor::TorOptions;
use futures::StreamExt as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::rendezvous;
use super::tap::{Tally, Tap};
use crate::network::TorNetwork;

/// How long to wait for anything on a network without delay.
pub(super) const PATIENCE: Duration = Duration::from_mins(3);
/// How often the links are counted until there is exactly one.
const LOOK: Duration = Duration::from_millis(100);
/// Attempts to open a raw stream.
const RAW_TRIES: usize = 10;
/// How long there must have been exactly one link, plus this many round trips.
const SETTLED: Duration = Duration::from_secs(2);
const SETTLED_ROUND_TRIPS: u32 = 5;

/// One node in this process.
pub(super) struct PairNode {
    /// Its local API, over the socket.
    pub(super) api: Client,
    /// The node, asked without the API.
    pub(super) node: NodeHandle,
    /// The transport under it.
    pub(super) tap: Arc<Tap>,
    running: Running,
    api_stop: CancellationToken,
    serving: AbortOnDropHandle<std::io::Result<()>>,
    _profile: Profile,
}

impl PairNode {
    /// Makes a profile and starts a node on it.
    pub(super) async fn start(network: &TorNetwork, directory: &Path, name: &str) -> Result<Self> {
        let passphrase = Passphrase::new("correct horse".into());
        profile::create(directory, name, &passphrase).await?;

        let profile = profile::open(directory, &passphrase).await?;
        let listener = server::bind(&profile.socket())?;
        let (accepted, incoming) = mpsc::channel(INCOMING_QUEUE);
        let options = TorOptions {
            state_dir: profile.tor_directory().join("state"),
            cache_dir: profile.tor_directory().join("cache"),
            overrides: Some(network.arti_config().parse()?),
        };
        let tap = Arc::new(Tap::start(options, accepted)?);
        let parts = Parts {
            store: profile.store.clone(),
            transport: Arc::clone(&tap) as SharedTransport,
            incoming,
            directory: profile.directory.clone(),
            clock: Clock::system(),
            rng: StdRng::from_os_rng(),
            key_updates: KeyUpdates::default(),
            links: Links::Always,
        };
        let running = node::start(parts).await?;
        let (node, api_stop) = (running.handle.clone(), CancellationToken::new());
        let serving =
            tokio::spawn(server::serve(listener, node.clone(), api_stop.clone().cancelled_owned()));
        let api = Client::new(profile.socket());

        Ok(Self {
            api,
            node,
            tap,
            running,
            api_stop,
            serving: AbortOnDropHandle::new(serving),
            _profile: profile,
        })
    }

    /// Stops the API, then the node, and waits for both.
    pub(super) async fn stop(self) -> Result<()> {
        self.api_stop.cancel();
        self.serving.await??;
        self.running.stop.cancel();
        self.running.ended.await?;
        Ok(())
    }

    /// Deliveries of its messages, from the local API's stream of events.
    pub(super) async fn deliveries_by_api(&self) -> Result<Deliveries> {
        let mut events = self.api.events(Some(self.api.status().await?.last_event));
        Ok(Deliveries::new(|sender| async move {
            while let Some(Ok(event)) = events.next().await {
                report_delivery(&event, &sender);
            }
        }))
    }

    /// Deliveries of its messages, from the node itself.
    pub(super) fn deliveries_by_handle(&self) -> Deliveries {
        let (node, mut newest) = (self.node.clone(), self.node.newest_event());
        let mut after = *newest.borrow_and_update();
        Deliveries::new(|sender| async move {
            while newest.changed().await.is_ok() {
                let Ok(events) = node.events(after, 100).await else { return };
                after = events.last().map_or(after, |event| event.seq);
                for event in &events {
                    report_delivery(event, &sender);
                }
            }
        })
    }
}

/// Ids of delivered messages, and when that was reported.
pub(super) struct Deliveries {
    reported: mpsc::UnboundedReceiver<(String, Instant)>,
    _following: AbortOnDropHandle<()>,
}

impl Deliveries {
    fn new<F: Future<Output = ()> + Send + 'static>(
        follow: impl FnOnce(mpsc::UnboundedSender<(String, Instant)>) -> F,
    ) -> Self {
        let (sender, reported) = mpsc::unbounded_channel();
        Self { reported, _following: AbortOnDropHandle::new(tokio::spawn(follow(sender))) }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) -> Result<(String, Instant)> {
        timeout(PATIENCE, self.reported.recv())
            .await
            .context("nothing is delivered")?
            .context("the events have ended")
    }

    /// Waits until this message is delivered.
    pub(super) async fn of(&mut self, message: &str) -> Result<Instant> {
        loop {
            let (id, at) = self.next().await?;
            if id == message {
                return Ok(at);
            }
        }
    }
}

fn report_delivery(event: &Event, to: &mpsc::UnboundedSender<(String, Instant)>) {
    if let What::Message { message } = &event.what
        && message.direction == Direction::Sent
        && message.state == MessageState::Delivered
    {
        let _ = to.send((message.id.clone(), Instant::now()));
    }
}

/// Two contacts. The link between them was dialled by one and answered by the other.
pub(super) struct Pair {
    /// The node that dialled the link.
    pub(super) dialler: PairNode,
    /// The node that answered.
    pub(super) answerer: PairNode,
    /// The link's stream at the dialler.
    pub(super) link: Arc<Tally>,
    /// The dialler's name for the answerer.
    pub(super) other: &'static str,
}

impl Pair {
    /// Makes two profiles in a directory, starts both nodes, and makes them contacts.
    pub(super) async fn meet(network: &TorNetwork, home: &Path) -> Result<Self> {
        let (alice_home, bob_home) = (home.join("alice"), home.join("bob"));
        let alice = PairNode::start(network, &alice_home, "Alice");
        let bob = PairNode::start(network, &bob_home, "Bob");
        let (alice, bob) = tokio::try_join!(alice, bob)?;
        let link = alice.api.invite(&NewInvitation::default()).await?.link.context("no link")?;
        bob.api
            .add_contact(&NewContact { link, name: Some("Alice".into()), message: None })
            .await?;
        let settled = SETTLED + SETTLED_ROUND_TRIPS * network.round_trip();
        let linked = timeout(network.patience(PATIENCE), only_link(&alice, &bob, settled)).await;
        let (by_alice, link) = linked.context("no link came up")?;

        Ok(if by_alice {
            Self { dialler: alice, answerer: bob, link, other: "Bob" }
        } else {
            Self { dialler: bob, answerer: alice, link, other: "Alice" }
        })
    }

    /// Opens a raw stream on the link's circuit, from the dialler to the answerer: whenever
    /// `question` bytes have come, `answer` bytes come back.
    ///
    /// arti's own log shows that it is the same circuit: a new one would begin with a rendezvous. A
    /// node also probes its services by dials of its own now and then; this is then tried again.
    pub(super) async fn raw(&self, question: u64, answer: u64) -> Result<Stream> {
        for _ in 0..RAW_TRIES {
            let before = rendezvous::seen();
            let stream =
                self.dialler.tap.raw(&self.link, question.try_into()?, answer.try_into()?).await?;
            if rendezvous::seen() == before {
                return Ok(stream);
            }
            sleep(SETTLED).await;
        }
        bail!("no raw stream was opened without a new rendezvous")
    }

    /// Fails if the link was replaced since the beginning.
    pub(super) fn still_linked(&self) -> Result<()> {
        ensure!(self.link.is_open(), "the link was replaced while it was measured");
        Ok(())
    }

    pub(super) async fn stop(self) -> Result<()> {
        tokio::try_join!(self.dialler.stop(), self.answerer.stop())?;
        Ok(())
    }
}

/// The one link between two nodes, once it has been the only one for the time `settled`; before
/// that, they may choose among several. Gives whether the first dialled it, and its stream.
async fn only_link(first: &PairNode, second: &PairNode, settled: Duration) -> (bool, Arc<Tally>) {
    let mut since: Option<(Instant, Arc<Tally>)> = None;
    loop {
        let online = online(first).await && online(second).await;
        let (by_first, by_second) = (first.tap.open(), second.tap.open());
        let open: Vec<_> = by_first.iter().chain(&by_second).collect();
        match (&since, open.as_slice()) {
            (Some((at, kept)), [only]) if online && Arc::ptr_eq(kept, only) => {
                if at.elapsed() > settled {
                    return (!by_first.is_empty(), Arc::clone(kept));
                }
            }
            (_, [only]) if online => since = Some((Instant::now(), Arc::clone(only))),
            _ => since = None,
        }
        drop((by_first, by_second));
        sleep(LOOK).await;
    }
}

async fn online(node: &PairNode) -> bool {
    node.node.status().await.is_ok_and(|status| status.online == 1)
}
