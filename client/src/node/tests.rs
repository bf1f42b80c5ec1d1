//! Tests with two or three people on a network inside this process: the real node, the real store.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{
    Ending, INCOMING_QUEUE, KeyUpdates, Links, NodeHandle, Parts, Running, SharedTransport, start,
};
use crate::api::types::{
    Contact, ContactChange, ContactState, Conversation, Decision, Direction, ErrorCode, Message,
    MessageState, NewContact, NewInvitation, NewMessage, Presence, What,
};
use crate::clock::Clock;
use crate::identity::Identity;
use crate::invitation::{Invitation, InvitationSecret};
use crate::model::{Reason, UnixMillis};
use crate::profile::{self, Passphrase, Profile};
use crate::store::{Store, handles, owner as own};
use crate::transport::memory::{MemoryNetwork, MemoryTransport};
use chive_shared::server::ServerId;

mod contacts;
mod delivery;
mod floods;
mod mallory;
mod misbehaving_contacts;
mod owner;
mod restart;
mod retention;
mod times;
mod upgrade;

/// Nothing in these stories takes so long.
const DEADLINE: Duration = Duration::from_mins(5);

struct Person {
    name: &'static str,
    directory: PathBuf,
    network: MemoryNetwork,
    running: Option<Running>,
    /// How long its dials take.
    lag: Duration,
    links: Links,
    /// How far its clock is off, in milliseconds.
    clock_off: Arc<AtomicI64>,
    store: Option<Store>,
    transport: Option<Arc<MemoryTransport>>,
}

/// A network, and where its people keep their profiles.
struct World {
    network: MemoryNetwork,
    parent: TempDir,
}

impl World {
    fn new() -> Self {
        let filter = tracing_subscriber::EnvFilter::from_env("CHIVE_LOG");
        let _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
        Self { network: MemoryNetwork::default(), parent: tempfile::tempdir().unwrap() }
    }

    async fn person(&self, name: &'static str) -> Person {
        let directory = self.parent.path().join(name);
        profile::create(&directory, name, &words()).await.unwrap();
        let mut person = Person::asleep(name, directory, self.network.clone());
        person.wake().await;
        person
    }

    /// Two strangers, the one with the higher peer id first: the lower one answers a request though
    /// it has one of its own.
    async fn two_by_id(&self) -> (Person, Person) {
        let (one, other) = (self.person("Alice").await, self.person("Bob").await);
        if one.identity().await.peer_id() > other.identity().await.peer_id() {
            (one, other)
        } else {
            (other, one)
        }
    }

    /// Waits until so many streams are dialled or open.
    async fn has_streams(&self, n: usize) {
        let mut all = self.network.open_streams();
        let settled = timeout(DEADLINE, all.wait_for(|all| *all == n)).await.is_ok();
        assert!(settled, "there are {} streams, not {n}", *all.borrow());
    }

    /// Two people who are contacts already.
    async fn pair(&self) -> (Person, Person) {
        let (alice, bob) = (self.person("Alice").await, self.person("Bob").await);
        bob.adds(&alice).await;
        (alice, bob)
    }
}

fn words() -> Passphrase {
    Passphrase::new("correct horse".into())
}

impl Person {
    /// Somebody with a profile whose node does not run.
    fn asleep(name: &'static str, directory: PathBuf, network: MemoryNetwork) -> Self {
        Self {
            name,
            directory,
            network,
            running: None,
            lag: Duration::ZERO,
            links: Links::Always,
            clock_off: Arc::default(),
            store: None,
            transport: None,
        }
    }

    fn node(&self) -> &NodeHandle {
        &self.running.as_ref().unwrap().handle
    }

