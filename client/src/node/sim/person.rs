//! One simulated person: a store that lasts, and a node that stops, dies and starts again on it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures::FutureExt;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::commit_observer::{CommitObserver, Record};
use super::network::{Network, SimTransport, Who};
use crate::api::types::{ContactState, Event, Message};
use crate::clock::Clock;
use crate::error::NodeError;
use crate::identity::{Identity, PeerId};
use crate::model::{ContactId, MessageStatus, OutboxId, Reason, UnixMillis};
use crate::node::conversation::inbox;
use crate::node::core::Core;
use crate::node::lockstep::at_once;
use crate::node::runtime::{Node, prepare};
use crate::node::{Ending, INCOMING_QUEUE, KeyUpdates, Links, NodeHandle, Parts, SharedTransport};
use crate::profile;
use crate::store::contacts;
use crate::store::{self, Store, backup, conversations, groups, messages, outbox, owner};
use chive_mls::Conversation;

/// What a node gave to its links before it died still goes out, as it does from a process.
pub(super) const LAST_WORDS: Duration = Duration::from_millis(1);

/// A store that nobody has moved into, made once.
fn empty_store(directory: &Path) -> &'static [u8] {
    static EMPTY: OnceLock<Vec<u8>> = OnceLock::new();
    EMPTY.get_or_init(|| {
        let file = directory.join("empty.db");
        at_once(async { Store::open_fast(&file).await.unwrap().close().await });
        std::fs::read(file).unwrap()
    })
}

/// Such a store, in a file of which nothing is left.
fn begin_in(file: &Path) -> Store {
    std::fs::write(file, empty_store(file.parent().unwrap())).unwrap();
    at_once(Store::open_fast(file)).unwrap()
}

/// The time that all clocks agree on.
#[derive(Clone, Copy)]
pub(super) struct TrueTime {
    began: Instant,
    began_at: UnixMillis,
}

impl TrueTime {
    pub(super) fn begin() -> Self {
        Self { began: Instant::now(), began_at: Clock::system().now() }
    }

    pub(super) fn elapsed(self) -> Duration {
        self.began.elapsed()
    }

    fn now(self) -> UnixMillis {
        self.began_at + self.elapsed()
    }
}

pub(super) struct Life {
    pub(super) handle: NodeHandle,
    pub(super) transport: Arc<SimTransport>,
    store: Store,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Ends with nothing if the node died.
    ended: JoinHandle<Option<Ending>>,
    /// How many chances to die are left to pass.
    fuse: Arc<AtomicI64>,
}

pub(super) struct Person {
    pub(super) who: Who,
    pub(super) id: PeerId,
    pub(super) life: Option<Life>,
    /// The last event that was read.
    pub(super) cursor: i64,
    file: PathBuf,
    time: TrueTime,
    /// How far its clock is off, in milliseconds.
    skew: Arc<AtomicI64>,
    rng: StdRng,
    network: Network,
    record: Record,
    copies: usize,
}

/// How much of a conversation waits or is kept.
pub(super) struct SavedCopy {
    pub(super) outbox: i64,
    pub(super) held: i64,
    pub(super) received: i64,
    /// Its MLS state. Whoever restarts has none for a while.
    pub(super) state: Option<Conversation>,
}

impl SavedCopy {
    pub(super) fn waits(&self) -> bool {
        self.outbox + self.held > 0 || self.state.is_none()
    }

    pub(super) fn tell(&self) -> String {
        let size = self.state.as_ref().map(Conversation::size);
        format!("has {} in its outbox, {} held, a state of {size:?} bytes", self.outbox, self.held)
    }

    /// What both sides must have in common: the epoch, and a secret of it.
    pub(super) fn agreement(&self) -> Option<(u64, Vec<u8>)> {
        self.state.as_ref().map(|state| state.agreement().unwrap())
    }
}

impl Person {
    pub(super) fn new(
        who: Who,
        directory: &Path,
        time: TrueTime,
        network: Network,
        record: Record,
        mut rng: StdRng,
    ) -> Self {
        let file = directory.join(format!("{who}.db"));
        std::fs::write(&file, empty_store(directory)).unwrap();

        let id = at_once(async {
            let store = Store::open_fast(&file).await.unwrap();
            profile::move_in(&store, &format!("P{who}"), time.now(), &mut rng).await.unwrap();
            let mut tx = store.begin().await.unwrap();
            let root = owner::load(&mut tx).await.unwrap().root;
            drop(tx);
            store.close().await;
            Identity::new(&root).peer_id()
        });
        Self {
            who,
            id,
            life: None,
            cursor: 0,
            file,
            time,
            skew: Arc::default(),
            rng,
            network,
            record,
            copies: 0,
        }
    }

    pub(super) fn hex(&self) -> String {
        self.id.to_hex()
    }

