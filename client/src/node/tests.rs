//! Stories of two and three people on a network inside this process: the real node, the real store.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Ending, INCOMING_QUEUE, NodeHandle, Parts, Running, SharedTransport, start};
use crate::api::types::{
    Contact, ContactChange, ContactState, Direction, ErrorCode, Message, MessageState, NewContact, NewInvitation,
    NewMessage, Presence, What,
};
use crate::profile::{self, Passphrase};
use crate::transport::memory::{MemoryNetwork, MemoryTransport};

/// Nothing in these stories takes so long.
const DEADLINE: Duration = Duration::from_mins(1);

struct Person {
    name: &'static str,
    directory: PathBuf,
    network: MemoryNetwork,
    running: Option<Running>,
    /// How long its dials take.
    lag: Duration,
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
        let mut person = Person {
            name,
            directory,
            network: self.network.clone(),
            running: None,
            lag: Duration::ZERO,
            transport: None,
        };
        person.wake().await;
        person
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
    fn node(&self) -> &NodeHandle {
        &self.running.as_ref().unwrap().handle
    }

    async fn wake(&mut self) {
        let profile = profile::open(&self.directory, &words()).await.unwrap();
        let (incoming, streams) = mpsc::channel(INCOMING_QUEUE);
        let transport = Arc::new(self.network.transport(incoming).with_lag(self.lag));
        let parts = Parts {
            store: profile.store.clone(),
            transport: Arc::clone(&transport) as SharedTransport,
            incoming: streams,
            directory: profile.directory.clone(),
            rng: StdRng::from_os_rng(),
        };
        self.running = Some(start(parts).await.unwrap());
        self.transport = Some(transport);
    }

    async fn sleep(&mut self) {
        let running = self.running.take().unwrap();
        running.stop.cancel();
        assert_eq!(running.ended.await.unwrap(), Ending::Stopped);
    }

    async fn invitation(&self) -> String {
        self.node().invite(NewInvitation::default()).await.unwrap().link.unwrap()
    }

    async fn opens(&self, link: &str) -> Result<Contact, ErrorCode> {
        self.node().add_contact(NewContact { link: link.into(), name: None }).await.map_err(|fault| fault.code)
    }

    async fn adds(&self, other: &Person) {
        self.opens(&other.invitation().await).await.unwrap();
        self.waits_until("the other is online", |p| async move { p.is_online(other.name).await }).await;
        other.waits_until("the other is online", |p| async move { p.is_online(self.name).await }).await;
    }

    async fn contact(&self, name: &str) -> Option<Contact> {
        self.node().contact(name).await.ok()
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
        self.history(from).await.iter().any(|m| m.text == text && m.direction == Direction::Received)
    }

    async fn sees(&self, from: &str, text: &str) {
        self.waits_until(text, |p| async move { p.has(from, text).await }).await;
    }

    async fn state(&self, id: &str) -> MessageState {
        self.node().message(id).await.unwrap().state
    }

    async fn delivered(&self, message: &Message) {
        self.waits_until("delivery", |p| async move { p.state(&message.id).await == MessageState::Delivered }).await;
    }

    /// Looks again whenever something happened.
    async fn waits_until<'a, F: Future<Output = bool>>(&'a self, what: &str, check: impl Fn(&'a Person) -> F) {
        let mut newest = self.node().newest_event();
        let wait = async {
            while !check(self).await {
                newest.changed().await.unwrap();
            }
        };
        let done = timeout(DEADLINE, wait).await;
        assert!(done.is_ok(), "{} waits in vain for: {what}; contacts {:#?}", self.name, self.node().contacts().await);
    }
}

