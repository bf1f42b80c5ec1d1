//! Every path: what the client asks reaches the node as it was said, and comes back whole.

use hyper::StatusCode;

use super::fake::{asking, contact, handle, invitation, message, note, server, status};
use super::{Door, json, request};
use crate::api::types::{
    ContactChange, Decision, ErrorCode, NewBackup, NewContact, NewInvitation, NewMessage, NewServer, OwnPresence,
    PassphraseChange, ProfileChange, Search,
};

#[tokio::test]
async fn the_status() {
    let door = Door::open();
    assert_eq!(door.client.status().await.unwrap(), status());
    door.close().await;
}

#[tokio::test]
async fn invitations() {
    let door = Door::open();
    let new = NewInvitation { uses: Some(3), expires_in: None };
    assert_eq!(door.client.invite(&new).await.unwrap(), invitation());
    assert_eq!(door.client.invitations().await.unwrap(), [invitation()]);
    assert_eq!(door.client.revoke("2a2a").await.unwrap(), invitation());
    assert_eq!(door.node.asked(), ["invite Some(3) None", "invitations", "revoke 2a2a"]);
    door.close().await;
}

#[tokio::test]
async fn contacts() {
    let door = Door::open();
    let new = NewContact { link: "chive:abc".into(), name: Some("Bob".into()), message: None };
    assert_eq!(door.client.add_contact(&new).await.unwrap(), contact());
    assert_eq!(door.client.contacts().await.unwrap(), [contact()]);
    assert_eq!(door.client.contact("Bob").await.unwrap(), contact());
    let change = ContactChange { verified: Some(true), ..ContactChange::default() };
    assert_eq!(door.client.change_contact("Bob", &change).await.unwrap(), contact());
    door.client.remove_contact("Bob").await.unwrap();
    let asked = [
        "add chive:abc Some(\"Bob\") None",
        "contacts",
        "contact Bob",
        "change Bob None Some(true) None",
        "remove Bob",
    ];
    assert_eq!(door.node.asked(), asked);
    door.close().await;
}

#[tokio::test]
async fn presence_servers_and_handles() {
    let door = Door::open();
    let client = &door.client;
    assert_eq!(client.servers().await.unwrap(), [server()]);
    let new = NewServer { address: "a.onion".into(), token: Some("t".into()) };
    assert_eq!(client.add_server(&new).await.unwrap(), server());
    client.remove_server("a.onion").await.unwrap();
    assert_eq!(client.set_presence(OwnPresence::Invisible).await.unwrap(), status());
    assert_eq!(client.handles().await.unwrap(), [handle()]);
    assert_eq!(client.claim_handle("ada@a.onion").await.unwrap(), handle());
    client.release_handle("ada@a.onion").await.unwrap();
    assert_eq!(client.requests().await.unwrap(), [asking()]);
    client.answer_request("1f1f1f1f", Decision::Block).await.unwrap();
    assert_eq!(client.change_profile(&ProfileChange { name: Some("Eve".into()) }).await.unwrap(), status());
    let asked = [
        "servers",
        "add server a.onion Some(\"t\")",
        "remove server a.onion",
        "presence Invisible",
        "handles",
        "claim ada@a.onion",
        "release ada@a.onion",
        "requests",
        "answer 1f1f1f1f Block",
        "profile Some(\"Eve\")",
    ];
    assert_eq!(door.node.asked(), asked);
    door.close().await;
}

#[tokio::test]
async fn messages() {
    let door = Door::open();
    let new = NewMessage { text: "hi".into(), id: None, expires_in: Some(60) };
    assert_eq!(door.client.send("Bob", &new).await.unwrap(), message());
    assert_eq!(door.client.history("Bob", 1000, Some("3b&x=1")).await.unwrap(), [message()]);
    assert_eq!(door.client.history("Bob", 1, None).await.unwrap(), [message()]);
    let search = Search { text: "a&b c".into(), contact: Some("Bob".into()), limit: 2, before: Some("3b".into()) };
    assert_eq!(door.client.search(&search).await.unwrap(), [message()]);
    assert_eq!(door.client.mark_read("Bob", Some("3b")).await.unwrap(), contact());
    assert_eq!(door.client.message("3b").await.unwrap(), message());
    assert_eq!(door.client.cancel("3b").await.unwrap(), message());
    let asked = [
        "send Bob hi None Some(60)",
        "history Bob 1000 Some(\"3b&x=1\")",
        "history Bob 1 None",
        "search a&b c Some(\"Bob\") 2 Some(\"3b\")",
        "read Bob Some(\"3b\")",
        "message 3b",
        "cancel 3b",
    ];
    assert_eq!(door.node.asked(), asked);
    door.close().await;
}

