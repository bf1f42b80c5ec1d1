//! Tor as a transport: it dials onion services and hosts them, and never logs an address. arti
//! itself is in `chive-tor`.
//!
//! | file | what it does |
//! |---|---|
//! | `bridges` | what a person pasted, put into Tor's settings |
//! | `bootstrap` | the way to the network |
//! | `trouble` | what can stand in it |
//! | `arti` | arti, one run after another |
//! | `dial` | streams to others |
//! | `isolation` | each contact on circuits of its own |
//! | `services` | which services run |
//! | `service` | one service: launched, watched, launched anew |
//! | `callers` | so many circuits of theirs, and no more |
//! | `reception` | streams from others |
//! | `watchdog` | can a service be reached? |
//! | `stream` | streams that end when we say so |

mod arti;
mod bootstrap;
mod bridges;
mod callers;
mod dial;
mod isolation;
mod reception;
mod service;
mod services;
mod stream;
mod trouble;
mod watchdog;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chive_tor::TorConfig;
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::arti::Arti;
use self::bootstrap::Network;
use self::dial::Dialer;
use self::isolation::Isolation;
use self::service::House;
use self::services::{Hosting, Services};
use self::stream::Tied;
use super::{
    Address, Destination, DialError, HostedService, Incoming, IsolationToken, NetworkStatus,
    OnionAddress, ServicesStatus, Stream, Transport,
};

pub use self::bridges::{check_bridges, with_bridges};
pub use chive_tor::{TorOptions, TorStartError, check_overrides};

/// The port at which the onion service of a client takes streams. No relay sees it.
const PEER_PORT: u16 = 1042;
/// The port at which the onion service of a rendezvous server takes streams.
const SERVER_PORT: u16 = 80;
/// How long what was written before a close, and the ends of streams, get to leave.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// Tor as a [`Transport`]. Dropping it stops everything; [`Transport::close`] also waits for that.
pub struct TorTransport {
    inner: Arc<Inner>,
}

struct Inner {
    arti: Arc<Arti>,
    dialer: Arc<Dialer>,
    network: Arc<Network>,
    services: Arc<Services>,
    hosting: Hosting,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl TorTransport {
    /// Starts Tor and returns at once: [`Transport::network`] tells how far it is. Streams that
    /// others open come out of `incoming`.
    pub fn start(
        options: TorOptions,
        incoming: mpsc::Sender<Incoming>,
    ) -> Result<Self, TorStartError> {
        let runtime = Handle::try_current().map_err(|_| TorStartError::NoRuntime)?;
        let config = TorConfig::build(options)?;

        config.forget_services();
        let arti = Arc::new(Arti::start(config, runtime)?);
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (network, services) = (Arc::new(Network::new()), Arc::new(Services::new()));
        let dialer = Arc::new(Dialer::new(Arc::clone(&arti), Arc::clone(&network)));
        tasks.spawn(bootstrap::run(Arc::clone(&arti), Arc::clone(&network), stop.child_token()));
        let house = Arc::new(House {
            arti: Arc::clone(&arti),
            dialer: Arc::clone(&dialer),
            network: Arc::clone(&network),
            services: Arc::clone(&services),
            incoming,
        });
        let hosting = Hosting::new(house, tasks.clone(), stop.clone());

        Ok(Self {
            inner: Arc::new(Inner { arti, dialer, network, services, hosting, tasks, stop }),
        })
    }
}

impl Transport for TorTransport {
    fn dial(
        &self,
        to: Destination,
        isolation: IsolationToken,
        attempt: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>> {
        let inner = Arc::clone(&self.inner);
        async move { inner.dial(to, isolation, attempt).await }.boxed()
    }

    fn forget(&self, isolation: IsolationToken) {
        self.inner.dialer.forget(Isolation::Token(isolation));
    }

    fn host(&self, services: Vec<HostedService>) -> BoxFuture<'static, ()> {
        let inner = Arc::clone(&self.inner);
        async move { inner.hosting.host(services).await }.boxed()
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.inner.network.subscribe()
    }

    fn services(&self) -> watch::Receiver<ServicesStatus> {
        self.inner.services.subscribe()
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
    async fn dial(
        &self,
        to: Destination,
        isolation: IsolationToken,
        attempt: u32,
    ) -> Result<Stream, DialError> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(DialError::Closed),
            dialled = self.dialer.connect(onion_and_port(to), Isolation::Token(isolation), attempt) => {
                let stream: Stream = Box::new(Tied::new(dialled?, &self.stop, ()));
                Ok(stream)
            }
        }
    }

    /// Services and streams first, then circuits, then the client, then whatever it leaves behind:
    /// a runtime that ends under a live client panics.
    async fn close(&self) {
        self.stop.cancel();
        self.hosting.close().await;
        self.tasks.close();
        self.tasks.wait().await;
        tokio::time::sleep(LAST_WORDS).await;
        self.arti.end().await;
        self.arti.forget_services();
        self.network.closed();
    }
}

/// The onion service to dial, and the port on it.
fn onion_and_port(to: Destination) -> (OnionAddress, u16) {
    match to {
        Destination::Peer(Address::Onion(onion)) => (onion, PEER_PORT),
        Destination::Server(Address::Onion(onion)) => (onion, SERVER_PORT),
    }
}

/// The content of a lock. What is behind ours stays whole even if a holder panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_and_servers_have_their_own_ports() {
        let onion = OnionAddress([1; 32]);
        assert_eq!(onion_and_port(Destination::Peer(onion.into())), (onion, 1042));
        assert_eq!(onion_and_port(Destination::Server(onion.into())), (onion, 80));
    }
}
