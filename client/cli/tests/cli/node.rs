//! A stand-in for a node: it answers the local API with one contact, `bob`, whose texts and names
//! are hostile, and remembers what it was asked to change.

use std::convert::Infallible;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use axum::extract::{Query, Request, State};
use axum::http::{Method, StatusCode};
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::stream;
use serde_json::{Value, json};
use tokio::net::UnixListener;
use tokio::sync::watch;

use super::chive::{Chive, Done};

/// How long a test waits for a request.
const DEADLINE: Duration = Duration::from_secs(20);
const HOSTILE: &str = "\u{1b}[2J\u{202e}evil\u{9b}31m\u{200b}";

/// A running stand-in. It stops when it is dropped.
pub(crate) struct Node {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    thread: Option<thread::JoinHandle<()>>,
}

struct Shared {
    past: Mutex<Past>,
    news: Condvar,
    events: watch::Sender<Vec<Value>>,
}

/// What the stand-in was asked so far.
#[derive(Default)]
struct Past {
    /// Methods and paths that change something, with their bodies.
    asked: Vec<(String, Value)>,
    /// How often its events were asked for.
    followed: usize,
}

impl Node {
    pub(crate) fn start(chive: &Chive) -> Done<Self> {
        Self::serve(chive, Arc::new(Shared::new()))
    }

    /// Stops, does something while nobody is there, and starts again with the same past.
    pub(crate) fn restart(mut self, chive: &Chive, meanwhile: impl FnOnce(&Self)) -> Done<Self> {
        self.stop();
        std::fs::remove_file(chive.profile().join("api.sock"))?;
        meanwhile(&self);
        Self::serve(chive, self.shared.clone())
    }

    fn serve(chive: &Chive, shared: Arc<Shared>) -> Done<Self> {
        let runtime = tokio::runtime::Runtime::new()?;
        let listener =
            runtime.block_on(async { UnixListener::bind(chive.profile().join("api.sock")) })?;
        let (stop, stopped) = watch::channel(false);
        let router = Router::new().fallback(answer).with_state((shared.clone(), stopped.clone()));
        let thread = thread::spawn(move || {
            let until = async move |mut stopped: watch::Receiver<bool>| {
                drop(stopped.wait_for(|stop| *stop).await);
            };
            let _ = runtime.block_on(
                axum::serve(listener, router).with_graceful_shutdown(until(stopped)).into_future(),
            );
        });
        Ok(Self { shared, stop, thread: Some(thread) })
    }

    fn stop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// What it was asked to change, in order.
    pub(crate) fn asked(&self) -> Vec<(String, Value)> {
        lock(&self.shared.past).asked.clone()
    }

    pub(crate) fn until_asked(&self, times: usize) -> Done {
        self.shared.until(|past| past.asked.len() >= times)
    }

    pub(crate) fn until_followed(&self, times: usize) -> Done {
        self.shared.until(|past| past.followed >= times)
    }

    /// Adds an event, and sends it to those who follow.
    pub(crate) fn event(&self, mut event: Value) {
        self.shared.events.send_modify(|events| {
            event["seq"] = json!(events.len() + 1);
            event["at"] = json!(0);
            events.push(event);
        });
    }

    pub(crate) fn link() -> &'static str {
        "chive:aebagbafaydqqcikbmga2dqpcaireeyuculbogaz"
    }

    pub(crate) fn status(&self) -> Value {
        self.shared.status()
    }

    pub(crate) fn contact() -> Value {
        contact()
    }

    /// The message that the history holds.
    pub(crate) fn message(state: &str) -> Value {
        message("received", state, HOSTILE, &"ab".repeat(16))
    }

    /// The last message that was sent through this node.
    pub(crate) fn sent(&self, state: &str) -> Value {
        let (_, body) = self.asked().pop().unwrap_or_default();
        sent(&body, state)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn new() -> Self {
        Self {
            past: Mutex::default(),
            news: Condvar::new(),
            events: watch::Sender::new(Vec::new()),
        }
    }

    fn remember(&self, change: impl FnOnce(&mut Past)) {
        change(&mut lock(&self.past));
        self.news.notify_all();
    }

    fn until(&self, done: impl Fn(&Past) -> bool) -> Done {
        let waited = self.news.wait_timeout_while(lock(&self.past), DEADLINE, |past| !done(past));
        let (_past, late) = waited.unwrap_or_else(PoisonError::into_inner);
        if late.timed_out() { Err("it was not asked in time".into()) } else { Ok(()) }
    }

    fn status(&self) -> Value {
        json!({
            "version": "0.1.0", "name": "Alice", "started_at": 0,
            "tor": {"ready": true, "percent": 100, "summary": {"code": "tor_connected"}},
            "front_door": "closed", "endpoint": "reachable",
            "contacts": 1, "online": 0, "waiting": 0, "presence": "on", "servers": 0,
            "servers_reachable": 0, "requests": 0, "last_event": self.events.borrow().len(),
        })
    }
}