    pub(super) fn is_awake(&self) -> bool {
        self.life.is_some()
    }

    pub(super) fn handle(&self) -> Option<NodeHandle> {
        self.life.as_ref().map(|life| life.handle.clone())
    }

    pub(super) fn set_skew(&self, milliseconds: i64) {
        self.skew.store(milliseconds, Ordering::Relaxed);
    }

    /// Its clock is off by minutes at most from now on.
    pub(super) fn set_clock_right(&self) {
        const HOUR: i64 = 3600 * 1000;
        if self.skew.load(Ordering::Relaxed).abs() > HOUR {
            self.set_skew(0);
        }
    }

    /// Starts, with so many sealed messages between two key updates.
    pub(super) fn wake(&mut self, update_after: u32) {
        let store = at_once(Store::open_fast(&self.file)).unwrap();
        let (incoming, streams) = mpsc::channel(INCOMING_QUEUE);
        let transport = Arc::new(self.network.transport(self.who, incoming));
        let (time, skew) = (self.time, Arc::clone(&self.skew));
        let parts = Parts {
            store: store.clone(),
            transport: Arc::clone(&transport) as SharedTransport,
            incoming: streams,
            directory: self.file.clone(),
            clock: Clock::new(move || UnixMillis(time.now().0 + skew.load(Ordering::Relaxed))),
            rng: StdRng::from_rng(&mut self.rng),
            key_updates: KeyUpdates { after_messages: update_after, not_before: Duration::ZERO },
            links: Links::Always,
        };
        let (mut handle, stop, mut node) = at_once(prepare(parts)).unwrap();

        handle.at_once = true;
        let fuse = Arc::new(AtomicI64::new(i64::MAX));
        let chance = Arc::clone(&fuse);
        let committed = Arc::new(AtomicU64::new(0));
        let observer = CommitObserver::new(
            self.id,
            store.clone(),
            self.record.clone(),
            self.cursor,
            Arc::clone(&committed),
        );
        node.observer = Some(Box::new(observer));
        at_once(store.set_crash_hook(Box::new(move || {
            committed.fetch_add(1, Ordering::Relaxed);
            chance.fetch_sub(1, Ordering::Relaxed) == 1
        })));
        let tasks = node.tasks();
        let ended = tokio::spawn(live(node, self.network.clone(), self.who, stop.clone()));
        self.life = Some(Life { handle, transport, store, stop, tasks, ended, fuse });
    }

    pub(super) async fn sleep(&mut self) {
        let Some(life) = self.life.take() else { return };
        life.stop.cancel();
        let ending = life.ended.await.unwrap();
        assert!(ending.is_none_or(|ending| ending == Ending::Stopped));
        at_once(life.store.close());
    }

    pub(super) async fn die(&mut self) {
        let Some(life) = self.life.take() else { return };
        self.network.die(self.who);
        life.ended.abort();
        drop(life.ended.await);
        life.stop.cancel();
        at_once(life.store.close());
    }

    /// Will die before or after one of its next commits.
    pub(super) fn crash_at_next_commit(&mut self, chances: i64) {
        if let Some(life) = &self.life {
            life.fuse.store(chances, Ordering::Relaxed);
        }
    }

    pub(super) fn spare(&self) {
        if let Some(life) = &self.life {
            life.fuse.store(i64::MAX, Ordering::Relaxed);
        }
    }

    /// Whether it died since somebody looked.
    pub(super) async fn has_died(&mut self) -> bool {
        let Some(life) = self.life.take_if(|life| life.ended.is_finished()) else { return false };
        assert_eq!(life.ended.await.unwrap(), None, "a node ended by itself");
        at_once(life.store.close());
        true
    }

    /// Keeps a backup, and says which one it is.
    pub(super) fn back_up(&mut self) -> Option<usize> {
        let from = self.life.as_ref()?.store.clone();
        let to = begin_in(&self.copy(self.copies));
        at_once(async {
            backup::copy(&from, &to).await.unwrap();
            to.close().await;
        });
        self.copies += 1;
        Some(self.copies - 1)
    }

    /// Loses everything, and begins again with a backup. Its messages as they are in that.
    pub(super) async fn restore(&mut self, number: usize) -> Vec<Message> {
        self.die().await;
        let from = at_once(Store::open_fast(&self.copy(number))).unwrap();
        let to = begin_in(&self.file);
        let now = UnixMillis(self.time.now().0 + self.skew.load(Ordering::Relaxed));

        at_once(async {
            backup::copy(&from, &to).await.unwrap();
            backup::restore(&to, now, &mut self.rng).await.unwrap();
            let mut tx = to.begin().await.unwrap();

            self.cursor = store::events::newest(&mut tx).await.unwrap().0;
            let mut kept = vec![];
            for contact in contacts::all(&mut tx).await.unwrap() {
                let headings =
                    conversations::headings(&mut tx, &[contact.conversation].into()).await.unwrap();
                let history =
                    messages::history(&mut tx, contact.conversation, 10_000, None).await.unwrap();
                kept.extend(
                    history
                        .iter()
                        .map(|row| row.show(&headings[&contact.conversation], |_| Reason::Unknown)),
                );
            }

            drop(tx);
            from.close().await;
            to.close().await;

            kept
        })
    }

