//! Messages wait, keep their order, are delivered once, are cancelled, and expire.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn messages_wait_for_an_absent_contact_and_arrive_once() {
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
async fn many_key_updates_keep_one_order_and_one_group() {
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
async fn a_waiting_message_can_be_cancelled_and_leaves_no_gap() {
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
    assert_eq!(
        history.iter().map(|m| (m.text.as_str(), m.missing_before)).collect::<Vec<_>>(),
        [("kept", 0)]
    );
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
    let late: Vec<String> =
        alice.history("Bob").await.into_iter().filter(|m| m.late).map(|m| m.text).collect();
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
async fn the_same_id_sends_nothing_twice() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let new =
        |text: &str| NewMessage { text: text.into(), id: Some("ab".repeat(16)), expires_in: None };
    let first = bob.node().send("Alice", new("once")).await.unwrap();
    let again = bob.node().send("Alice", new("once")).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(bob.node().send("Alice", new("other")).await.unwrap_err().code, ErrorCode::IdTaken);
    bob.delivered(&first).await;
    assert_eq!(alice.history("Bob").await.len(), 1);
}
