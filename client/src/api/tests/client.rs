//! The client, when a server answers otherwise than a node does, or not at all.

use std::path::PathBuf;

use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

use super::within;
use crate::api::client::{Client, ClientError};

/// Answers one connection with these bytes.
fn answered_with(answer: &'static str) -> (Client, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    (Client::new(path), dir)
}

#[tokio::test]
async fn no_socket_means_not_running() {
    let client = Client::new(PathBuf::from("/nonexistent/api.sock"));
    assert!(matches!(client.status().await, Err(ClientError::NotRunning)));
    assert!(matches!(client.events(None).next().await, Some(Err(ClientError::NotRunning))));
}

#[tokio::test]
async fn an_answer_that_means_nothing() {
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 2\r\n\r\nhi",
        "SSH-2.0-OpenSSH_9.9\r\n\r\n",
    ];
    for answer in answers {
        let (client, _dir) = answered_with(answer);
        let got = within(client.status()).await;
        assert!(matches!(got, Err(ClientError::Protocol(_))), "{answer:?}: {got:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off() {
    for answer in ["", "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{"] {
        let (client, _dir) = answered_with(answer);
        let got = within(client.status()).await;
        assert!(matches!(got, Err(ClientError::Io(_))), "{answer:?}: {got:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_an_error_and_then_ends() {
    let (client, _dir) =
        answered_with("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n:\n\r\n");
    let mut events = client.events(None);
    assert!(matches!(within(events.next()).await, Some(Err(ClientError::Io(_)))));
    assert!(within(events.next()).await.is_none());
}

#[tokio::test]
async fn an_event_that_means_nothing() {
    let (client, _dir) = answered_with("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ndata: x\n\n");
    let mut events = client.events(None);
    assert!(matches!(within(events.next()).await, Some(Err(ClientError::Protocol(_)))));
    assert!(within(events.next()).await.is_none());
}
