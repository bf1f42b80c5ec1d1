//! Search, disappearing messages, read receipts, retention and drafts: what is kept, found and
//! deleted, and what the contact learns.

use super::*;
use crate::api::types::{ConversationChange, MarkRead, Policy, Search};
use crate::limits::MAX_DRAFT;

fn search(text: &str, conversation: Option<&str>) -> Search {
    Search {
        text: text.into(),
        conversation: conversation.map(str::to_owned),
        limit: 50,
        before: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_by_its_words() {
    let world = World::new();
    let (alice, bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);

    bob.adds(&alice).await;
    carol.adds(&alice).await;
    bob.sends("Alice", "Meet me at the harbour").await;
    alice.sees("Bob", "Meet me at the harbour").await;
    alice.sends("Carol", "Bob waits at the HARBOUR").await;
    let texts = |found: Vec<Message>| found.into_iter().map(|m| m.text).collect::<Vec<_>>();
    let everywhere = alice.node().search(search("harbour", None)).await.unwrap();
    assert_eq!(texts(everywhere), ["Bob waits at the HARBOUR", "Meet me at the harbour"]);
    let within = alice.node().search(search("harbour", Some("Bob"))).await.unwrap();
    let (id, direction) = (within[0].id.clone(), within[0].direction);
    assert_eq!(
        (texts(within), direction),
        (vec!["Meet me at the harbour".into()], Direction::Received)
    );
    let first = Search { limit: 1, ..search("harbour", None) };
    let newest = alice.node().search(first.clone()).await.unwrap().remove(0);
    let next = Search { before: Some(newest.id), ..first };
    assert_eq!(alice.node().search(next).await.unwrap().remove(0).id, id);
    for (wrong, code) in [
        (search(" ", None), ErrorCode::InvalidText),
        (search(&"x".repeat(257), None), ErrorCode::InvalidText),
        (search("harbour", Some("Nobody")), ErrorCode::UnknownContact),
        (
            Search { before: Some("00".repeat(16)), ..search("harbour", None) },
            ErrorCode::UnknownMessage,
        ),
    ] {
        assert_eq!(alice.node().search(wrong).await.unwrap_err().code, code);
    }

    alice.node().remove_contact("Bob").await.unwrap();
    assert_eq!(
        texts(alice.node().search(search("harbour", None)).await.unwrap()),
        ["Bob waits at the HARBOUR"]
    );
}

fn disappear(seconds: u64) -> ConversationChange {
    ConversationChange { disappear_after: Some(seconds), ..ConversationChange::default() }
}

fn receipts(on: bool) -> ConversationChange {
    ConversationChange { read_receipts: Some(on), ..ConversationChange::default() }
}

impl Person {
    async fn wants(&self, with: &str, change: ConversationChange) -> Conversation {
        self.node().change_conversation(with, change).await.unwrap()
    }

    /// Waits until both know that this holds.
    async fn agrees(&self, with: &str, in_force: Policy) {
        self.waits_until("agreement", |p| async move {
            let settings = p.conversation(with).await.settings;
            settings.in_force == in_force && settings.confirmed
        })
        .await;
    }

    async fn loses(&self, with: &str, text: &str) {
        self.waits_until("deletion", |p| async move {
            p.history(with).await.iter().all(|m| m.text != text)
        })
        .await;
    }

    async fn learns_that_it_was_read(&self, message: &Message) {
        self.waits_until(
            "read",
            |p| async move { p.state(&message.id).await == MessageState::Read },
        )
        .await;
    }

    async fn reads(&self, from: &str) -> Conversation {
        self.node().mark_read(from, MarkRead::default()).await.unwrap()
    }
}

const HOUR: Policy = Policy { disappear_after: 3600, read_receipts: false };

#[tokio::test(flavor = "multi_thread")]
async fn messages_disappear_on_both_sides_once_both_let_them() {
    let world = World::new();
    let (alice, bob) = world.pair().await;

    alice.wants("Bob", disappear(3600)).await;
    bob.waits_until("the proposal", |p| async move {
        p.conversation("Alice").await.settings.theirs == HOUR
    })
    .await;
    let early = bob.sends("Alice", "before we agreed").await;
    assert_eq!(
        (early.disappear_after, bob.conversation("Alice").await.settings.in_force),
        (None, Policy::default())
    );
    bob.wants("Alice", disappear(1800)).await;
    alice.agrees("Bob", HOUR).await;
    bob.agrees("Alice", HOUR).await;
    let soon = alice.sends("Bob", "soon gone").await;
    assert_eq!(soon.disappear_after, Some(3600));
    alice.delivered(&soon).await;
    bob.sees("Alice", "soon gone").await;
    let at_bob = bob.node().message(&soon.id).await.unwrap();
    assert_eq!(at_bob.disappears_at, at_bob.delivered_at.map(|at| at + 3_600_000));
    let before = *bob.node().newest_event().borrow();
    for person in [&alice, &bob] {
        person.waits(Duration::from_hours(2));
    }

    alice.loses("Bob", "soon gone").await;
    bob.loses("Alice", "soon gone").await;
    assert!(bob.node().search(search("soon", None)).await.unwrap().is_empty());
    let events = bob.node().events(before, 100).await.unwrap();
    let is_told = |what: &What| match what {
        What::MessagesGone { messages, .. } => *messages == [soon.id.clone()],
        _ => false,
    };
    assert!(events.iter().any(|event| is_told(&event.what)), "{events:?}");
    let later = alice.sends("Bob", "later").await;
    alice.delivered(&later).await;
    let left: Vec<(String, u32)> =
        bob.history("Alice").await.into_iter().map(|m| (m.text, m.missing_before)).collect();
    assert_eq!(left, [("before we agreed".into(), 0), ("later".into(), 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn either_side_can_end_disappearing_messages() {
    let world = World::new();
    let (alice, bob) = world.pair().await;

    alice.wants("Bob", disappear(3600)).await;
    bob.wants("Alice", disappear(3600)).await;
    alice.agrees("Bob", HOUR).await;
    bob.agrees("Alice", HOUR).await;
    let timed = alice.sends("Bob", "under the timer").await;
    alice.delivered(&timed).await;
    bob.wants("Alice", disappear(0)).await;
    alice
        .waits_until("the end", |p| async move {
            p.conversation("Bob").await.settings.in_force == Policy::default()
        })
        .await;
    let kept = alice.sends("Bob", "kept").await;
    assert_eq!(kept.disappear_after, None);
    bob.sees("Alice", "kept").await;
    bob.waits(Duration::from_hours(2));
    bob.loses("Alice", "under the timer").await;
    assert!(bob.has("Alice", "kept").await);
    for seconds in [9, 31_536_001, u64::MAX] {
        assert_eq!(
            bob.node().change_conversation("Alice", disappear(seconds)).await.unwrap_err().code,
            ErrorCode::OutOfRange
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disappearing_message_waits_until_it_is_delivered() {
    let world = World::new();
    let (alice, mut bob) = world.pair().await;

    alice.wants("Bob", disappear(60)).await;
    bob.wants("Alice", disappear(60)).await;
    let minute = Policy { disappear_after: 60, read_receipts: false };
    alice.agrees("Bob", minute).await;
    bob.agrees("Alice", minute).await;
    bob.sleep().await;
    alice.waits_until("Bob to go", |p| async move { !p.is_online("Bob").await }).await;
    let waiting = alice.sends("Bob", "for your return").await;
    let short = NewMessage { text: "in vain".into(), id: None, expires_in: Some(600) };
    alice.node().send("Bob", short).await.unwrap();
    alice.waits(Duration::from_hours(48));

    // It expires first, and is gone a minute later.
    alice
        .waits_until("expiry", |p| async move {
            p.history("Bob").await.iter().any(|m| m.state == MessageState::Expired)
        })
        .await;
    alice.waits(Duration::from_hours(48));
    alice.loses("Bob", "in vain").await;
    assert_eq!(alice.state(&waiting.id).await, MessageState::Queued);
    bob.wake().await;
    bob.sees("Alice", "for your return").await;
    alice.delivered(&waiting).await;
    for person in [&alice, &bob] {
        person.waits(Duration::from_mins(2));
    }

    alice.loses("Bob", "for your return").await;
    bob.loses("Alice", "for your return").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_receipts_go_only_where_both_sides_allow_them() {
    let world = World::new();
    let (alice, mut bob) = world.pair().await;
    let first = alice.sends("Bob", "first").await;
    bob.sees("Alice", "first").await;
    assert_eq!(bob.conversation("Alice").await.unread, 1);
    assert_eq!(bob.reads("Alice").await.unread, 0);

    // Alice alone allows them: what Bob reads is not told.
    alice.wants("Bob", receipts(true)).await;
    bob.waits_until("the proposal", |p| async move {
        p.conversation("Alice").await.settings.theirs.read_receipts
    })
    .await;
    let second = alice.sends("Bob", "second").await;

    bob.sees("Alice", "second").await;
    bob.reads("Alice").await;
    bob.wants("Alice", receipts(true)).await;
    let both = Policy { disappear_after: 0, read_receipts: true };
    alice.agrees("Bob", both).await;
    bob.agrees("Alice", both).await;
    let (third, fourth) = (alice.sends("Bob", "third").await, alice.sends("Bob", "fourth").await);
    bob.sees("Alice", "fourth").await;
    let up_to = MarkRead { up_to: Some(third.id.clone()) };
    assert_eq!(bob.node().mark_read("Alice", up_to).await.unwrap().unread, 1);
    alice.learns_that_it_was_read(&third).await;
    for message in [&first, &second, &fourth] {
        assert_eq!(
            alice.state(&message.id).await,
            MessageState::Delivered,
            "read without both allowing it"
        );
    }

    // What is read while the other is away is told later.
    let mut alice = alice;
    alice.sleep().await;
    bob.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    bob.reads("Alice").await;
    bob.sleep().await;
    alice.wake().await;
    bob.wake().await;
    alice.learns_that_it_was_read(&fourth).await;
    assert!(alice.node().message(&fourth.id).await.unwrap().read_at.is_some());

    // What waits to be told is not told by who has changed its mind.
    let fifth = alice.sends("Bob", "fifth").await;
    bob.sees("Alice", "fifth").await;
    alice.delivered(&fifth).await;
    alice.sleep().await;
    bob.waits_until("Alice to go", |p| async move { !p.is_online("Alice").await }).await;
    bob.reads("Alice").await;
    bob.wants("Alice", receipts(false)).await;
    assert_eq!(bob.counts("SELECT count(*) FROM outbox WHERE kind = 'read'").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_a_conversation_keeps_is_deleted_here_only() {
    let world = World::new();
    let (alice, mut bob) = world.pair().await;
    let old = alice.sends("Bob", "old").await;

    alice.delivered(&old).await;
    let answer = bob.sends("Alice", "old answer").await;
    bob.delivered(&answer).await;
    bob.sleep().await;
    alice.waits_until("Bob to go", |p| async move { !p.is_online("Bob").await }).await;
    let waiting = alice.sends("Bob", "old, and waiting").await;
    let retain =
        |seconds| ConversationChange { retain: Some(seconds), ..ConversationChange::default() };
    assert_eq!(alice.wants("Bob", retain(86_400)).await.retain, Some(86_400));
    assert_eq!(
        alice.node().change_conversation("Bob", retain(59)).await.unwrap_err().code,
        ErrorCode::OutOfRange
    );
    alice.waits(Duration::from_hours(48));
    alice.loses("Bob", "old").await;
    alice.loses("Bob", "old answer").await;
    assert_eq!(alice.state(&waiting.id).await, MessageState::Queued);
    assert_eq!(alice.wants("Bob", retain(0)).await.retain, None);
    bob.wake().await;
    alice.delivered(&waiting).await;
    let texts: Vec<String> = bob.history("Alice").await.into_iter().map(|m| m.text).collect();
    assert_eq!(texts, ["old", "old answer", "old, and waiting"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_found_by_its_id_and_as_its_contact_is() {
    let world = World::new();
    let (alice, _bob) = world.pair().await;
    let Contact { id, conversation, .. } = alice.contact("Bob").await.unwrap();
    let upper = conversation.to_uppercase();
    for which in ["Bob", &conversation, &upper, &id, &id[..8], &id[..31], &id[..32], &id[..33]] {
        assert_eq!(alice.conversation(which).await.id, conversation, "{which}");
    }
    let nothing = "00".repeat(16);
    for (which, code) in
        [(nothing.as_str(), ErrorCode::UnknownConversation), ("Nobody", ErrorCode::UnknownContact)]
    {
        assert_eq!(alice.node().conversation(which).await.unwrap_err().code, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_kept_without_an_event_and_goes_with_an_empty_text() {
    let world = World::new();
    let (alice, _bob) = world.pair().await;
    let draft = |text: &str| ConversationChange {
        draft: Some(text.into()),
        ..ConversationChange::default()
    };
    let before = *alice.node().newest_event().borrow();
    assert_eq!(alice.wants("Bob", draft("Dear Bob")).await.draft.as_deref(), Some("Dear Bob"));
    assert_eq!(alice.conversation("Bob").await.draft.as_deref(), Some("Dear Bob"));
    assert_eq!(alice.wants("Bob", draft("")).await.draft, None);
    let events = alice.node().events(before, 100).await.unwrap();
    assert!(
        !events.iter().any(|event| matches!(event.what, What::Conversation { .. })),
        "{events:?}"
    );

    let too_long = alice.node().change_conversation("Bob", draft(&"x".repeat(MAX_DRAFT + 1))).await;
    assert_eq!(too_long.unwrap_err().code, ErrorCode::InvalidText);
}
