//! The document: renewed with the code, and true.

use std::collections::BTreeSet;
use std::fs;

use super::{Door, request};
use crate::api::server;

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// Every operation, with a path and a body that it takes.
const OPERATIONS: [(&str, &str, &str, &str); 35] = [
    ("GET", "/v1/status", "/v1/status", ""),
    ("GET", "/v1/invitations", "/v1/invitations", ""),
    ("POST", "/v1/invitations", "/v1/invitations", "{}"),
    ("DELETE", "/v1/invitations/{id}", "/v1/invitations/2a", ""),
    ("GET", "/v1/contacts", "/v1/contacts", ""),
    ("POST", "/v1/contacts", "/v1/contacts", "{\"link\":\"l\"}"),
    ("GET", "/v1/contacts/{name}", "/v1/contacts/Bob", ""),
    ("PATCH", "/v1/contacts/{name}", "/v1/contacts/Bob", "{}"),
    ("DELETE", "/v1/contacts/{name}", "/v1/contacts/Bob", ""),
    ("GET", "/v1/contacts/{name}/messages", "/v1/contacts/Bob/messages", ""),
    ("POST", "/v1/contacts/{name}/messages", "/v1/contacts/Bob/messages", "{\"text\":\"hi\"}"),
    ("POST", "/v1/contacts/{name}/read", "/v1/contacts/Bob/read", "{}"),
    ("GET", "/v1/conversations", "/v1/conversations", ""),
    ("GET", "/v1/notes", "/v1/notes", ""),
    ("PUT", "/v1/notes/{key}", "/v1/notes/ui.theme", "{\"text\":\"dark\"}"),
    ("GET", "/v1/search", "/v1/search?text=hi", ""),
    ("GET", "/v1/messages/{id}", "/v1/messages/3b", ""),
    ("DELETE", "/v1/messages/{id}", "/v1/messages/3b", ""),
    ("GET", "/v1/servers", "/v1/servers", ""),
    ("POST", "/v1/servers", "/v1/servers", "{\"address\":\"a\"}"),
    ("DELETE", "/v1/servers/{address}", "/v1/servers/a", ""),
    ("PUT", "/v1/presence", "/v1/presence", "{\"presence\":\"away\"}"),
    ("GET", "/v1/handles", "/v1/handles", ""),
    ("POST", "/v1/handles", "/v1/handles", "{\"handle\":\"a@b\"}"),
    ("DELETE", "/v1/handles/{handle}", "/v1/handles/a@b", ""),
    ("GET", "/v1/requests", "/v1/requests", ""),
    ("POST", "/v1/requests/{id}", "/v1/requests/1f", "{\"decision\":\"accept\"}"),
    ("PATCH", "/v1/profile", "/v1/profile", "{}"),
    ("GET", "/v1/events", "/v1/events", ""),
    ("POST", "/v1/web", "/v1/web", ""),
    ("POST", "/v1/passphrase", "/v1/passphrase", "{\"old\":\"a\",\"new\":\"b\"}"),
    ("POST", "/v1/backup", "/v1/backup", "{\"passphrase\":\"a\"}"),
    ("POST", "/v1/wipe", "/v1/wipe", "{\"confirm\":true}"),
    ("GET", "/v1/openapi.json", "/v1/openapi.json", ""),
    ("HEAD", "", "/v1/status", ""),
];

fn document() -> serde_json::Value {
    serde_json::from_str(&server::document()).unwrap()
}

#[test]
fn the_document_is_the_one_that_is_checked_in() {
    let text = server::document();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(CHECKED_IN, &text).unwrap();
    }
    let checked_in = fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(text == checked_in, "openapi.json is not what the code says: UPDATE_OPENAPI=1 cargo test -p chive openapi");
}

#[test]
fn the_document_has_every_operation_and_no_other() {
    let document = document();
    let documented: BTreeSet<_> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())))
        .collect();
    let expected = OPERATIONS.iter().filter(|operation| !operation.1.is_empty());
    assert_eq!(documented, expected.map(|(method, path, ..)| ((*method).into(), (*path).into())).collect());
}

#[tokio::test]
async fn every_operation_answers() {
    let door = Door::open();
    // The fake node has no web interface.
    for (method, _, path, body) in OPERATIONS.into_iter().filter(|operation| operation.1 != "/v1/web") {
        let status = door.raw(request(method, path, body)).await.status();
        assert!(status.is_success(), "{method} {path}: {status}");
    }
    door.close().await;
}

#[test]
fn every_operation_has_a_summary_an_id_and_its_errors() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            assert!(operation["summary"].is_string() && operation["operationId"].is_string(), "{method} {path}");
            for status in ["400", "500", "503", "default"] {
                let content = &operation["responses"][status]["content"]["application/problem+json"];
                assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{method} {path} {status}");
            }
        }
    }
}

#[test]
fn every_schema_that_is_named_is_there() {
    let document = document();
    let text = document.to_string();
    let named = text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap());
    for name in named {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
