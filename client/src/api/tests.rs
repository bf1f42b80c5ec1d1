//! The local API told as stories: the real server and the real client over a real socket, with a
//! node in between that remembers what it was asked.

use std::future::Future;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::UnixStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::{Client, ClientError};
use super::server::{bind, serve};
use super::types::{ErrorCode, Problem};

mod client;
mod errors;
mod events;
mod fake;
mod openapi;
mod paths;
mod socket;

use fake::Fake;

/// How long anything in a test may take.
const DEADLINE: Duration = Duration::from_secs(30);

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it took too long")
}

/// A server in front of a fake node, and a client of it.
struct Door {
    node: Arc<Fake>,
    client: Client,
    socket: PathBuf,
    stopping: CancellationToken,
    served: JoinHandle<io::Result<()>>,
    _dir: TempDir,
}

impl Door {
    fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("api.sock");
        let listener = bind(&socket).unwrap();
        let (node, stopping) = (Arc::new(Fake::default()), CancellationToken::new());
        let served = tokio::spawn(serve(listener, Arc::clone(&node), stopping.clone().cancelled_owned()));
        Self { node, client: Client::new(socket.clone()), socket, stopping, served, _dir: dir }
    }

    async fn close(self) {
        self.stopping.cancel();
        within(self.served).await.unwrap().unwrap();
    }

    /// A request that the client would not make.
    async fn raw(&self, request: Request<Full<Bytes>>) -> Response<Incoming> {
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        within(sender.send_request(request)).await.unwrap()
    }

    /// Asks for a problem and checks that it is one.
    async fn problem(&self, request: Request<Full<Bytes>>) -> Problem {
        let response = self.raw(request).await;
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Problem = serde_json::from_value(json(response).await).unwrap();
        assert_eq!(problem.status, status.as_u16());
        assert_eq!((problem.kind.as_str(), Some(problem.title.as_str())), ("about:blank", status.canonical_reason()));
        problem
    }
}

async fn json(response: Response<Incoming>) -> Value {
    let body = within(response.into_body().collect()).await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    request.body(Full::new(body.into())).unwrap()
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(answer: Result<T, ClientError>, code: ErrorCode, status: StatusCode) {
    match answer {
        Err(ClientError::Problem(problem)) => assert_eq!((problem.code, problem.status), (code, status.as_u16())),
        other => panic!("expected a problem, got {other:?}"),
    }
}
