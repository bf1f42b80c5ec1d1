//! Clocks that are wrong, and people who are away for very long.

use super::*;
use crate::invitation::Invitation;
use crate::model::ServiceKind;
use crate::transport::{Destination, IsolationToken, OnionAddress, Transport};

/// Whether somebody answers at an address.
async fn is_hosted(world: &World, address: OnionAddress) -> bool {
    let transport = world.network.transport(mpsc::channel(1).0);
    transport.dial(Destination::Peer(address.into()), IsolationToken(0), 0).await.is_ok()
}

async fn endpoint(person: &Person) -> OnionAddress {
    let mut tx = person.store.as_ref().unwrap().begin().await.unwrap();
    let services = crate::store::owner::services(&mut tx).await.unwrap();
    let current =
        services.iter().find(|s| s.kind == ServiceKind::Contacts && s.closes_at.is_none());
    current.unwrap().seed.onion_address()
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_ten_years_apart_keep_order_and_deliver_everything() {
    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;

    alice.days_pass(3650);
    bob.days_pass(-3650);
    for round in 0..2 {
        for n in 0..5 {
            let sent = alice.sends("Bob", &format!("a{round}{n}")).await;
            alice.delivered(&sent).await;
            let sent = bob.sends("Alice", &format!("b{round}{n}")).await;
            bob.delivered(&sent).await;
        }
        // The keys are renewed by the day: both clocks jump.
        alice.days_pass(-7300);
        bob.days_pass(7300);
        alice.sleep().await;
        bob.sleep().await;
        alice.wake().await;
        bob.wake().await;
    }

    let (alices, bobs) = (alice.history("Bob").await, bob.history("Alice").await);
    assert_eq!(order(&alices), order(&bobs));
    let texts: Vec<_> = alices.iter().map(|m| m.text.as_str()).collect();
    let expected: Vec<_> = (0..2)
        .flat_map(|r| (0..5).flat_map(move |n| ["a", "b"].map(|w| format!("{w}{r}{n}"))))
        .collect();
    assert_eq!(texts, expected);
    assert!(alices.iter().all(|m| m.missing_before == 0 && !m.late));

    // What is shown as the time of writing is the writer's.
    let written = alices.iter().find(|m| m.text == "b00").unwrap();
    assert!(written.created_at < Clock::system().now().0 - 3600 * 24 * 3600 * 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_year_away_everything_that_waited_arrives_in_order() {
    const TEXTS: usize = 250;

    let world = World::new();
    let (mut alice, mut bob) = world.pair().await;
    let before = bob.sends("Alice", "see you").await;

    bob.delivered(&before).await;
    bob.sleep().await;
    alice.waits_until("Bob to go", |p| async move { !p.is_online("Bob").await }).await;
    let limited =
        NewMessage { text: "until tomorrow".into(), id: None, expires_in: Some(24 * 3600) };
    let limited = alice.node().send("Bob", limited).await.unwrap();
    for n in 0..TEXTS {
        alice.sends("Bob", &format!("{n}")).await;
        if n % 50 == 49 {
            alice.days_pass(73);
            alice.sleep().await;
            alice.wake().await;
        }
    }

    assert_eq!(alice.state(&limited.id).await, MessageState::Expired);
    bob.days_pass(365);
    bob.wake().await;
    alice
        .waits_until("all", |p| async move { p.node().status().await.unwrap().waiting == 0 })
        .await;
    let texts: Vec<String> =
        bob.history("Alice").await.into_iter().skip(1).map(|m| m.text).collect();
    assert_eq!(texts, (0..TEXTS).map(|n| n.to_string()).collect::<Vec<_>>());
    let back = bob.sends("Alice", "I am back").await;
    bob.delivered(&back).await;

    // Both go on for long enough to renew their keys.
    for n in 0..120 {
        bob.sends("Alice", &format!("again {n}")).await;
    }

    alice.sees("Bob", "again 119").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_waits_for_most_of_a_year_is_answered() {
    let world = World::new();
    let (mut alice, bob) = (world.person("Alice").await, world.person("Bob").await);
    let life = NewInvitation { uses: None, expires_in: Some(365 * 24 * 3600) };
    let link = alice.node().invite(life).await.unwrap().link.unwrap();
    alice.sleep().await;
    bob.opens(&link).await.unwrap();
    // Key packages are judged by the system's clock: this is about what the node itself counts.
    alice.days_pass(364);
    alice.wake().await;
    bob.waits_until("Alice", |p| async move { p.is_online("Alice").await }).await;
    let sent = bob.sends("Alice", "at last").await;
    bob.delivered(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_invitation_is_refused_and_later_forgotten() {
    let world = World::new();
    let (alice, bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    let link = alice.invitation().await;
    let front = Invitation::parse(&link).unwrap().front_door;

    alice.days_pass(8);
    let id = bob.opens(&link).await.unwrap().id;
    let reason = |p: &Person, id: String| {
        let node = p.node().clone();
        async move { node.contact(&id).await.ok().and_then(|contact| contact.reason) }
    };
    bob.waits_until("no", |p| {
        let reason = reason(p, id.clone());
        async move { reason.await == Some(Reason::InvitationExpired) }
    })
    .await;
    assert!(is_hosted(&world, front).await);
    let mut services = alice.transport.as_ref().unwrap().services();
    services.mark_unchanged();
    alice.days_pass(31);
    timeout(DEADLINE, services.changed()).await.unwrap().unwrap();
    assert!(!is_hosted(&world, front).await, "nobody is on the way to it any more");
    assert!(carol.opens(&link).await.is_ok(), "a request that will wait");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_endpoint_closes_after_seven_to_eight_days() {
    let world = World::new();
    let (alice, bob, carol) =
        (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
    bob.adds(&alice).await;
    carol.adds(&alice).await;
    let old = endpoint(&alice).await;
    alice.node().remove_contact("Carol").await.unwrap();
    let new = endpoint(&alice).await;
    assert!(old != new && is_hosted(&world, old).await && is_hosted(&world, new).await);
    alice.days_pass(7);

    // The node looks every few seconds: a command and a tick later it has looked.
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(is_hosted(&world, old).await, "seven days are not over");
    let mut services = alice.transport.as_ref().unwrap().services();
    services.mark_unchanged();
    alice.days_pass(1);
    timeout(DEADLINE, services.changed()).await.unwrap().unwrap();
    assert!(!is_hosted(&world, old).await && is_hosted(&world, new).await);
    let sent = bob.sends("Alice", "I followed").await;
    bob.delivered(&sent).await;
}
