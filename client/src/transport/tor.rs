//! Tor as a transport: dials onion services and hosts ours, and never logs an address. arti itself
//! is in `chive-tor`.
//!
//! | file | what it does |
//! |---|---|
//! | `bridges` | puts the bridges that a person pasted into Tor's settings |
//! | `bootstrap` | connects to the network |
//! | `problem` | says what blocks it |
//! | `arti` | runs arti, and restarts it |
//! | `dial` | opens streams to others |
//! | `isolation` | keeps each contact on circuits of its own |
//! | `port` | names the ports of clients and servers |
//! | `hosting` | runs the services that are wanted |
//! | `service` | runs one service: launches it, probes it, launches it again |
//! | `admission` | limits the circuits to a service |
//! | `accept` | accepts circuits and their streams |
//! | `watchdog` | judges by probes whether a service can be reached |
//! | `reachability` | reports which services can be reached |
//! | `stream` | ends streams when their service or the transport is closed |

mod accept;
mod admission;
mod arti;
mod bootstrap;
mod bridges;
mod dial;
mod hosting;
mod isolation;
mod port;
mod problem;
mod reachability;
mod service;
mod stream;
mod watchdog;

use std::sync::Arc;
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
use self::hosting::Hosting;
use self::isolation::Isolation;
use self::port::onion_and_port;
use self::reachability::ServiceStates;
use self::service::ServiceContext;
use self::stream::CancellableStream;
use super::{
    Destination, DialError, HostedService, Incoming, IsolationToken, NetworkStatus, ServicesStatus,
    Stream, Transport,
};

pub use self::bridges::{check_bridges, with_bridges};
pub use chive_tor::{TorOptions, TorStartError, check_overrides};

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
    services: Arc<ServiceStates>,
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
        let (network, services) = (Arc::new(Network::new()), Arc::new(ServiceStates::new()));
        let dialer = Arc::new(Dialer::new(Arc::clone(&arti), Arc::clone(&network)));
        tasks.spawn(bootstrap::run(Arc::clone(&arti), Arc::clone(&network), stop.child_token()));
        let context = Arc::new(ServiceContext {
            arti: Arc::clone(&arti),
            dialer: Arc::clone(&dialer),
            network: Arc::clone(&network),
            services: Arc::clone(&services),
            incoming,
        });
        let hosting = Hosting::new(context, tasks.clone(), stop.clone());

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
            dialled = self
                .dialer
                .connect(onion_and_port(to), Isolation::Token(isolation), attempt) => {
                let stream: Stream = Box::new(CancellableStream::new(dialled?, &self.stop, ()));
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