#[tokio::test]
async fn conversations_and_notes() {
    let door = Door::open();
    assert_eq!(door.client.conversations().await.unwrap(), [message()]);
    assert_eq!(door.client.notes().await.unwrap(), [note()]);
    door.client.put_note("ui.theme", "dark").await.unwrap();
    assert_eq!(door.node.asked(), ["conversations", "notes", "note ui.theme dark"]);
    door.close().await;
}

#[tokio::test]
async fn a_node_without_a_web_interface_says_so() {
    let door = Door::open();
    let problem = door.problem(request("POST", "/v1/web", "")).await;
    assert_eq!((problem.status, problem.code), (404, ErrorCode::NotFound));
    door.close().await;
}

#[tokio::test]
async fn the_longest_text_fits_however_it_is_escaped() {
    let door = Door::open();
    let new = NewMessage { text: "\"".repeat(64_512), id: Some("3b".repeat(16)), expires_in: Some(u64::MAX) };
    door.client.send("Bob", &new).await.unwrap();
    door.close().await;
}

#[tokio::test]
async fn the_history_has_fifty_messages_by_default() {
    let door = Door::open();
    door.raw(request("GET", "/v1/contacts/Bob/messages", "")).await;
    assert_eq!(door.node.asked(), ["history Bob 50 None"]);
    door.close().await;
}

#[tokio::test]
async fn the_profile() {
    let door = Door::open();
    door.client.change_passphrase(&PassphraseChange { old: "a".into(), new: "b".into() }).await.unwrap();
    door.client.wipe().await.unwrap();
    assert_eq!(door.node.asked(), ["passphrase a b", "wipe"]);
    door.close().await;
}

#[tokio::test]
async fn what_is_made_is_201_what_is_gone_204_and_what_goes_on_202() {
    let door = Door::open();
    let statuses = [
        ("POST", "/v1/invitations", "{}", StatusCode::CREATED),
        ("POST", "/v1/contacts", "{\"link\":\"l\"}", StatusCode::CREATED),
        ("POST", "/v1/contacts/Bob/messages", "{\"text\":\"hi\"}", StatusCode::CREATED),
        ("DELETE", "/v1/contacts/Bob", "", StatusCode::NO_CONTENT),
        ("POST", "/v1/passphrase", "{\"old\":\"a\",\"new\":\"b\"}", StatusCode::NO_CONTENT),
        ("POST", "/v1/wipe", "{\"confirm\":true}", StatusCode::ACCEPTED),
    ];
    for (method, path, body, status) in statuses {
        assert_eq!(door.raw(request(method, path, body)).await.status(), status, "{method} {path}");
    }
    door.close().await;
}

#[tokio::test]
async fn names_may_hold_anything() {
    let names =
        ["a/b", "Ada Lovelace", "Zoë \u{1f41a}", "100%", "%2F", ".", "..", "a?b#c&d=e", "a+b", "{name}", "\u{0}\n"];
    let door = Door::open();
    for name in names {
        let new = NewMessage { text: "hi".into(), id: None, expires_in: None };
        door.client.contact(name).await.unwrap();
        door.client.change_contact(name, &ContactChange::default()).await.unwrap();
        door.client.send(name, &new).await.unwrap();
        door.client.history(name, 1, None).await.unwrap();
        door.client.remove_contact(name).await.unwrap();
        let asked = [
            format!("contact {name}"),
            format!("change {name} None None None"),
            format!("send {name} hi None None"),
            format!("history {name} 1 None"),
            format!("remove {name}"),
        ];
        assert!(door.node.asked().ends_with(&asked), "{name:?}: {:?}", door.node.asked());
    }
    door.close().await;
}

#[tokio::test]
async fn the_document_is_served() {
    let door = Door::open();
    let response = door.raw(request("GET", "/v1/openapi.json", "")).await;
    assert_eq!(response.headers()["content-type"], "application/json");
    assert_eq!(json(response).await["openapi"], "3.1.0");
    door.close().await;
}

#[tokio::test]
async fn a_backup_comes_whole() {
    let door = Door::open();
    let mut opened = door.client.backup(&NewBackup { passphrase: "a".into() }).await.unwrap();
    let mut all = vec![];
    while let Some(bytes) = opened.bytes().await.unwrap() {
        all.extend_from_slice(&bytes);
    }
    assert_eq!(all, [vec![1, 2, 3], vec![7; 100_000]].concat());
    door.close().await;
}
