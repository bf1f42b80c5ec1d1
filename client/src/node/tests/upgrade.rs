//! Profiles that an earlier version made are opened by this one: nothing of them is lost, and their
//! owners go on talking with each other.
//!
//! The fixture was made by the version whose last migration was 0006. Alice has contacts in every
//! state, and messages in every state with them; Bob is one of those contacts. `shown.json` is what
//! the local API showed of both then, but for reasons: they were sentences, and have become codes.
//! A contact and the conversation with them were one thing then, and drafts were notes.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::*;
use crate::api::types::Search;
use crate::store::events;

/// What never changes: the profiles, and what was shown of them when they were made.
struct Fixture {
    directory: PathBuf,
    shown: Value,
}

impl Fixture {
    fn load() -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/profile_0006");
        let shown = fs::read_to_string(directory.join("shown.json")).unwrap();
        Self { directory, shown: serde_json::from_str(&shown).unwrap() }
    }

    /// A copy of a profile, with a clock that shows the time when it was made. Its node does not
    /// run.
    fn copy(&self, world: &World, name: &'static str) -> Person {
        let (from, to) = (self.directory.join(name.to_lowercase()), world.parent.path().join(name));
        fs::create_dir(&to).unwrap();
        for file in ["key", "chive.db"] {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }

        let person = Person::asleep(name, to, world.network.clone());
        let made_at = self.shown["made_at"].as_i64().unwrap();
        person.clock_off.store(made_at - Clock::system().now().0, Ordering::Relaxed);
        person
    }
}

/// How many rows there are of what the API does not show, and how far the events go.
async fn stored(person: &Person) -> (Value, i64) {
    let store = person.unlocks().await.store;
    let mut tx = store.begin().await.unwrap();
    let mut counts = Map::new();
    for table in [
        "invitation_use",
        "received",
        "held",
        "received_range",
        "forgotten",
        "answered",
        "restart",
        "request",
        "outbox WHERE kind = 'message' AND envelope IS NULL",
        "outbox WHERE kind = 'message' AND envelope IS NOT NULL",
        "outbox WHERE kind = 'card'",
        "outbox WHERE kind = 'settings'",
        "outbox WHERE kind = 'read'",
        "outbox WHERE kind = 'commit'",
    ] {
        let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
        let count: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await.unwrap();
        counts.insert(table.to_owned(), count.into());
    }

    let newest = events::newest(&mut tx).await.unwrap().0;
    drop(tx);
    store.close().await;

    (Value::Object(counts), newest)
}

/// The subjects of all events up to one.
async fn happened(person: &Person, newest: i64) -> Vec<String> {
    let mut all = vec![];
    let mut after = 0;
    loop {
        let page = person.node().events(after, 1000).await.unwrap();
        let Some(last) = page.last() else { return all };
        after = last.seq;
        for event in page.iter().take_while(|event| event.seq <= newest) {
            let what = serde_json::to_value(&event.what).unwrap();
            let subject = ["message", "contact", "invitation"]
                .iter()
                .find_map(|field| what[field]["id"].as_str());
            all.push(format!("{} {}", what["type"].as_str().unwrap(), subject.unwrap_or_default()));
        }
    }
}

/// Leaves out what depends on whether others are there.
fn without(shown: impl serde::Serialize, left_out: &[&str]) -> Value {
    let Value::Object(mut shown) = serde_json::to_value(shown).unwrap() else {
        panic!("an object")
    };
    shown.retain(|field, _| !left_out.contains(&field.as_str()));
    Value::Object(shown)
}

/// A message as it was shown then.
fn message_then(message: &Message, with: &Contact) -> Value {
    let mut then = without(message, &["reason", "conversation", "conversation_name", "author"]);
    then["contact"] = json!(with.name);
    then["contact_id"] = json!(with.id);
    then
}

/// A contact as they were shown then.
fn contact_then(contact: &Contact, conversation: &Conversation) -> Value {
    let left_out =
        ["conversation", "presence", "presence_source", "presence_reason", "since", "reason"];
    let refused = contact.state == ContactState::Refused;
    let mut then = without(contact, &left_out[..if refused { 5 } else { 6 }]);
    then["terms"] = json!(conversation.settings);
    then["unread"] = json!(conversation.unread);
    then["waiting"] = json!(conversation.waiting);
    if let Some(retain) = conversation.retain {
        then["retain"] = json!(retain);
    }
    then
}

