//! Tests of the local API: the real client over a real socket, in front of a real node with a real
//! store.

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
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::client::{Client, ClientError};
use super::server::{bind, serve};
use super::types::{ErrorCode, Message, NewContact, NewMessage, Problem};
use crate::clock::Clock;
use crate::identity::PeerId;
use crate::invitation::{Invitation, InvitationSecret};
use crate::node::{self, Ending, INCOMING_QUEUE, KeyUpdates, Links, NodeHandle, Parts, Running};
use crate::profile::{self, key_file::KeyFile};
use crate::store::{Store, Tx};
use crate::transport::ServiceKey;
use crate::transport::memory::MemoryNetwork;

mod client;
mod errors;
mod events;
mod openapi;
mod operations;
mod paths;
mod socket;

/// How long anything in a test may take.
const DEADLINE: Duration = Duration::from_secs(30);

async fn within<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, work).await.expect("it took too long")
}

/// A person whose node is running. Their store is not encrypted, so that it opens at once.
struct Person {
    running: Running,
    store: Store,
    directory: TempDir,
}

impl Person {
    async fn new(name: &str, network: &MemoryNetwork) -> Self {
        Self::prepared(name, network, async |_| ()).await
    }

    /// A person whose store is written to before their node reads it.
    async fn prepared(
        name: &str,
        network: &MemoryNetwork,
        prepare: impl AsyncFnOnce(&mut Tx),
    ) -> Self {
        let (store, directory) = empty_store().await;
        let mut rng = StdRng::from_os_rng();
        profile::move_in(&store, name, Clock::system().now(), &mut rng).await.unwrap();

        let mut tx = store.begin().await.unwrap();
        prepare(&mut tx).await;
        tx.commit().await.unwrap();

        let (accepted, incoming) = mpsc::channel(INCOMING_QUEUE);
        let parts = Parts {
            store: store.clone(),
            transport: Arc::new(network.transport(accepted)),
            incoming,
            directory: directory.path().to_owned(),
            clock: Clock::system(),
            rng,
            key_updates: KeyUpdates::default(),
            links: Links::Always,
        };
        Self { running: node::start(parts).await.unwrap(), store, directory }
    }

    fn node(&self) -> &NodeHandle {
        &self.running.handle
    }

    /// Checks again whenever something happens at this person's node.
    async fn waits_until(&self, check: impl AsyncFn(&NodeHandle) -> bool) {
        let mut newest = self.node().newest_event();
        let wait = async {
            while !check(self.node()).await {
                newest.changed().await.unwrap();
            }
        };
        within(wait).await;
    }

    /// Adds a contact by a link that leads nowhere: messages to them wait.
    async fn invites_nobody_as(&self, name: &str, number: u8) {
        let new =
            NewContact { link: link_to_nobody(number), name: Some(name.into()), message: None };
        self.node().add_contact(new).await.unwrap();
    }

    async fn sends(&self, to: &str, text: &str) -> Message {
        let new = NewMessage { text: text.into(), id: None, expires_in: None };
        self.node().send(to, new).await.unwrap()
    }

    /// Gives their profile a key file, which only this passphrase opens.
    fn has_passphrase(&self, passphrase: &str) {
        let (file, mut rng) = (self.directory.path().join("key"), StdRng::from_os_rng());
        KeyFile::create(&file, passphrase.as_bytes(), &mut rng).unwrap();
    }

    async fn stops(self) -> Ending {
        self.running.stop.cancel();
        within(self.running.ended).await.unwrap()
    }
}

async fn empty_store() -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_fast(&directory.path().join("chive.db")).await.unwrap();
    (store, directory)
}

/// An invitation of somebody who is never online. Each number is another person.
fn link_to_nobody(number: u8) -> String {
    let (front_door, peer_id) = (ServiceKey([number; 32]).onion_address(), PeerId([number; 32]));
    let secret = InvitationSecret([number; 16]);
    Invitation { front_door, peer_id, secret }.to_link().to_string()
}

/// The API in front of a node, and a client of it.
struct Api {
    client: Client,
    socket: PathBuf,
    stopping: CancellationToken,
    served: JoinHandle<io::Result<()>>,
    _directory: TempDir,
}

impl Api {
    fn of(node: NodeHandle) -> Self {
        Self::served_by(|listener, stopping| {
            tokio::spawn(serve(listener, node, stopping.cancelled_owned()))
        })
    }

    fn served_by(
        serve: impl FnOnce(UnixListener, CancellationToken) -> JoinHandle<io::Result<()>>,
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("api.sock");
        let stopping = CancellationToken::new();
        let served = serve(bind(&socket).unwrap(), stopping.clone());
        Self {
            client: Client::new(socket.clone()),
            socket,
            stopping,
            served,
            _directory: directory,
        }
    }

    /// The API of a person whom nobody knows.
    async fn of_ada() -> (Person, Self) {
        let ada = Person::new("Ada", &MemoryNetwork::default()).await;
        let api = Self::of(ada.node().clone());
        (ada, api)
    }

    /// The API of a person with the contact Bob, who is never online.
    async fn of_ada_and_bob() -> (Person, Self) {
        let (ada, api) = Self::of_ada().await;
        ada.invites_nobody_as("Bob", 1).await;
        (ada, api)
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

    /// Makes a request that is refused, and checks that the answer is a problem.
    async fn problem(&self, request: Request<Full<Bytes>>) -> Problem {
        let response = self.raw(request).await;
        let status = response.status();
        assert_eq!(response.headers()["content-type"], "application/problem+json");

        let problem: Problem = serde_json::from_value(json(response).await).unwrap();
        assert_eq!(problem.status, status.as_u16());
        assert_eq!(problem.kind, "about:blank");
        assert_eq!(Some(problem.title.as_str()), status.canonical_reason());
        problem
    }
}

async fn json(response: Response<Incoming>) -> Value {
    let body = within(response.into_body().collect()).await.unwrap().to_bytes();
    serde_json::from_slice(&body).unwrap()
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(path);
    request.header("content-type", "application/json").body(Full::new(body.into())).unwrap()
}

#[track_caller]
fn assert_refused<T: std::fmt::Debug>(
    answer: Result<T, ClientError>,
    code: ErrorCode,
    status: StatusCode,
) {
    match answer {
        Err(ClientError::Problem(problem)) => {
            assert_eq!((problem.code, problem.status), (code, status.as_u16()));
        }
        other => panic!("expected a problem, got {other:?}"),
    }
}