    fn copy(&self, number: usize) -> PathBuf {
        self.file.with_extension(format!("{number}.backup"))
    }

    /// Everything that happened since the last time.
    pub(super) async fn new_events(&mut self) -> Vec<Event> {
        let mut events = vec![];
        while let Some(handle) = self.handle() {
            let Ok(page) = handle.events(self.cursor, 1000).await else { break };
            let Some(last) = page.last() else { break };
            self.cursor = last.seq;
            events.extend(page);
        }
        events
    }

    /// An envelope comes by some other path.
    pub(super) async fn receive(&self, from: PeerId, envelope: Vec<u8>) {
        let (Some(life), Some(contact)) = (&self.life, self.row(from)) else { return };
        let received = life.handle.call(move |core, cx| {
            async move { Ok(inbox::envelope_came(core, cx, contact, envelope).await?) }.boxed()
        });
        drop(received.await);
    }

    /// What its node holds in memory, and how many tasks it has.
    pub(super) async fn weigh(&self) -> Result<(Weight, usize), NodeError> {
        let life = self.life.as_ref().unwrap();
        let weight =
            life.handle.call(|core, _| std::future::ready(Ok(Weight::of(core))).boxed()).await?;
        Ok((weight, life.tasks.len()))
    }

    /// Sealed envelopes that wait in the outbox for a contact, if a link has taken them.
    pub(super) fn envelopes(&self, to: PeerId) -> Vec<Vec<u8>> {
        let (Some(life), Some(contact)) = (&self.life, self.row(to)) else { return vec![] };
        at_once(async {
            let mut tx = life.store.begin().await.unwrap();
            let mut taken = vec![];
            for row in outbox::rows(&mut tx, contact, OutboxId(0), 50).await.unwrap() {
                let is_sent = messages::ours(&mut tx, row.conversation, row.item).await.unwrap();
                let is_sent = is_sent.is_none_or(|message| message.state != MessageStatus::Queued);
                taken.extend(row.envelope.filter(|_| is_sent));
            }
            taken
        })
    }

    fn row(&self, contact: PeerId) -> Option<ContactId> {
        let store = &self.life.as_ref()?.store;
        at_once(async {
            let mut tx = store.begin().await.unwrap();
            contacts::by_peer(&mut tx, contact).await.unwrap().map(|row| row.id)
        })
    }

    /// What is kept of the conversation with a contact.
    pub(super) fn kept(&self, contact: PeerId) -> SavedCopy {
        let (life, row) = (self.life.as_ref().unwrap(), self.row(contact).unwrap());
        at_once(async {
            let mut tx = life.store.begin().await.unwrap();
            let direct = contacts::direct(&mut tx, row).await.unwrap();
            SavedCopy {
                outbox: store::rows(&mut tx, "outbox", row).await,
                held: store::rows(&mut tx, "held", row).await,
                received: store::rows(&mut tx, "received", row).await,
                state: groups::open(&mut tx, direct.conversation).await.unwrap(),
            }
        })
    }

    /// How it sees somebody, if at all.
    pub(super) async fn regards(&self, other: PeerId) -> Option<ContactState> {
        let hex = other.to_hex();
        self.handle()?.contact(&hex).await.ok().map(|contact| contact.state)
    }
}

/// A node until it stops, or dies in the middle of a commit.
async fn live(node: Node, network: Network, who: Who, stop: CancellationToken) -> Option<Ending> {
    let ending = node.run().await;
    if ending != Ending::StoreClosed {
        return Some(ending);
    }
    sleep(LAST_WORDS).await;
    network.die(who);
    stop.cancel();
    None
}

/// How much a node holds in memory.
#[derive(Debug)]
pub(super) struct Weight {
    pub(super) links: usize,
    pub(super) in_flight: usize,
    pub(super) admitted: usize,
    pub(super) held: usize,
}

impl Weight {
    fn of(core: &Core) -> Self {
        let links = core.sessions.contacts().filter_map(|contact| core.sessions.link(contact));
        let links: Vec<_> = links.collect();
        let (admitted, held) = core.keyring.weigh();
        let in_flight = links.iter().map(|link| link.in_flight()).sum();
        Self { links: links.len(), in_flight, admitted, held }
    }
}
