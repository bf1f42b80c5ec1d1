//! What a node keeps and finds, and what it lets go.

use super::*;
use crate::api::types::Search;

fn search(text: &str, contact: Option<&str>) -> Search {
    Search { text: text.into(), contact: contact.map(str::to_owned), limit: 50, before: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_by_its_words_in_all_conversations_or_in_one() {
    let world = World::new();
    let (alice, bob, carol) = (world.person("Alice").await, world.person("Bob").await, world.person("Carol").await);
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
    assert_eq!((texts(within), direction), (vec!["Meet me at the harbour".into()], Direction::Received));
    let first = Search { limit: 1, ..search("harbour", None) };
    let newest = alice.node().search(first.clone()).await.unwrap().remove(0);
    let next = Search { before: Some(newest.id), ..first };
    assert_eq!(alice.node().search(next).await.unwrap().remove(0).id, id);
    for (wrong, code) in [
        (search(" ", None), ErrorCode::InvalidText),
        (search(&"x".repeat(257), None), ErrorCode::InvalidText),
        (search("harbour", Some("Nobody")), ErrorCode::UnknownContact),
        (Search { before: Some("00".repeat(16)), ..search("harbour", None) }, ErrorCode::UnknownMessage),
    ] {
        assert_eq!(alice.node().search(wrong).await.unwrap_err().code, code);
    }
    alice.node().remove_contact("Bob").await.unwrap();
    assert_eq!(texts(alice.node().search(search("harbour", None)).await.unwrap()), ["Bob waits at the HARBOUR"]);
}
