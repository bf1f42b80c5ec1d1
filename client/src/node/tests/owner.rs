//! Commands of the node's own owner: bad input is refused, events can be resumed, and a wiped node
//! ends.

use super::*;

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
async fn bad_texts_names_and_numbers_are_refused() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let send = |text: String| NewMessage { text, id: None, expires_in: None };
    for text in [String::new(), "x".repeat(63 * 1024 + 1)] {
        assert_eq!(
            bob.node().send("Alice", send(text)).await.unwrap_err().code,
            ErrorCode::InvalidText
        );
    }

    let largest = bob.node().send("Alice", send("x".repeat(63 * 1024))).await.unwrap();
    bob.delivered(&largest).await;
    assert_eq!(
        bob.node().send("Nobody", send("x".into())).await.unwrap_err().code,
        ErrorCode::UnknownContact
    );
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
    let texts = events.iter().filter(
        |e| matches!(&e.what, What::Message { message } if message.text == "for the record"),
    );
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
