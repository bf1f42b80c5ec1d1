//! How paths are served over HTTP: statuses, names and queries with any characters, the longest
//! text, a whole backup.

use hyper::StatusCode;

use super::{Api, Person, json, link_to_nobody, request, within};
use crate::api::server::limits::DEFAULT_HISTORY;
use crate::api::types::{
    ContactChange, ConversationChange, ErrorCode, Message, NewBackup, NewMessage, Search,
};
use crate::identity::PeerId;
use crate::model::UnixMillis;
use crate::node::Ending;
use crate::profile::{Passphrase, backup};
use crate::store::contacts::{self, Naming};
use crate::transport::memory::MemoryNetwork;

#[tokio::test]
async fn a_node_without_a_web_interface_says_so() {
    let (ada, api) = Api::of_ada().await;
    let problem = api.problem(request("POST", "/v1/web", "")).await;
    assert_eq!((problem.status, problem.code), (404, ErrorCode::NotFound));
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn the_longest_text_fits_however_it_is_escaped() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let longest = |expires_in| NewMessage {
        text: "\"".repeat(64_512),
        id: Some("3b".repeat(16)),
        expires_in: Some(expires_in),
    };
    // The longest number, too: the node reads it, and says what is wrong with it.
    let refused = api.client.send("Bob", &longest(u64::MAX)).await;
    super::assert_refused(refused, ErrorCode::OutOfRange, StatusCode::UNPROCESSABLE_ENTITY);

    let sent = api.client.send("Bob", &longest(31_536_000)).await.unwrap();
    assert_eq!(sent.text, longest(1).text);
    assert_eq!(ada.node().message(&sent.id).await.unwrap().text, sent.text);
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn the_history_has_fifty_messages_by_default() {
    let (ada, api) = Api::of_ada_and_bob().await;
    for n in 0..=DEFAULT_HISTORY {
        ada.sends("Bob", &n.to_string()).await;
    }
    let page = json(api.raw(request("GET", "/v1/conversations/Bob/messages", "")).await).await;
    let page: Vec<Message> = serde_json::from_value(page).unwrap();
    let texts: Vec<_> = page.iter().map(|message| message.text.clone()).collect();
    assert_eq!(texts, (1..=50).map(|n| n.to_string()).collect::<Vec<_>>());
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn what_is_made_is_201_what_is_gone_204_and_what_goes_on_202() {
    let (ada, api) = Api::of_ada_and_bob().await;
    ada.has_passphrase("a");

    let link = format!("{{\"link\":\"{}\"}}", link_to_nobody(2));
    let statuses = [
        ("POST", "/v1/invitations", "{}", StatusCode::CREATED),
        ("POST", "/v1/contacts", &link, StatusCode::CREATED),
        ("POST", "/v1/conversations/Bob/messages", "{\"text\":\"hi\"}", StatusCode::CREATED),
        ("DELETE", "/v1/contacts/Bob", "", StatusCode::NO_CONTENT),
        ("PUT", "/v1/preferences/ui.theme", "{\"text\":\"dark\"}", StatusCode::NO_CONTENT),
        ("POST", "/v1/passphrase", "{\"old\":\"a\",\"new\":\"b\"}", StatusCode::NO_CONTENT),
        ("POST", "/v1/wipe", "{\"confirm\":true}", StatusCode::ACCEPTED),
    ];
    for (method, path, body, status) in statuses {
        let answer = api.raw(request(method, path, body.to_owned())).await;
        assert_eq!(answer.status(), status, "{method} {path}");
    }

    assert_eq!(within(ada.running.ended).await.unwrap(), Ending::Wiped);
    api.close().await;
}

/// Also names that the node gives to nobody: they get to it as they were typed.
#[tokio::test]
async fn names_may_hold_anything() {
    let names = [
        "a/b",
        "Ada Lovelace",
        "Zoë \u{1f41a}",
        "100%",
        "%2F",
        ".",
        "..",
        "a?b#c&d=e",
        "a+b",
        "{name}",
        "\u{0}\n",
    ];
    let ada = Person::prepared("Ada", &MemoryNetwork::default(), async |tx| {
        for (number, name) in (1..).zip(names) {
            let naming = Naming { name, skeleton: name, named: true };
            contacts::add(tx, PeerId([number; 32]), &naming, UnixMillis(0)).await.unwrap();
        }
    })
    .await;
    let api = Api::of(ada.node().clone());
    for name in names {
        let contact = api.client.contact(name).await.unwrap();
        assert_eq!(contact.name, name);
        let change = ContactChange { presence_hidden: Some(true), ..ContactChange::default() };
        assert_eq!(api.client.change_contact(name, &change).await.unwrap().id, contact.id);
        let change = ConversationChange { retain: Some(3600), ..ConversationChange::default() };
        let changed = api.client.change_conversation(name, &change).await.unwrap();
        assert_eq!((&changed.id, changed.retain), (&contact.conversation, Some(3600)));

        let new = NewMessage { text: "hi".into(), id: None, expires_in: None };
        let sent = api.client.send(name, &new).await.unwrap();
        assert_eq!(sent.conversation, contact.conversation);
        assert_eq!(api.client.history(name, 1, None).await.unwrap()[0].id, sent.id);
        let search =
            Search { text: "hi".into(), conversation: Some(name.into()), limit: 10, before: None };
        let found = api.client.search(&search).await.unwrap();
        assert_eq!(found.iter().map(|it| &it.id).collect::<Vec<_>>(), [&sent.id]);
        assert_eq!(api.client.mark_read(name, None).await.unwrap().id, contact.conversation);

        api.client.remove_contact(name).await.unwrap();
        let gone = ada.node().contact(name).await.unwrap_err();
        assert_eq!(gone.code, ErrorCode::UnknownContact, "{name:?}");
    }

    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_query_may_hold_anything() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let odd = "3b&x=1";
    let error = ada.node().history("Bob", 1, Some(odd)).await.unwrap_err();
    let problem =
        api.problem(request("GET", "/v1/conversations/Bob/messages?before=3b%26x%3D1", "")).await;
    assert_eq!(error.detail, problem.detail);
    let refused = api.client.history("Bob", 1, Some(odd)).await.unwrap_err();
    assert_eq!(refused.to_string(), error.detail);

    let sent = ada.sends("Bob", "a&limit=0 b+c").await;
    let search =
        Search { text: "a&limit=0 b+c".into(), conversation: None, limit: 1, before: None };
    assert_eq!(api.client.search(&search).await.unwrap()[0].id, sent.id);
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn the_head_of_an_answer_alone_can_be_asked_for() {
    let (ada, api) = Api::of_ada().await;
    let head = api.raw(request("HEAD", "/v1/status", "")).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-type"], "application/json");
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn the_document_is_served() {
    let (ada, api) = Api::of_ada().await;
    let response = api.raw(request("GET", "/v1/openapi.json", "")).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(json(response).await, super::openapi::document());
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_backup_comes_whole() {
    let (ada, api) = Api::of_ada_and_bob().await;
    // So that it does not come all at once.
    for _ in 0..10 {
        ada.sends("Bob", &"x".repeat(60_000)).await;
    }
    let new = NewBackup { passphrase: "a".into() };
    let mut opened = api.client.backup(&new).await.unwrap();
    let mut all = vec![];
    while let Some(bytes) = opened.bytes().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    assert!(all.len() > 600_000, "{}", all.len());

    let file = ada.directory.path().join("backup");
    std::fs::write(&file, all).unwrap();
    let restored = ada.directory.path().join("restored");
    let passphrase = Passphrase::new(new.passphrase);
    let restored = backup::restore(&file, &passphrase, &restored).await.unwrap();
    assert_eq!((restored.contents.contacts, restored.contents.messages), (1, 10));
    api.close().await;
    ada.stops().await;
}
