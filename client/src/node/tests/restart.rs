//! Conversations restart: after a backup was restored, and over another invitation.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::*;
use crate::store::{Store, contacts, groups};

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["key", "chive.db"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

impl Person {
    fn kept(&self) -> PathBuf {
        self.directory.with_extension("kept")
    }

    async fn backs_up(&self) {
        let backup = self.node().backup(words()).await.unwrap();
        backup.write(&mut File::create(self.kept()).unwrap()).unwrap();
    }

    /// Asleep, with the state of the backup: the device of before is lost.
    async fn is_restored(&self) {
        profile::wipe(&self.directory).unwrap();
        profile::backup::restore(&self.kept(), &words(), &self.directory).await.unwrap();
    }

    /// The store of one who sleeps.
    async fn store(&self) -> Store {
        profile::open(&self.directory, &words()).await.unwrap().store
    }

    async fn executes(&self, statement: &'static str) {
        let store = self.store().await;
        let mut tx = store.begin().await.unwrap();
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        store.close().await;
    }

    /// The MLS group of the one conversation of one who sleeps.
    async fn group(&self) -> Vec<u8> {
        let store = self.store().await;
        let mut tx = store.begin().await.unwrap();
        let contact = contacts::all(&mut tx).await.unwrap().remove(0);
        let group = groups::open(&mut tx, contact.conversation).await.unwrap().unwrap();
        drop(tx);
        store.close().await;
        group.group_id()
    }

    async fn texts(&self, with: &Person) -> Vec<String> {
        self.history(with.name).await.into_iter().map(|m| m.text).collect()
    }

    /// How often the conversation with this contact restarted.
    async fn restarts(&self) -> i64 {
        let mut tx = self.node().store.begin().await.unwrap();
        let counted = "SELECT count(*) FROM event WHERE body LIKE '%conversation_restarted%'";
        let (count,): (i64,) = sqlx::query_as(counted).fetch_one(&mut *tx).await.unwrap();
        count
    }

    async fn sees_go(&self, other: &Person) {
        self.waits_until("the other to go", |p| async move { !p.is_online(other.name).await })
            .await;
    }

    async fn meets(&self, other: &Person) {
        self.waits_until("the other", |p| async move { p.is_online(other.name).await }).await;
    }

    async fn is_refused(&self, contact: &Contact, why: Reason) {
        let id = contact.id.as_str();
        let refused = |c: Contact| c.reason == Some(why.clone());
        self.waits_until(
            "the refusal",
            |p| async move { p.contact(id).await.is_some_and(&refused) },
        )
        .await;
    }
}

async fn exchange(one: &Person, other: &Person, what: &str) {
    let (there, back) = (format!("{what} there"), format!("{what} back"));
    let sent = one.sends(other.name, &there).await;
    other.sees(one.name, &there).await;
    one.delivered(&sent).await;
    let sent = other.sends(one.name, &back).await;
    one.sees(other.name, &back).await;
    other.delivered(&sent).await;
}

/// What one of them has and the other not, in the order in which it stands; the rest stands alike.
async fn lost(less: &Person, more: &Person) -> Vec<String> {
    let (less_texts, more_texts) = (less.texts(more).await, more.texts(less).await);
    let (kept, lost): (Vec<_>, Vec<_>) =
        more_texts.into_iter().partition(|text| less_texts.contains(text));
    assert_eq!(less_texts, kept, "nothing twice, and one order");
    lost
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_old_backup_loses_and_repeats_nothing() {
    for swapped in [false, true] {
        let world = World::new();
        let (alice, bob) = world.pair().await;
        // Which side made the group must not matter.
        let (alice, bob) = if swapped { (bob, alice) } else { (alice, bob) };
        restore_in_mid_conversation(alice, bob).await;
    }
}

async fn restore_in_mid_conversation(mut alice: Person, mut bob: Person) {
    exchange(&alice, &bob, "before").await;
    bob.sleep().await;
    alice.sees_go(&bob).await;
    let queued = alice.sends(bob.name, "in the backup, and sent since").await;

    alice.sleep().await;
    let group = alice.group().await;
    alice.wake().await;
    alice.backs_up().await;
    bob.wake().await;
    bob.sees(alice.name, "in the backup, and sent since").await;
    exchange(&alice, &bob, "after the backup").await;
    alice.sleep().await;
    bob.sees_go(&alice).await;
    let waiting = bob.sends(alice.name, "while Alice was away").await;
    alice.is_restored().await;
    alice.wake().await;
    alice.sees(bob.name, "while Alice was away").await;
    bob.delivered(&waiting).await;
    alice.delivered(&queued).await;
    exchange(&alice, &bob, "at last").await;
    assert_eq!(lost(&alice, &bob).await, ["after the backup there", "after the backup back"]);
    let gaps: Vec<_> =
        alice.history(bob.name).await.into_iter().filter(|m| m.missing_before > 0).collect();
    assert_eq!(
        gaps.iter().map(|m| (m.text.as_str(), m.missing_before)).collect::<Vec<_>>(),
        [("while Alice was away", 1)]
    );
    assert!(
        bob.history(alice.name).await.iter().all(|m| m.missing_before == 0),
        "another number is no gap"
    );
    assert_eq!((alice.restarts().await, bob.restarts().await), (1, 1));
    alice.sleep().await;
    bob.sleep().await;
    assert!(alice.group().await != group, "no key of before is used again");
    assert_eq!(alice.group().await, bob.group().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_backup_restored_twice_restarts_twice() {
    let world = World::new();
    let (mut alice, bob) = world.pair().await;

    alice.backs_up().await;
    let mut groups = vec![];
    for time in ["first", "second"] {
        alice.sleep().await;
        alice.is_restored().await;
        alice.wake().await;
        exchange(&alice, &bob, time).await;
        alice.sleep().await;
        groups.push(alice.group().await);
        alice.wake().await;
        alice.meets(&bob).await;
    }

    exchange(&alice, &bob, "third").await;
    assert_eq!(lost(&alice, &bob).await, ["first there", "first back"]);
    assert!(groups[0] != groups[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_restored_at_once_agree_on_one_conversation() {
    for _ in 0..2 {
        let world = World::new();
        let (mut alice, mut bob) = world.pair().await;

        exchange(&alice, &bob, "before").await;
        bob.backs_up().await;
        alice.backs_up().await;
        alice.meets(&bob).await;
        exchange(&alice, &bob, "lost").await;
        bob.sleep().await;
        alice.sees_go(&bob).await;
        alice.sleep().await;
        for person in [&mut alice, &mut bob] {
            person.is_restored().await;
            person.wake().await;
        }

        exchange(&alice, &bob, "after").await;
        assert!(lost(&alice, &bob).await.is_empty());
        alice.sleep().await;
        bob.sleep().await;
        assert_eq!(alice.group().await, bob.group().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_who_was_away_at_the_restore_is_told_when_it_comes() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;

    alice.backs_up().await;
    alice.meets(&bob).await;
    let there = bob.sends("Alice", "there").await;
    bob.delivered(&there).await;
    bob.sleep().await;
    alice.sleep().await;
    alice.is_restored().await;
    alice.wake().await;
    let early = alice.sends("Bob", "written before Bob knew").await;
    assert!(matches!(early.reason, Some(Reason::RestartPending { .. })), "{early:?}");
    alice.sleep().await;
    alice.wake().await;
    bob.wake().await;
    bob.sees("Alice", "written before Bob knew").await;
    exchange(&bob, &alice, "later").await;
    assert_eq!(lost(&alice, &bob).await, ["there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_is_repeated_and_nothing_begins_twice() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;
    alice.backs_up().await;
    alice.sleep().await;
    alice.is_restored().await;
    let waiting = bob.sends("Alice", "waits").await;

    // As if Alice were killed with the answer in her hands, and then Bob.
    alice
        .executes(
            "CREATE TRIGGER crash BEFORE INSERT ON mls_group BEGIN SELECT RAISE(ABORT, \
                   'crash'); END",
        )
        .await;
    alice.wake().await;
    bob.waits_until("the request", |p| async move { p.restarts().await == 1 }).await;
    alice.sleep().await;
    bob.sleep().await;
    let made = bob.group().await;

    alice.executes("DROP TRIGGER crash").await;
    bob.wake().await;
    alice.wake().await;
    bob.delivered(&waiting).await;
    exchange(&alice, &bob, "after").await;
    assert!(lost(&alice, &bob).await.is_empty());
    assert_eq!(bob.restarts().await, 1);
    alice.sleep().await;
    assert_eq!(alice.group().await, made);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_not_stored_is_not_given() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;

    alice.backs_up().await;
    alice.sleep().await;
    bob.sleep().await;
    alice.is_restored().await;
    bob.executes(
        "CREATE TRIGGER crash BEFORE INSERT ON mls_group BEGIN SELECT RAISE(ABORT, 'crash'); END",
    )
    .await;
    bob.wake().await;
    alice.wake().await;
    alice.meets(&bob).await;
    let early = alice.sends("Bob", "early").await;
    let waiting = bob.sends("Alice", "in the conversation of before").await;
    bob.sleep().await;
    alice.sees_go(&bob).await;
    bob.executes("DROP TRIGGER crash").await;
    bob.wake().await;
    alice.delivered(&early).await;
    bob.delivered(&waiting).await;
    exchange(&alice, &bob, "after").await;
    assert!(lost(&alice, &bob).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_profile_is_found_at_its_old_endpoint() {
    let world = World::new();
    let (mut alice, mut bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    bob.adds(&alice).await;
    carol.adds(&alice).await;
    alice.backs_up().await;
    alice.meets(&bob).await;
    alice.node().remove_contact("Carol").await.unwrap();

    // Bob has the new card when he receipts what was sent after it.
    let after = alice.sends("Bob", "after the card").await;
    alice.delivered(&after).await;
    alice.sleep().await;
    alice.is_restored().await;
    alice.wake().await;
    alice.meets(&bob).await;
    exchange(&alice, &bob, "restored").await;
    alice.sleep().await;
    bob.sleep().await;

    // From now on only Bob's dial can bring them together: to where the restored profile is.
    alice.lag = Duration::from_hours(1);
    alice.wake().await;
    bob.wake().await;
    bob.meets(&alice).await;

    // Who was removed since the backup is a contact again.
    assert!(alice.contact("Carol").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_newer_than_the_backup_is_found_by_another_link() {
    for restored_invites in [true, false] {
        let world = World::new();
        let (mut alice, bob) = (world.person("Alice").await, world.person("Bob").await);

        alice.backs_up().await;
        bob.adds(&alice).await;
        let verified = ContactChange { verified: Some(true), ..ContactChange::default() };
        bob.node().change_contact("Alice", verified).await.unwrap();
        exchange(&alice, &bob, "lost").await;
        alice.sleep().await;
        bob.sees_go(&alice).await;
        let waiting = bob.sends("Alice", "waits").await;
        alice.is_restored().await;
        alice.wake().await;
        assert!(alice.node().contacts().await.unwrap().is_empty());
        let (inviter, opener) = if restored_invites { (&alice, &bob) } else { (&bob, &alice) };
        opener.opens(&inviter.invitation().await).await.unwrap();
        bob.delivered(&waiting).await;
        exchange(&alice, &bob, "found").await;
        assert_eq!(lost(&alice, &bob).await, ["lost there", "lost back"]);
        assert!(bob.contact("Alice").await.unwrap().verified, "it is the same identity");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_who_moved_since_the_backup_find_each_other_by_a_link() {
    for restored_invites in [true, false] {
        let world = World::new();
        let (mut alice, bob) = world.pair().await;
        alice.backs_up().await;
        alice.sleep().await;
        alice.is_restored().await;

        // As if both had moved: neither knows where the other is.
        alice.executes("UPDATE contact SET endpoint = randomblob(32)").await;
        alice.executes("UPDATE service SET seed = randomblob(32)").await;
        bob.sees_go(&alice).await;
        alice.wake().await;
        let (one, other) =
            (alice.sends("Bob", "from Alice").await, bob.sends("Alice", "from Bob").await);
        let (inviter, opener) = if restored_invites { (&alice, &bob) } else { (&bob, &alice) };

        opener.opens(&inviter.invitation().await).await.unwrap();
        alice.delivered(&one).await;
        bob.delivered(&other).await;
        exchange(&alice, &bob, "found").await;
        assert!(lost(&alice, &bob).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_removed_us_can_return_and_gets_what_waits() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let link = alice.invitation().await;
    bob.node().remove_contact("Alice").await.unwrap();
    alice.sees_go(&bob).await;
    let waiting = alice.sends("Bob", "waits").await;
    bob.opens(&link).await.unwrap();
    alice.delivered(&waiting).await;
    exchange(&bob, &alice, "again").await;

    // The use of the link is Bob's: it serves him once more, and nobody else.
    bob.node().remove_contact("Alice").await.unwrap();
    alice.sees_go(&bob).await;
    let carol = world.person("Carol").await;
    carol.is_refused(&carol.opens(&link).await.unwrap(), Reason::InvitationUsed).await;
    bob.opens(&link).await.unwrap();
    bob.meets(&alice).await;
    exchange(&bob, &alice, "once more").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_over_begins_nothing_anew_and_ends_nothing() {
    let world = World::new();
    let (mut alice, bob) = world.pair().await;
    let link = alice.invitation().await;
    let all = alice.node().invitations().await.unwrap();
    for one in all {
        alice.node().revoke(&one.id).await.unwrap();
    }

    alice.sleep().await;
    bob.sees_go(&alice).await;
    let contact = bob.opens(&link).await.unwrap();
    assert_eq!(contact.state, ContactState::Accepted, "a contact of before stays one");
    alice.wake().await;

    // Refused there, and linked as before.
    bob.meets(&alice).await;
    exchange(&alice, &bob, "as before").await;
    bob.node().remove_contact("Alice").await.unwrap();
    bob.is_refused(&bob.opens(&link).await.unwrap(), Reason::AlreadyContact).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_of_a_restored_profile_breaks_nothing() {
    let world = World::new();
    let (mut alice, bob) = world.pair().await;

    alice.backs_up().await;
    alice.sleep().await;
    let old = alice.directory.with_extension("old");
    copy(&alice.directory, &old);
    alice.is_restored().await;
    alice.wake().await;
    exchange(&alice, &bob, "restored").await;
    alice.sleep().await;
    bob.sees_go(&alice).await;
    let network = world.network.clone();
    let mut copied = Person::asleep("Alice", old, network);
    copied.wake().await;
    copied.meets(&bob).await;
    let unheard = copied.sends("Bob", "from the old copy").await;
    let to_it = bob.sends("Alice", "to whom?").await;
    let id = unheard.id.as_str();
    copied.waits_until("sent", |p| async move { p.state(id).await == MessageState::Sent }).await;
    copied.sleep().await;
    alice.wake().await;
    bob.delivered(&to_it).await;
    exchange(&alice, &bob, "as ever").await;
    assert!(!bob.has("Alice", "from the old copy").await);
    assert!(lost(&alice, &bob).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_request_uses_another_key_package() {
    let world = World::new();
    let (mut alice, mut bob) = (world.person("Alice").await, world.person("Bob").await);
    let link = bob.invitation().await;

    bob.sleep().await;
    alice.opens(&link).await.unwrap();
    alice.backs_up().await;
    bob.wake().await;
    alice.meets(&bob).await;
    exchange(&alice, &bob, "lost").await;
    alice.sleep().await;
    bob.sees_go(&alice).await;
    let waiting = bob.sends("Alice", "waits").await;
    alice.is_restored().await;
    alice.wake().await;
    bob.delivered(&waiting).await;
    exchange(&alice, &bob, "again").await;
    assert_eq!(lost(&alice, &bob).await, ["lost there", "lost back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_while_it_is_backed_up() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    for n in 0..100 {
        alice.sends("Bob", &format!("{n}")).await;
    }
    let ((), sent) = tokio::join!(alice.backs_up(), async {
        let sent = alice.sends("Bob", "meanwhile").await;
        alice.delivered(&sent).await;
        sent
    });
    bob.sees("Alice", "meanwhile").await;
    assert_eq!(alice.state(&sent.id).await, MessageState::Delivered);
}
