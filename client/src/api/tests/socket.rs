//! The socket: who can connect, what may be at its path, and when it ends.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use super::{Api, request, within};
use crate::api::client::{Client, ClientError};
use crate::api::server::bind;
use crate::api::server::limits::STOP_DEADLINE;

#[tokio::test]
async fn only_its_owner_can_connect() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    let _listener = bind(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else stays behind");
}

#[tokio::test]
async fn a_socket_without_a_listener_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(matches!(Client::new(path.clone()).status().await, Err(ClientError::NotRunning)));
    bind(&path).unwrap();
}

#[tokio::test]
async fn a_directory_of_a_process_that_died_is_no_obstacle() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join(format!(".{}", std::process::id()));
    fs::create_dir(&left).unwrap();
    drop(UnixListener::bind(left.join("s")).unwrap());
    bind(&dir.path().join("api.sock")).unwrap();
    assert!(!left.exists());
}

#[tokio::test]
async fn a_second_server_is_refused() {
    let (ada, api) = Api::of_ada().await;
    assert_eq!(bind(&api.socket).unwrap_err().kind(), ErrorKind::AddrInUse);
    within(api.client.status()).await.unwrap();
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn something_else_in_its_place_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("api.sock");
    fs::write(&path, "precious").unwrap();
    assert_eq!(bind(&path).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
}

#[tokio::test]
async fn a_stopped_server_is_not_running() {
    let (ada, api) = Api::of_ada().await;
    let (client, dir) = (api.client.clone(), api.socket.clone());
    within(client.status()).await.unwrap();
    api.close().await;
    assert!(
        matches!(within(client.status()).await, Err(ClientError::NotRunning)),
        "{}",
        dir.display()
    );
    ada.stops().await;
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_stop() {
    let (ada, api) = Api::of_ada().await;
    let _fresh = UnixStream::connect(&api.socket).await.unwrap();
    let _used = api.raw(request("GET", "/v1/status", "")).await;
    let begun = Instant::now();
    api.close().await;
    assert!(begun.elapsed() < STOP_DEADLINE, "{:?}", begun.elapsed());
    ada.stops().await;
}

/// HTTP/1.1 has no answer for it: the connection ends, and the next one is served.
#[tokio::test]
async fn http_2_after_a_broken_head_is_closed() {
    let (ada, api) = Api::of_ada().await;
    let mut stream = UnixStream::connect(&api.socket).await.unwrap();
    let request = "POST \u{fffd}/v1/passphrase HTTP/1.1\r\nhost: chive\r\n\r\n\nPRI * \
                  HTTP/2.0\r\n\r\nSM\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = vec![];
    within(stream.read_to_end(&mut answer)).await.unwrap();
    assert_eq!(answer, b"");
    within(api.client.status()).await.unwrap();
    api.close().await;
    ada.stops().await;
}
