//! Tor, in this process, through arti: the only part that names arti. It dials onion services and
//! hosts them; it never opens a socket of its own, never asks DNS, and never logs an address.
//!
//! | file | what it does |
//! |---|---|
//! | `config` | arti's settings: the person's, and ours |
//! | `bootstrap` | the way to the network |
//! | `trouble` | what can stand in it, in words |
//! | `runtime` | arti's tasks, so that all of them end |
//! | `arti` | arti, one run after another |
//! | `dial` | streams to others |
//! | `circles` | each contact on circuits of its own |
//! | `doors` | which services run |
//! | `service` | one service: launched, watched, launched anew |
//! | `reception` | streams from others |
//! | `watchdog` | can a service be reached? |
//! | `stream` | streams that end when we say so |

mod arti;
mod bootstrap;
mod bridges;
mod callers;
mod circles;
mod config;
mod dial;
mod doors;
mod reception;
mod runtime;
mod service;
mod stream;
mod trouble;
mod watchdog;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arti_client::ErrorKind;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::arti::Arti;
use self::bootstrap::Network;
use self::circles::Isolation;
use self::dial::Dialer;
use self::doors::{Doors, Hosting};
use self::service::House;
use self::stream::Tied;
use super::{Circle, DialError, DoorStatus, Hosted, Incoming, NetworkStatus, OnionAddress, Stream, Transport};

pub use self::bridges::{check_bridges, with_bridges};
pub use self::config::{TorOptions, check_overrides};

/// Where arti keeps what it knows of our services, in its state directory.
const SERVICES_STATE: &str = "hss";

/// How long what was written before a close, and the ends of streams, get to leave.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Why Tor did not start.
#[derive(Debug, thiserror::Error)]
pub enum TorStartError {
    /// A directory could not be created or made private.
    #[error("cannot use the directory {}: {source}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The settings are wrong.
    #[error("Tor's settings are wrong: {0}")]
    Configuration(String),
    /// Started outside of a multi-threaded tokio runtime.
    #[error("Tor needs a multi-threaded tokio runtime")]
    NoRuntime,
    /// arti did not start.
    #[error("Tor did not start: {0}")]
    Arti(ErrorKind),
}

/// Tor as a [`Transport`]. Dropping it stops everything; [`Transport::close`] also waits for that.
pub struct TorTransport {
    inner: Arc<Inner>,
}

struct Inner {
    arti: Arc<Arti>,
    dialer: Arc<Dialer>,
    network: Arc<Network>,
    doors: Arc<Doors>,
    hosting: Hosting,
    tasks: TaskTracker,
    stop: CancellationToken,
    services_state: PathBuf,
}

impl TorTransport {
    /// Starts Tor and returns at once: [`Transport::network`] tells how far it is. Streams that
    /// others open come out of `incoming`.
    pub fn start(options: TorOptions, incoming: mpsc::Sender<Incoming>) -> Result<Self, TorStartError> {
        // arti panics without one. Somebody may have chosen before us: that is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = multi_threaded_runtime()?;
        let services_state = options.state_dir.join(SERVICES_STATE);
        forget(&services_state);
        let arti = Arc::new(Arti::start(config::build(options)?, runtime)?);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (network, doors) = (Arc::new(Network::new()), Arc::new(Doors::new()));
        let dialer = Arc::new(Dialer::new(Arc::clone(&arti), Arc::clone(&network)));
        tasks.spawn(bootstrap::run(Arc::clone(&arti), Arc::clone(&network), stop.child_token()));
        let house = Arc::new(House {
            arti: Arc::clone(&arti),
            dialer: Arc::clone(&dialer),
            network: Arc::clone(&network),
            doors: Arc::clone(&doors),
            incoming,
        });
        let hosting = Hosting::new(house, tasks.clone(), stop.clone());
        Ok(Self { inner: Arc::new(Inner { arti, dialer, network, doors, hosting, tasks, stop, services_state }) })
    }
}

impl Transport for TorTransport {
    fn dial_port(
        &self,
        to: OnionAddress,
        port: u16,
        circle: Circle,
        attempt: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>> {
        let inner = Arc::clone(&self.inner);
        async move { inner.dial((to, port), circle, attempt).await }.boxed()
    }

    fn forget(&self, circle: Circle) {
        self.inner.dialer.forget(Isolation::Circle(circle));
    }

    fn host(&self, services: Vec<Hosted>) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.inner);
        async move { inner.hosting.host(services).await }.boxed()
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.inner.network.subscribe()
    }

    fn doors(&self) -> watch::Receiver<DoorStatus> {
        self.inner.doors.subscribe()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.inner);
        async move { inner.close().await }.boxed()
    }
}

impl Drop for TorTransport {
    fn drop(&mut self) {
        self.inner.stop.cancel();
        self.inner.arti.cancel();
    }
}

impl Inner {
    async fn dial(&self, to: (OnionAddress, u16), circle: Circle, attempt: u32) -> Result<Stream, DialError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(DialError::Closed),
            dialled = self.dialer.connect(to, Isolation::Circle(circle), attempt) => {
                let stream: Stream = Box::new(Tied::new(dialled?, &self.stop, ()));
                Ok(stream)
            }
        }
    }

    /// Services and streams first, then circuits, then the client, then whatever it leaves behind: a
    /// runtime that ends under a live client panics.
    async fn close(&self) {
        self.stop.cancel();
        self.hosting.close().await;
        self.tasks.close();
        self.tasks.wait().await;
        tokio::time::sleep(LAST_WORDS).await;
        self.arti.end().await;
        forget(&self.services_state);
        self.network.closed();
    }
}

/// What arti keeps of our services is worth nothing without the keys, which it never stores; but it
/// names their introduction points: with the disk, and an old descriptor, it would prove that a
/// service was hosted here.
fn forget(services_state: &Path) {
    match std::fs::remove_dir_all(services_state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            tracing::warn!(kind = ?error.kind(), "the state of our services could not be removed");
        }
        _ => {}
    }
}

/// The runtime that this is called on. arti blocks in place, which other kinds answer with a panic.
fn multi_threaded_runtime() -> Result<Handle, TorStartError> {
    Handle::try_current()
        .ok()
        .filter(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
        .ok_or(TorStartError::NoRuntime)
}

/// The content of a lock. What is behind ours stays whole even if a holder panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
