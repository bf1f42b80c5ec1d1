//! Requests to the local API, of a program that knows no rules: the real node behind the real
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

use crate::runtime::block_on;

/// The requests that one node gets before it is replaced.
const REQUESTS: u32 = 2_000;
/// The status that only a wipe gets, after which the node ends.
const WIPED: u16 = 202;
/// Stands for a connection that is closed without an answer.
const CLOSED: u16 = 0;
/// Headers that a request must not have: they say where it ends, or that the client waits.
const FORBIDDEN: [&str; 5] =
    ["content-length", "transfer-encoding", "connection", "expect", "upgrade"];

/// The one beginning that HTTP/1.1 has no answer for: after a broken head, the connection is
/// closed.
const HTTP_2: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static API: Mutex<Option<LocalApi>> = Mutex::new(None);

/// A node with its local API.
struct LocalApi {
    socket: PathBuf,
    running: Running,
    serving: JoinHandle<std::io::Result<()>>,
    requests_left: u32,
    _profile: Profile,
    _directory: TempDir,
}

/// The first line is a method and a path, the second a header, the rest the body.
pub(super) fn requests(data: &[u8]) {
    let mut lines = data.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).replace('\r', "");
    let (line, header) = (line(), line());
    let body = lines.next().unwrap_or_default();
    let request = [head(&line, &header, body.len()).as_bytes(), body].concat();

    block_on(async {
        let old = API.lock().expect("one thread").take();
        let mut api = match old {
            Some(api) if api.requests_left > 0 => api,
            old => LocalApi::replace(old).await,
        };

        let answer = api.ask(&request).await;
        let status = if answer.is_empty() && body.trim_ascii_start().starts_with(HTTP_2) {
            CLOSED
        } else {
            check_answer(&answer, line.starts_with("HEAD "))
        };

        api.requests_left = if status == WIPED { 0 } else { api.requests_left - 1 };
        *API.lock().expect("one thread") = Some(api);
    });
}

/// A request's head, with the header unless it is a forbidden one.
fn head(line: &str, header: &str, body_length: usize) -> String {
    let is_forbidden = FORBIDDEN.iter().any(|name| header.to_ascii_lowercase().contains(name));
    let header = if is_forbidden || header.is_empty() { "" } else { &format!("{header}\r\n") };
    format!(
        "{line} HTTP/1.1\r\nhost: chive\r\nconnection: close\r\naccept: application/json\r\n\
         content-type: application/json\r\ncontent-length: {body_length}\r\n{header}\r\n"
    )
}

/// Checks the form of an answer, and gives its status.
fn check_answer(answer: &[u8], head_only: bool) -> u16 {
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

impl LocalApi {
    async fn replace(old: Option<Self>) -> Self {
        if let Some(old) = old {
            old.close().await;
        }
        Self::open().await
    }

    async fn open() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("p");
        let passphrase = Passphrase::new("correct horse".into());
        profile::create(&path, "Alice", &passphrase).await.expect("a profile");
        let profile = profile::open(&path, &passphrase).await.expect("it opens");

        let (accepted, incoming) = mpsc::channel(1);
        let parts = Parts {
            store: profile.store.clone(),
            transport: Arc::new(MemoryNetwork::default().transport(accepted)),
            incoming,
            directory: path,
            clock: Clock::system(),
            rng: StdRng::from_seed([1; 32]),
            key_updates: KeyUpdates::default(),
            links: Links::Always,
        };
        let running = node::start(parts).await.expect("a node");

        let socket = profile.socket();
        let stopped = running.stop.clone().cancelled_owned();
        let listener = server::bind(&socket).expect("a socket");
        let serving = tokio::spawn(server::serve(listener, running.handle.clone(), stopped));

        Self {
            socket,
            running,
            serving,
            requests_left: REQUESTS,
            _profile: profile,
            _directory: directory,
        }
    }

    async fn ask(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(&self.socket).await.expect("a connection");
        let _ = stream.write_all(request).await;
        let mut answer = vec![];
        while !is_endless(&answer) && stream.read_buf(&mut answer).await.unwrap_or(0) > 0 {}
        answer
    }

    async fn close(self) {
        self.running.stop.cancel();
        self.running.ended.await.expect("the node did not break");
        self.serving.await.expect("the server did not break").expect("nor its socket");
    }
}

/// Whether an answer is a stream of events.
fn is_endless(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    answer.split_once("\r\n\r\n").is_some_and(|(head, _)| head.contains("text/event-stream"))
}