    /// Time passes on this person's clock.
    fn waits(&self, time: Duration) {
        self.clock_off.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    async fn wake(&mut self) {
        let profile = self.unlocks().await;
        self.starts(profile).await;
    }

    async fn unlocks(&self) -> Profile {
        profile::open(&self.directory, &words()).await.unwrap()
    }

    async fn starts(&mut self, profile: Profile) {
        let (clock, off) = (Clock::system(), Arc::clone(&self.clock_off));
        let (incoming, streams) = mpsc::channel(INCOMING_QUEUE);
        let transport = Arc::new(self.network.transport(incoming).with_lag(self.lag));
        let parts = Parts {
            store: profile.store.clone(),
            transport: Arc::clone(&transport) as SharedTransport,
            incoming: streams,
            directory: profile.directory.clone(),
            clock: Clock::new(move || UnixMillis(clock.now().0 + off.load(Ordering::Relaxed))),
            rng: StdRng::from_os_rng(),
            key_updates: KeyUpdates { after_messages: 100, not_before: Duration::ZERO },
            links: self.links,
        };

        self.running = Some(start(parts).await.unwrap());
        self.transport = Some(transport);
        self.store = Some(profile.store);
    }

    /// Its clock shows so many days more from now on.
    fn days_pass(&self, days: i64) {
        self.clock_off.fetch_add(days * 24 * 3600 * 1000, Ordering::Relaxed);
    }

    /// A number out of its store.
    async fn counts(&self, sql: &'static str) -> i64 {
        let mut tx = self.store.as_ref().unwrap().begin().await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap()
    }

    async fn identity(&self) -> Identity {
        let mut tx = self.store.as_ref().unwrap().begin().await.unwrap();
        Identity::new(&own::load(&mut tx).await.unwrap().root)
    }

    async fn sleep(&mut self) {
        let running = self.running.take().unwrap();
        running.stop.cancel();
        assert_eq!(running.ended.await.unwrap(), Ending::Stopped);
    }

    async fn invitation(&self) -> String {
        self.node().invite(NewInvitation::default()).await.unwrap().link.unwrap()
    }

    /// Is found by a handle from now on, as by this link.
    async fn has_handle(&mut self) -> String {
        let invited = Invitation::parse(&self.invitation().await).unwrap();
        let secret = InvitationSecret([7; 16]);
        let mut tx = self.store.as_ref().unwrap().begin().await.unwrap();
        handles::claim(&mut tx, ServerId([9; 32]), &"alice".parse().unwrap(), &secret)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        self.sleep().await;
        self.wake().await;
        Invitation { secret, ..invited }.to_link().to_string()
    }

    async fn opens(&self, link: &str) -> Result<Contact, ErrorCode> {
        self.node()
            .add_contact(NewContact { link: link.into(), name: None, message: None })
            .await
            .map_err(|error| error.code)
    }

    async fn adds(&self, other: &Person) {
        self.opens(&other.invitation().await).await.unwrap();
        self.waits_until("the other is online", |p| async move { p.is_online(other.name).await })
            .await;
        other
            .waits_until("the other is online", |p| async move { p.is_online(self.name).await })
            .await;
    }

    async fn contact(&self, name: &str) -> Option<Contact> {
        self.node().contact(name).await.ok()
    }

    async fn conversation(&self, with: &str) -> Conversation {
        self.node().conversation(with).await.unwrap()
    }

    async fn is_online(&self, name: &str) -> bool {
        self.contact(name).await.is_some_and(|contact| contact.presence == Presence::Online)
    }

    async fn sends(&self, to: &str, text: &str) -> Message {
        let new = NewMessage { text: text.into(), id: None, expires_in: None };
        self.node().send(to, new).await.unwrap()
    }

    async fn history(&self, with: &str) -> Vec<Message> {
        self.node().history(with, 1000, None).await.unwrap()
    }

    async fn has(&self, from: &str, text: &str) -> bool {
        self.history(from)
            .await
            .iter()
            .any(|m| m.text == text && m.direction == Direction::Received)
    }

    async fn sees(&self, from: &str, text: &str) {
        self.waits_until(text, |p| async move { p.has(from, text).await }).await;
    }

    async fn state(&self, id: &str) -> MessageState {
        self.node().message(id).await.unwrap().state
    }

    async fn delivered(&self, message: &Message) {
        self.waits_until("delivery", |p| async move {
            p.state(&message.id).await == MessageState::Delivered
        })
        .await;
    }

    /// Looks again whenever something happened.
    async fn waits_until<'a, F: Future<Output = bool>>(
        &'a self,
        what: &str,
        check: impl Fn(&'a Person) -> F,
    ) {
        let mut newest = self.node().newest_event();
        let wait = async {
            while !check(self).await {
                newest.changed().await.unwrap();
            }
        };
        let done = timeout(DEADLINE, wait).await;
        assert!(
            done.is_ok(),
            "{} waits in vain for: {what}; contacts {:#?}",
            self.name,
            self.node().contacts().await
        );
    }
}

fn order(history: &[Message]) -> Vec<String> {
    history.iter().map(|m| m.id.clone()).collect()
}