/// Everything that the API shows of a profile and that stays the same while nobody is reached.
async fn shown(person: &Person) -> Value {
    let node = person.node();
    let status = without(
        node.status().await.unwrap(),
        &[
            "version",
            "started_at",
            "tor",
            "front_door",
            "endpoint",
            "servers_reachable",
            "last_event",
        ],
    );
    let (mut contacts, mut histories) = (vec![], Map::new());
    let mut notes: Vec<Value> =
        node.preferences().await.unwrap().iter().map(|preference| json!(preference)).collect();
    for contact in node.contacts().await.unwrap() {
        let conversation = node.conversation(&contact.conversation).await.unwrap();
        let history = person.history(&contact.name).await;
        let history: Vec<Value> =
            history.iter().map(|message| message_then(message, &contact)).collect();
        histories.insert(contact.name.clone(), history.into());
        if let Some(draft) = &conversation.draft {
            notes.push(json!({ "key": format!("draft.{}", contact.id), "text": draft }));
        }
        contacts.push(contact_then(&contact, &conversation));
    }

    notes.sort_by_key(|note| note["key"].to_string());
    let newest = node.conversations().await.unwrap().into_iter().filter_map(|one| one.newest);
    let mut newest: Vec<String> = newest.map(|message| message.id).collect();
    newest.sort();
    let servers = node.servers().await.unwrap();
    let servers: Vec<Value> = servers.iter().map(|s| json!([s.address, s.has_token])).collect();
    let found = Search { text: "while".into(), conversation: None, limit: 50, before: None };
    let found = node.search(found).await.unwrap();
    let found: Vec<Value> = found.into_iter().map(|message| message.id.into()).collect();

    json!({
        "status": status,
        "contacts": contacts,
        "histories": histories,
        "newest": newest,
        "found": found,
        "invitations": node.invitations().await.unwrap(),
        "servers": servers,
        "handles": node.handles().await.unwrap(),
        "requests": node.requests().await.unwrap(),
        "notes": notes,
    })
}

/// The newest messages have no order.
fn as_compared(field: &str, shown: &Value) -> Value {
    let mut shown = shown.clone();
    if field == "newest" {
        shown.as_array_mut().unwrap().sort_by_key(ToString::to_string);
    }
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgraded_profile_shows_what_it_showed_before() {
    let (fixture, world) = (Fixture::load(), World::new());
    for name in ["Alice", "Bob"] {
        let mut person = fixture.copy(&world, name);
        let (rows, newest) = stored(&person).await;
        let expected = &fixture.shown[name.to_lowercase()];
        assert_eq!(rows, expected["rows"], "{name}");

        person.wake().await;
        let shown = shown(&person).await;
        for (field, value) in expected["shown"].as_object().unwrap() {
            assert_eq!(shown[field], as_compared(field, value), "{field} of {name}");
        }
        assert_eq!(json!(happened(&person, newest).await), expected["events"], "{name}");
        person.sleep().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn upgraded_contacts_go_on_talking_and_deliver_once() {
    let (fixture, world) = (Fixture::load(), World::new());
    let (mut alice, mut bob) = (fixture.copy(&world, "Alice"), fixture.copy(&world, "Bob"));
    alice.wake().await;
    bob.wake().await;
    let waiting = |state: MessageState| matches!(state, MessageState::Queued | MessageState::Sent);
    for (one, other) in [(&alice, "Bob"), (&bob, "Alice")] {
        for message in one.history(other).await.iter().filter(|message| waiting(message.state)) {
            one.delivered(message).await;
        }
    }

    let last = alice.sends("Bob", "Are you there?").await;
    alice.delivered(&last).await;
    let answer = bob.sends("Alice", "Always.").await;
    bob.delivered(&answer).await;

    let (at_alice, at_bob) = (alice.history("Bob").await, bob.history("Alice").await);
    let exchanged =
        |m: &&Message| !matches!(m.state, MessageState::Cancelled | MessageState::Expired);
    let texts = |history: &[Message]| -> Vec<String> {
        let kept = history.iter().filter(exchanged);
        kept.map(|message| message.text.clone()).collect()
    };
    assert_eq!(texts(&at_alice), texts(&at_bob), "each once, and in one order");
    assert_eq!(at_alice.iter().map(|message| message.missing_before).sum::<u32>(), 2);
    assert_eq!(at_bob.iter().map(|message| message.missing_before).sum::<u32>(), 0);
    assert_eq!(alice.counts("SELECT count(*) FROM outbox WHERE kind = 'commit'").await, 0);
}