fn contact() -> Value {
    json!({
        "id": "cd".repeat(32), "name": "bob", "shared_name": HOSTILE, "state": "accepted",
        "reason": {"code": "unconfirmed"}, "presence": "offline", "presence_hidden": false,
        "verified": false, "safety_number": "12345 67890", "conversation": "12".repeat(16),
        "created_at": 0,
    })
}

fn conversation() -> Value {
    let policy = json!({"disappear_after": 0, "read_receipts": false});
    json!({
        "id": "12".repeat(16), "kind": "direct", "name": "bob",
        "members": [{"id": "cd".repeat(32), "name": "bob"}],
        "settings": {"ours": policy, "theirs": policy, "in_force": policy, "confirmed": true},
        "unread": 1, "waiting": 0, "created_at": 0,
    })
}

fn message(direction: &str, state: &str, text: &str, id: &str) -> Value {
    json!({
        "id": id, "conversation": "12".repeat(16), "conversation_name": "bob",
        "direction": direction, "text": text, "state": state, "created_at": 0,
    })
}

fn sent(body: &Value, state: &str) -> Value {
    message(
        "sent",
        state,
        body["text"].as_str().unwrap_or_default(),
        body["id"].as_str().unwrap_or_default(),
    )
}

fn invitation() -> Value {
    json!({
        "id": "01".repeat(16), "link": "chive:aebagbafaydqqcikbmga2dqpcaireeyuculbogaz",
        "state": "active", "uses": 1, "used": 0, "created_at": 0, "expires_at": 604_800_000,
    })
}

type Here = (Arc<Shared>, watch::Receiver<bool>);

async fn answer(
    State((shared, stopped)): State<Here>,
    query: Query<Vec<(String, String)>>,
    request: Request,
) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    if path == "/v1/events" {
        let after =
            query.iter().find(|(key, _)| key == "after").and_then(|(_, after)| after.parse().ok());
        return events(&shared, stopped, after.unwrap_or(0));
    }

    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if path.contains("nobody") {
        return unknown();
    }

    // What is shown is marked as read, again and again: no order of a person.
    if method != Method::GET && !path.ends_with("/read") {
        shared.remember(|past| past.asked.push((format!("{method} {path}"), body.clone())));
    }

    let is_a_conversation = path.starts_with("/v1/conversations/") && !path.ends_with("/messages");
    let answer = match (method.as_str(), path.rsplit('/').next().unwrap_or_default()) {
        ("GET", "status") => shared.status(),
        ("GET", "contacts") => json!([contact()]),
        ("GET", "conversations") => json!([conversation()]),
        ("GET", "messages") => json!([message("received", "received", HOSTILE, &"ab".repeat(16))]),
        ("POST", "messages") => sent(&body, "queued"),
        ("POST", "invitations") => invitation(),
        ("POST", "backup") => return vec![7; 100_000].into_response(),
        ("POST", "passphrase" | "wipe") => return StatusCode::NO_CONTENT.into_response(),
        _ if is_a_conversation => conversation(),
        _ => contact(),
    };

    Json(answer).into_response()
}

fn unknown() -> Response {
    let problem = json!({
        "type": "about:blank", "title": "Not Found", "status": 404,
        "detail": "there is no contact `nobody`", "code": "unknown_contact",
    });
    let kind = [("content-type", "application/problem+json")];
    (StatusCode::NOT_FOUND, kind, problem.to_string()).into_response()
}

/// The events after a cursor, till the node stops.
fn events(shared: &Shared, stopped: watch::Receiver<bool>, after: usize) -> Response {
    shared.remember(|past| past.followed += 1);
    let from = (shared.events.subscribe(), stopped, after);
    let events = stream::unfold(from, |(mut events, mut stopped, after)| async move {
        let event = tokio::select! {
            _ = stopped.wait_for(|stop| *stop) => return None,
            more = events.wait_for(|events| events.len() > after) => more.ok()?[after].clone(),
        };
        let data = sse::Event::default().id(event["seq"].to_string()).data(event.to_string());
        Some((Ok::<_, Infallible>(data), (events, stopped, after + 1)))
    });
    Sse::new(events).into_response()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
