//! The local API, as a program may ask it that knows no rules: the real node behind the real
//! socket. No request breaks the node, and each gets an answer in the form that
//! `client/openapi.json` promises.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

use chive::api::server;
use chive::api::types::Problem;
use chive::clock::Clock;
use chive::node::{self, KeyUpdates, Links, Parts, Running};
use chive::profile::{self, Passphrase, Profile};
use chive::transport::memory::MemoryNetwork;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::targets::block_on;

/// A node takes so many requests; then there is another one.
const REQUESTS: u32 = 2_000;
/// What is answered to a wipe alone: the node ends.
const WIPED: u16 = 202;
/// What is not answered at all.
const CLOSED: u16 = 0;
/// Headers that say where a request ends, or that somebody waits.
const NOT_OURS: [&str; 5] =
    ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];

/// What HTTP/1.1 has no answer for, when it follows a head that is broken: the connection is
/// closed.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static DOOR: Mutex<Option<Door>> = Mutex::new(None);

struct Door {
    socket: PathBuf,
    running: Running,
    api: JoinHandle<std::io::Result<()>>,
    left: u32,
    _profile: Profile,
    _directory: TempDir,
}

/// The first line is a method and a path, the second a header, the rest the body.
pub(super) fn requests(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).replace('\r', "");
    let (line, header) = (line(), line());
    let header = if NOT_OURS.iter().any(|name| header.to_ascii_lowercase().contains(name)) {
        ""
    } else {
        &header
    };
    let body = lines.next().unwrap_or_default();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: chive\r\nconnection: close\r\naccept: application/json\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n{header}{}\r\n",
        body.len(),
        if header.is_empty() { "" } else { "\r\n" },
    );
    block_on(async {
        let old = DOOR.lock().expect("one thread").take();
        let mut door = match old {
            Some(door) if door.left > 0 => door,
            old => Door::replace(old).await,
        };
        let answer = door.ask(&[head.as_bytes(), body].concat()).await;
        let status = if answer.is_empty() && body.trim_ascii_start().starts_with(HTTP_2) {
            CLOSED
        } else {
            judge(&answer, line.starts_with("HEAD "))
        };
        door.left = if status == WIPED { 0 } else { door.left - 1 };
        *DOOR.lock().expect("one thread") = Some(door);
    });
}

/// The answer's status.
fn judge(answer: &[u8], head_only: bool) -> u16 {
    let answer = str::from_utf8(answer).expect("JSON and HTTP are UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    let status: u16 = head[9..12].parse().expect("a status");
    assert!(status < 500, "{answer}");
    if head_only || head.contains("text/event-stream") || body.is_empty() {
        return status;
    }
    if status < 400 {
        serde_json::from_str::<Value>(body).expect("an answer is JSON");
    } else {
        assert!(head.contains("application/problem+json"), "{answer}");
        assert_eq!(serde_json::from_str::<Problem>(body).expect("a problem").status, status);
    }
    status
}

impl Door {
    async fn replace(old: Option<Self>) -> Self {
        if let Some(old) = old {
            old.close().await;
        }
        Self::open().await
    }

    async fn open() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (place, words) = (directory.path().join("p"), Passphrase::new("correct horse".into()));

        profile::create(&place, "Alice", &words).await.expect("a profile");
        let profile = profile::open(&place, &words).await.expect("it opens");
        let (accepted, incoming) = mpsc::channel(1);
        let parts = Parts {
            store: profile.store.clone(),
            transport: Arc::new(MemoryNetwork::default().transport(accepted)),
            incoming,
            directory: place,
            clock: Clock::system(),
            rng: StdRng::from_seed([1; 32]),
            key_updates: KeyUpdates::default(),
            links: Links::Always,
        };
        let running = node::start(parts).await.expect("a node");
        let socket = profile.socket();
        let stop = running.stop.clone();
        let listener = server::bind(&socket).expect("a socket");
        let api =
            tokio::spawn(server::serve(listener, running.handle.clone(), stop.cancelled_owned()));

        Self { socket, running, api, left: REQUESTS, _profile: profile, _directory: directory }
    }

    async fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).await.expect("a connection");
        let _ = stream.write_all(request).await;
        let mut answer = vec![];
        while !has_no_end(&answer) && stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {}
        answer
    }

    async fn close(self) {
        self.running.stop.cancel();
        self.running.ended.await.expect("the node did not break");
        self.api.await.expect("the server did not break").expect("nor its socket");
    }
}

/// Whether it is a stream of events.
fn has_no_end(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    answer.split_once("\r\n\r\n").is_some_and(|(head, _)| head.contains("text/event-stream"))
}
