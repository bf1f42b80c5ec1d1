//! Answers that a front-end reads from the socket, if something else than a node listens there.

use std::path::PathBuf;
use std::sync::LazyLock;

use chive::api::client::{Client, ClientError};
use futures::StreamExt;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use crate::input::Input;
use crate::runtime::block_on;

static SERVER: LazyLock<(TempDir, PathBuf, UnixListener)> = LazyLock::new(|| {
    let directory = tempfile::tempdir().expect("a directory");
    let socket = directory.path().join("api.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    (directory, socket, listener)
});

pub(super) fn answers(data: &[u8]) {
    let mut input = Input(data);
    let (question, has_head) = (input.byte(), input.byte() % 2 == 0);
    let kind = if question % 8 == 0 { "text/event-stream" } else { "application/json" };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n");
    let answer = [if has_head { head.as_bytes() } else { b"" }, input.0].concat();
    block_on(async {
        let client = Client::new(SERVER.1.clone());
        tokio::join!(ask(question, &client), send(&answer))
    });
}

async fn send(answer: &[u8]) {
    let (mut stream, _) = SERVER.2.accept().await.expect("a question");
    let _ = stream.read(&mut [0; 4096]).await;
    let _ = stream.write_all(answer).await;
}

async fn ask(question: u8, client: &Client) {
    match question % 8 {
        0 => client.events(None).for_each(|event| async { survives_round_trip(event) }).await,
        1 => survives_round_trip(client.status().await),
        2 => survives_round_trip(client.invitations().await),
        3 => survives_round_trip(client.contacts().await),
        4 => survives_round_trip(client.contact("Bob").await),
        5 => survives_round_trip(client.history("Bob", 10, None).await),
        6 => survives_round_trip(client.message("3b").await),
        _ => drop(client.remove_contact("Bob").await),
    }
}

/// An answer that is read is the same after it is written and read again.
fn survives_round_trip<T: Serialize + DeserializeOwned + PartialEq>(
    answer: Result<T, ClientError>,
) {
    if let Ok(value) = answer {
        let json = serde_json::to_vec(&value).expect("it is JSON");
        assert!(serde_json::from_slice::<T>(&json).expect("it can be read") == value);
    }
}
