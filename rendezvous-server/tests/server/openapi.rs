//! The `OpenAPI` document, the page for people, and the operator's endpoints.

use std::collections::BTreeSet;

use chive_rendezvous::http;
use serde_json::Value;

use crate::on_both::on_both;
use crate::world::{Person, World};

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

on_both!(
    the_document_is_served,
    the_page_shows_a_person_what_this_is,
    the_operator_sees_sums_and_nothing_else,
);

#[test]
fn the_document_matches_the_checked_in_file() {
    let text = http::document();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(CHECKED_IN, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(text == checked_in, "UPDATE_OPENAPI=1 cargo test -p chive-rendezvous openapi");
}

#[test]
fn every_reference_in_the_document_resolves() {
    let document: Value = serde_json::from_str(&http::document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(reference.strip_prefix('#').unwrap()).is_some(), "{reference}");
    }
}

fn collect(value: &Value, references: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            references.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            for value in map.values() {
                collect(value, references);
            }
        }
        Value::Array(list) => {
            for value in list {
                collect(value, references);
            }
        }
        _ => {}
    }
}

async fn the_document_is_served(world: World) {
    let answer = world.client().await.get("/v1/openapi.json").await.ok();
    assert_eq!(answer.body, http::document());
}

async fn the_page_shows_a_person_what_this_is(mut world: World) {
    world.config.notice = Some("Run by <b>us</b> & friends".into());
    world.restart().await;
    world.put(&Person::new(1).record(world.id(), world.now())).await.ok();

    let answer = world.client().await.get("/").await.ok();
    let text = std::str::from_utf8(&answer.body).unwrap();
    let address = world.id().to_address();
    for part in [
        &*address,
        "<svg",
        "Records that live now</dt><dd>1<",
        env!("CARGO_PKG_VERSION"),
        "&lt;b&gt;us",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }

    assert!(
        !text.contains("<script") && !text.contains("http://") || text.contains("www.w3.org"),
        "{text}"
    );
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

async fn the_operator_sees_sums_and_nothing_else(world: World) {
    let record = Person::new(1).record(world.id(), world.now());
    world.put(&record).await.ok();
    let mut admin = world.admin().await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(admin.get(path).await.status, 200, "{path}");
        world.client().await.get(path).await.is(chive_shared::api::Code::NotFound);
    }
    let text = String::from_utf8(admin.get("/metrics").await.ok().body.to_vec()).unwrap();
    assert!(text.contains("chive_rendezvous_records_live 1\n"), "{text}");
    assert!(text.contains("chive_rendezvous_records_stored_total 1\n"), "{text}");
    let address = data_encoding::HEXLOWER.encode(&record.address().0);
    assert!(!text.contains(&address[..16]) && !text.contains('{'), "no labels: {text}");
}