fn order(history: &[Message]) -> Vec<String> {
    history.iter().map(|m| m.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_become_contacts_and_talk() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let sent = bob.sends("Alice", "hello").await;
    alice.sees("Bob", "hello").await;
    bob.delivered(&sent).await;
    alice.sends("Bob", "hello yourself").await;
    bob.sees("Alice", "hello yourself").await;
    let (a, b) = (alice.contact("Bob").await.unwrap(), bob.contact("Alice").await.unwrap());
    assert_eq!(a.safety_number, b.safety_number);
    assert!(a.safety_number.is_some());
    assert_eq!(order(&alice.history("Bob").await), order(&bob.history("Alice").await));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invitation_opened_while_its_inviter_is_away_succeeds_later() {
    let world = World::new();
    let (mut alice, bob) = (world.person("Alice").await, world.person("Bob").await);
    let link = alice.invitation().await;
    alice.sleep().await;
    let contact = bob.opens(&link).await.unwrap();
    assert_eq!(contact.state, ContactState::Requested);
    let early = bob.sends(&contact.name, "written before you answered").await;
    assert_eq!(early.state, MessageState::Queued);
    alice.wake().await;
    alice.waits_until("Bob", |p| async move { p.is_online("Bob").await }).await;
    alice.sees("Bob", "written before you answered").await;
    bob.delivered(&early).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_in_the_store_for_a_contact_who_is_away_and_arrive_once() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;
    alice.sleep().await;
    for n in 0..10 {
        bob.sends("Alice", &format!("message {n}")).await;
    }
    bob.sleep().await;
    alice.wake().await;
    bob.wake().await;
    alice.sees("Bob", "message 9").await;
    let texts: Vec<String> = alice.history("Bob").await.into_iter().map(|m| m.text).collect();
    assert_eq!(texts, (0..10).map(|n| format!("message {n}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_keep_one_order_and_one_mls_group_through_many_updates() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let (a, b) = tokio::join!(
        async {
            let mut last = None;
            for n in 0..400 {
                last = Some(alice.sends("Bob", &format!("a{n}")).await);
            }
            last.unwrap()
        },
        async {
            let mut last = None;
            for n in 0..400 {
                last = Some(bob.sends("Alice", &format!("b{n}")).await);
            }
            last.unwrap()
        }
    );
    alice.delivered(&a).await;
    bob.delivered(&b).await;
    alice.waits_until("all", |p| async move { p.history("Bob").await.len() == 800 }).await;
    bob.waits_until("all", |p| async move { p.history("Alice").await.len() == 800 }).await;
    assert_eq!(order(&alice.history("Bob").await), order(&bob.history("Alice").await));
    assert!(alice.history("Bob").await.iter().all(|m| m.missing_before == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_expired_revoked_own_or_known_link_is_refused_with_its_reason() {
    let world = World::new();
    let (alice, bob, carol) = (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    let (used, revoked) = (alice.invitation().await, alice.invitation().await);
    let all = alice.node().invitations().await.unwrap();
    let revoked_id = all.into_iter().find(|one| one.link.as_deref() == Some(&revoked)).unwrap().id;
    alice.node().revoke(&revoked_id).await.unwrap();
    assert_eq!(alice.opens(&used).await.unwrap_err(), ErrorCode::OwnLink);
    bob.opens(&used).await.unwrap();
    bob.waits_until("Alice", |p| async move { p.is_online("Alice").await }).await;
    assert_eq!(bob.opens(&alice.invitation().await).await.unwrap_err(), ErrorCode::AlreadyContact);
    for (link, why) in [(used, "has been used"), (revoked, "taken back")] {
        let contact = carol.opens(&link).await.unwrap();
        let id = contact.id.as_str();
        carol
            .waits_until(why, |p| async move { p.contact(id).await.is_some_and(|c| c.state == ContactState::Refused) })
            .await;
        assert!(carol.contact(id).await.unwrap().reason.unwrap().contains(why));
    }
    assert_eq!(bob.opens("chive:nonsense").await.unwrap_err(), ErrorCode::InvalidLink);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_open_each_others_links_at_once_become_contacts_once() {
    // Whose question is slow must not matter.
    for (slow_alice, slow_bob) in [(0, 0), (1, 0), (0, 1)] {
        cross(Duration::from_secs(slow_alice), Duration::from_secs(slow_bob)).await;
    }
}

async fn cross(slow_alice: Duration, slow_bob: Duration) {
    let world = World::new();
    let (mut alice, mut bob) = (world.person("Alice").await, world.person("Bob").await);
    let (from_alice, from_bob) = (alice.invitation().await, bob.invitation().await);
    (alice.lag, bob.lag) = (slow_alice, slow_bob);
    alice.sleep().await;
    bob.opens(&from_alice).await.unwrap();
    bob.sleep().await;
    alice.wake().await;
    alice.opens(&from_bob).await.unwrap();
    bob.wake().await;
    alice.waits_until("Bob", |p| async move { p.is_online("Bob").await }).await;
    bob.waits_until("Alice", |p| async move { p.is_online("Alice").await }).await;
    let crossed = bob.sends("Alice", "crossed").await;
    bob.delivered(&crossed).await;
    alice.sees("Bob", "crossed").await;
    assert_eq!((alice.node().contacts().await.unwrap().len(), bob.node().contacts().await.unwrap().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_can_be_taken_back_before_it_leaves_and_leaves_no_gap() {
    let world = World::new();
    let (mut alice, bob) = world.pair().await;
    alice.sleep().await;
    bob.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    let regretted = bob.sends("Alice", "regretted").await;
    let kept = bob.sends("Alice", "kept").await;
    assert_eq!(bob.node().cancel(&regretted.id).await.unwrap().state, MessageState::Cancelled);
    alice.wake().await;
    bob.delivered(&kept).await;
    let history = alice.history("Bob").await;
    assert_eq!(history.iter().map(|m| (m.text.as_str(), m.missing_before)).collect::<Vec<_>>(), [("kept", 0)]);
    assert_eq!(bob.node().cancel(&kept.id).await.unwrap_err().code, ErrorCode::AlreadySent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_seems_lost_is_found_again_by_dialling() {
    let world = World::new();
    let (mut alice, bob) = world.pair().await;
    alice.sleep().await;
    bob.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    bob.transport.as_ref().unwrap().seems_ready(false);
    let sent = bob.sends("Alice", "anybody there?").await;
    // Only Bob's dial can bring them together.
    alice.lag = Duration::from_hours(1);
    alice.wake().await;
    bob.delivered(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_comes_late_is_marked_where_it_stands() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;
    bob.sleep().await;
    alice.waits_until("Bob to go", |p| async move { !p.is_online("Bob").await }).await;
    alice.sends("Bob", "one").await;
    alice.sends("Bob", "two").await;
    alice.sleep().await;
    bob.wake().await;
    bob.sends("Alice", "unaware").await;
    alice.wake().await;
    alice.sees("Bob", "unaware").await;
    bob.sees("Alice", "two").await;
    let late: Vec<String> = alice.history("Bob").await.into_iter().filter(|m| m.late).map(|m| m.text).collect();
    assert_eq!(late, ["unaware"]);
    assert!(bob.history("Alice").await.iter().all(|m| !m.late || m.text == "one"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_was_not_delivered_in_its_time_expires() {
    let world = World::new();
    let (mut alice, bob) = world.pair().await;
    alice.sleep().await;
    bob.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    let new = NewMessage { text: "soon".into(), id: None, expires_in: Some(1) };
    let message = bob.node().send("Alice", new).await.unwrap();
    let id = message.id.as_str();
    bob.waits_until("expiry", |p| async move { p.state(id).await == MessageState::Expired }).await;
    alice.wake().await;
    let later = bob.sends("Alice", "later").await;
    bob.delivered(&later).await;
    assert!(!alice.has("Bob", "soon").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_contact_is_refused_and_the_others_follow_to_the_new_endpoint() {
    let world = World::new();
    let (alice, mut bob, carol) = (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    bob.adds(&alice).await;
    carol.adds(&alice).await;
    bob.sleep().await;
    let door = |link: String| crate::invitation::Invitation::parse(&link).unwrap().front_door;
    let before = door(alice.invitation().await);
    alice.node().remove_contact("Carol").await.unwrap();
    assert!(door(alice.invitation().await) != before, "the front door is another, too");
    carol.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    assert_eq!(alice.running.as_ref().unwrap().handle.status().await.unwrap().contacts, 1);
    let lost = carol.sends("Alice", "are you there?").await;
    bob.wake().await;
    bob.waits_until("Alice", |p| async move { p.is_online("Alice").await }).await;
    let sent = bob.sends("Alice", "I found you").await;
    bob.delivered(&sent).await;
    bob.sleep().await;
    bob.wake().await;
    bob.waits_until("Alice again", |p| async move { p.is_online("Alice").await }).await;
    assert_ne!(carol.state(&lost.id).await, MessageState::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_who_removed_us_is_told_to_be_removed_too_before_beginning_again() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let sent = bob.sends("Alice", "before").await;
    bob.delivered(&sent).await;
    bob.node().remove_contact("Alice").await.unwrap();
    alice.waits_until("Bob to go", |p| async move { !p.is_online("Bob").await }).await;
    let contact = bob.opens(&alice.invitation().await).await.unwrap();
    let id = contact.id.as_str();
    bob.waits_until("no", |p| async move { p.contact(id).await.is_some_and(|c| c.state == ContactState::Refused) })
        .await;
    assert!(bob.contact(id).await.unwrap().reason.unwrap().contains("ask for your removal there"));
    alice.node().remove_contact("Bob").await.unwrap();
    bob.adds(&alice).await;
    let again = bob.sends("Alice", "after").await;
    bob.delivered(&again).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_on_after_a_contact_with_many_of_them_was_removed() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let before = *alice.node().newest_event().borrow();
    for n in 0..30 {
        bob.sends("Alice", &format!("{n}")).await;
    }
    alice.sees("Bob", "29").await;
    alice.node().remove_contact("Bob").await.unwrap();
    let page = alice.node().events(before, 10).await.unwrap();
    assert!(page.iter().any(|event| matches!(event.what, What::ContactRemoved { .. })), "{page:?}");
    let future = alice.node().events(i64::MAX, 10).await.unwrap_err();
    assert_eq!(future.code, ErrorCode::CursorExpired);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_cannot_take_the_id_of_another_as_its_name() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let id = alice.contact("Bob").await.unwrap().id;
    let rename = ContactChange { name: Some(id.clone()), ..ContactChange::default() };
    assert_eq!(alice.node().change_contact("Bob", rename).await.unwrap_err().code, ErrorCode::InvalidName);
    assert_eq!(crate::text::safe_name(&id), "unnamed");
    assert_eq!(alice.contact(&id).await.unwrap().name, "Bob");
    drop(bob);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_contact_is_not_heard_until_it_is_unblocked() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let change = |blocked| ContactChange { blocked: Some(blocked), ..ContactChange::default() };
    let blocked = alice.node().change_contact("Bob", change(true)).await.unwrap();
    assert_eq!(blocked.state, ContactState::Blocked);
    bob.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    let sent = bob.sends("Alice", "hello?").await;
    let refused = alice.node().send("Bob", NewMessage { text: "x".into(), id: None, expires_in: None }).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ContactBlocked);
    alice.node().change_contact("Bob", change(false)).await.unwrap();
    bob.delivered(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_id_sends_nothing_twice() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let new = |text: &str| NewMessage { text: text.into(), id: Some("ab".repeat(16)), expires_in: None };
    let first = bob.node().send("Alice", new("once")).await.unwrap();
    let again = bob.node().send("Alice", new("once")).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(bob.node().send("Alice", new("other")).await.unwrap_err().code, ErrorCode::IdTaken);
    bob.delivered(&first).await;
    assert_eq!(alice.history("Bob").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_texts_names_and_numbers_are_refused() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let send = |text: String| NewMessage { text, id: None, expires_in: None };
    for text in [String::new(), "x".repeat(63 * 1024 + 1)] {
        assert_eq!(bob.node().send("Alice", send(text)).await.unwrap_err().code, ErrorCode::InvalidText);
    }
    let largest = bob.node().send("Alice", send("x".repeat(63 * 1024))).await.unwrap();
    bob.delivered(&largest).await;
    assert_eq!(bob.node().send("Nobody", send("x".into())).await.unwrap_err().code, ErrorCode::UnknownContact);
    let rename = |name: &str| ContactChange { name: Some(name.into()), ..ContactChange::default() };
    for name in ["", "  ", "a\u{202e}b", "a\0b", &"x".repeat(65)] {
        let refused = bob.node().change_contact("Alice", rename(name)).await.unwrap_err();
        assert_eq!(refused.code, ErrorCode::InvalidName, "{name:?}");
    }
    let uses = NewInvitation { uses: Some(0), expires_in: None };
    assert_eq!(alice.node().invite(uses).await.unwrap_err().code, ErrorCode::OutOfRange);
    let life = NewInvitation { uses: None, expires_in: Some(u64::MAX) };
    assert_eq!(alice.node().invite(life).await.unwrap_err().code, ErrorCode::OutOfRange);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_tell_the_whole_story_to_one_who_resumes() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let before = *alice.node().newest_event().borrow();
    let sent = bob.sends("Alice", "for the record").await;
    bob.delivered(&sent).await;
    alice.sees("Bob", "for the record").await;
    let events = alice.node().events(before, 1000).await.unwrap();
    let texts =
        events.iter().filter(|e| matches!(&e.what, What::Message { message } if message.text == "for the record"));
    assert_eq!(texts.count(), 1);
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_node_ends_and_says_so() {
    let world = World::new();
    let (alice, _bob) = world.pair().await;
    let Person { running, directory, .. } = alice;
    let running = running.unwrap();
    running.handle.wipe().await.unwrap();
    assert_eq!(running.ended.await.unwrap(), Ending::Wiped);
    assert!(!directory.join("key").exists(), "without its key the store is noise");
}
