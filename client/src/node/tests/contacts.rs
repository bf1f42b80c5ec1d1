//! People become contacts, move to other addresses, and are blocked or removed.

use super::*;
use crate::wire::frame::{Frame, RejectReason};

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
async fn an_invitation_opened_while_the_inviter_is_away_works() {
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
async fn a_link_that_cannot_be_used_is_refused_with_a_reason() {
    let world = World::new();
    let (alice, bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    let (used, revoked) = (alice.invitation().await, alice.invitation().await);
    let all = alice.node().invitations().await.unwrap();
    let revoked_id = all.into_iter().find(|one| one.link.as_deref() == Some(&revoked)).unwrap().id;

    alice.node().revoke(&revoked_id).await.unwrap();
    assert_eq!(alice.opens(&used).await.unwrap_err(), ErrorCode::OwnLink);
    bob.opens(&used).await.unwrap();
    bob.waits_until("Alice", |p| async move { p.is_online("Alice").await }).await;
    assert_eq!(bob.opens(&alice.invitation().await).await.unwrap_err(), ErrorCode::AlreadyContact);
    for (link, why) in [(used, Reason::InvitationUsed), (revoked, Reason::InvitationRevoked)] {
        let contact = carol.opens(&link).await.unwrap();
        let id = contact.id.as_str();
        carol
            .waits_until("the refusal", |p| async move {
                p.contact(id).await.is_some_and(|c| c.state == ContactState::Refused)
            })
            .await;
        assert_eq!(carol.contact(id).await.unwrap().reason, Some(why));
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
    assert_eq!(
        (alice.node().contacts().await.unwrap().len(), bob.node().contacts().await.unwrap().len()),
        (1, 1)
    );
}

/// What is on its way to somebody would reach them though nothing more is wanted of them.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_removed_or_blocked_is_not_asked_any_more() {
    let world = World::new();
    let (mut alice, bob) = (world.person("Alice").await, world.person("Bob").await);

    alice.sleep().await;
    alice.lag = Duration::from_hours(1);
    alice.wake().await;
    let asked = alice.opens(&bob.invitation().await).await.unwrap();
    world.has_streams(1).await;
    alice.node().remove_contact(&asked.id).await.unwrap();
    world.has_streams(0).await;
    let asked = alice.opens(&bob.invitation().await).await.unwrap();
    world.has_streams(1).await;
    let blocked = |blocked| ContactChange { blocked: Some(blocked), ..ContactChange::default() };
    alice.node().change_contact(&asked.id, blocked(true)).await.unwrap();
    world.has_streams(0).await;
    alice.node().change_contact(&asked.id, blocked(false)).await.unwrap();
    world.has_streams(1).await;
}

/// One has asked and given it up, which the other cannot know. The other has answered, and asks on
/// until they are linked.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_cancelled_while_answered_leaves_room() {
    let world = World::new();
    let (mut higher, lower) = world.two_by_id().await;
    let (from_higher, from_lower) = (higher.invitation().await, lower.invitation().await);
    let identity = higher.identity().await;
    higher.sleep().await;
    lower.opens(&from_higher).await.unwrap();
    let given_up = world.network.transport(mpsc::channel(1).0);
    mallory::asks(&given_up, &identity, &from_lower, mallory::card(higher.name, 0)).await;
    assert_eq!(lower.node().contacts().await.unwrap()[0].state, ContactState::Accepted);
    higher.wake().await;
    higher.waits_until("the other", |p| async move { p.is_online(lower.name).await }).await;
    let sent = lower.sends(higher.name, "so we meet after all").await;
    higher.sees(lower.name, "so we meet after all").await;
    lower.delivered(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_that_comes_late_changes_nothing() {
    let world = World::new();
    let (alice, mut bob) = (world.person("Alice").await, world.person("Bob").await);
    let from_bob = bob.invitation().await;

    bob.sleep().await;
    let asked = alice.opens(&from_bob).await.unwrap();
    let late: Vec<u8> = {
        let mut tx = alice.store.as_ref().unwrap().begin().await.unwrap();
        sqlx::query_scalar("SELECT introduction FROM request").fetch_one(&mut *tx).await.unwrap()
    };
    alice.node().remove_contact(&asked.id).await.unwrap();
    bob.wake().await;
    bob.adds(&alice).await;
    let transport = world.network.transport(mpsc::channel(1).0);
    let (_, answer) =
        mallory::is_answered(&transport, &alice.identity().await, &from_bob, late).await;
    assert!(matches!(answer, Frame::Refuse(RejectReason::Known)));
    let sent = alice.sends("Bob", "still here").await;
    alice.delivered(&sent).await;
}

/// Who is asked by a handle and asks, too, says yes: that makes one conversation, not two that do
/// not fit.
#[tokio::test(flavor = "multi_thread")]
async fn accepting_whom_we_ask_makes_one_conversation() {
    let world = World::new();
    let (mut higher, mut lower) = world.two_by_id().await;
    let by_handle = higher.has_handle().await;

    lower.opens(&by_handle).await.unwrap();
    let waits = |p: &Person| p.node().clone();
    higher
        .waits_until(
            "the request",
            |p| async move { !waits(p).requests().await.unwrap().is_empty() },
        )
        .await;
    let asking = higher.node().requests().await.unwrap().remove(0).id;
    let from_lower = lower.invitation().await;
    lower.sleep().await;
    higher.opens(&from_lower).await.unwrap();
    higher.node().answer_request(&asking, Decision::Accept).await.unwrap();
    assert_eq!(
        higher.node().contacts().await.unwrap()[0].state,
        ContactState::Requested,
        "its own request comes first"
    );
    lower.wake().await;
    lower.waits_until("the other", |p| async move { p.is_online(higher.name).await }).await;
    let sent = lower.sends(higher.name, "one of two").await;
    higher.sees(lower.name, "one of two").await;
    lower.delivered(&sent).await;
}

/// A yes to it later would end the conversation that there is.
#[tokio::test(flavor = "multi_thread")]
async fn becoming_contacts_otherwise_ends_a_handle_request() {
    let world = World::new();
    let (mut higher, lower) = world.two_by_id().await;

    lower.opens(&higher.has_handle().await).await.unwrap();
    let waiting = |p: &Person| p.node().clone();
    higher
        .waits_until(
            "the request",
            |p| async move { !waiting(p).requests().await.unwrap().is_empty() },
        )
        .await;
    let asking = higher.node().requests().await.unwrap().remove(0).id;
    higher.opens(&lower.invitation().await).await.unwrap();
    higher.waits_until("the other", |p| async move { p.is_online(lower.name).await }).await;
    assert!(higher.node().requests().await.unwrap().is_empty());
    let late = higher.node().answer_request(&asking, Decision::Accept).await;
    assert_eq!(late.unwrap_err().code, ErrorCode::UnknownRequest);
    let sent = lower.sends(higher.name, "one conversation").await;
    lower.delivered(&sent).await;
}

/// A yes is to what was seen.
#[tokio::test(flavor = "multi_thread")]
async fn who_asks_again_by_a_handle_is_shown_as_it_asks_now() {
    let world = World::new();
    let (mut alice, mallory) = (world.person("Alice").await, world.person("Mallory").await);
    let (handle, identity) = (alice.has_handle().await, mallory.identity().await);
    let transport = world.network.transport(mpsc::channel(1).0);
    for (name, valid) in [("Anna", true), ("Boris", true), ("Nobody", false)] {
        let mut introduction = mallory::introduction(mallory::card(name, 0)).1.to_bytes();
        introduction.truncate(if valid { usize::MAX } else { 20 });
        let (_, answer) = mallory::is_answered(&transport, &identity, &handle, introduction).await;
        let expected = if valid { RejectReason::Pending } else { RejectReason::Unusable };
        assert!(matches!(answer, Frame::Refuse(refusal) if refusal == expected), "{name}");
    }
    let requests = alice.node().requests().await.unwrap();
    assert_eq!(requests.iter().map(|request| request.name.as_str()).collect::<Vec<_>>(), ["Boris"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_lost_is_given_again_though_we_have_moved() {
    let world = World::new();
    let (alice, bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    carol.adds(&alice).await;
    let (link, identity) = (alice.invitation().await, bob.identity().await);
    let introduction = mallory::introduction(mallory::card("Bob", 0)).1.to_bytes();
    let transport = world.network.transport(mpsc::channel(1).0);
    let (_, first) = mallory::is_answered(&transport, &identity, &link, introduction.clone()).await;
    assert!(matches!(first, Frame::Accept(_)));
    alice.node().remove_contact("Carol").await.unwrap();
    let (_, again) = mallory::is_answered(&transport, &identity, &link, introduction).await;
    assert_eq!(again, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_moves_the_endpoint_and_others_follow() {
    let world = World::new();
    let (alice, mut bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);

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
async fn a_contact_cannot_take_the_id_of_another_as_its_name() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let id = alice.contact("Bob").await.unwrap().id;
    let rename = ContactChange { name: Some(id.clone()), ..ContactChange::default() };
    assert_eq!(
        alice.node().change_contact("Bob", rename).await.unwrap_err().code,
        ErrorCode::InvalidName
    );
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
    let refused =
        alice.node().send("Bob", NewMessage { text: "x".into(), id: None, expires_in: None }).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::ContactBlocked);
    alice.node().change_contact("Bob", change(false)).await.unwrap();
    bob.delivered(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_made_when_needed_show_nobody_as_connecting() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;
    let sent = alice.sends("Bob", "hello").await;

    alice.delivered(&sent).await;
    bob.sleep().await;
    alice.sleep().await;
    alice.links = Links::WhenNeeded;
    alice.wake().await;
    let idle = |p: Contact| p.reason == Some(Reason::ConnectsWhenNeeded);
    alice
        .waits_until("no connection", |p| async move { p.contact("Bob").await.is_some_and(idle) })
        .await;
    let waits = alice.sends("Bob", "hello again").await;
    assert!(matches!(waits.reason, Some(Reason::NotConnected { .. })), "{waits:?}");
    bob.wake().await;
    alice.delivered(&waits).await;
}
