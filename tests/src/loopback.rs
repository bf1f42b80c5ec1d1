//! A transport without Tor: onion services are Unix sockets in one directory, so that real clients
//! can run in processes that are killed. A killed process leaves a dead socket, which is replaced.
//! Nothing here delays, isolates or authenticates.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chive::model::{Reason, ServiceKind};
use chive::transport::{
    Address, Destination, DialError, HostedService, Incoming, IsolationToken, NetworkStatus,
    OnionAddress, ServicesStatus, Stream, Transport,
};
use data_encoding::HEXLOWER;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

/// How many bytes of an address name its socket: paths of sockets must be short.
const NAME_BYTES: usize = 8;

/// The socket of the service with this address.
#[must_use]
pub fn socket(directory: &Path, address: OnionAddress) -> PathBuf {
    directory.join(HEXLOWER.encode(&address.0[..NAME_BYTES]))
}

/// The transport of one person, to all who share the directory.
pub struct Loopback {
    directory: PathBuf,
    incoming: mpsc::Sender<Incoming>,
    hosted: Mutex<Vec<(OnionAddress, AbortOnDropHandle<()>)>>,
    made: AtomicU64,
    network: watch::Sender<NetworkStatus>,
    reachable: watch::Sender<ServicesStatus>,
}

impl Loopback {
    /// Streams that others open are sent to `incoming`.
    #[must_use]
    pub fn new(directory: &Path, incoming: mpsc::Sender<Incoming>) -> Self {
        let ready = NetworkStatus {
            ready: true,
            percent: 100,
            summary: Reason::TorConnected,
            stalled: None,
        };
        Self {
            directory: directory.to_owned(),
            incoming,
            hosted: Mutex::default(),
            made: AtomicU64::new(0),
            network: watch::Sender::new(ready),
            reachable: watch::Sender::new(ServicesStatus::CLOSED),
        }
    }

    fn replace(&self, services: &[HostedService]) {
        let mut hosted = self.hosted();
        hosted.retain(|(address, _)| {
            services.iter().any(|service| service.key.onion_address() == *address)
        });
        for service in services {
            let address = service.key.onion_address();
            if hosted.iter().all(|(known, _)| *known != address)
                && let Some(listener) = self.listen(address)
            {
                let answering =
                    tokio::spawn(answer(listener, service.kind, address, self.incoming.clone()));
                hosted.push((address, AbortOnDropHandle::new(answering)));
            }
        }

        self.reachable.send_replace(ServicesStatus::reachable(services));
    }

    /// Listens, and replaces a socket that a killed process left.
    fn listen(&self, address: OnionAddress) -> Option<UnixListener> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let fresh = self.directory.join(format!("{}.{number}", std::process::id()));
        let listener = UnixListener::bind(&fresh).ok()?;
        std::fs::rename(&fresh, socket(&self.directory, address)).ok()?;
        Some(listener)
    }

    fn hosted(&self) -> MutexGuard<'_, Vec<(OnionAddress, AbortOnDropHandle<()>)>> {
        self.hosted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn answer(
    listener: UnixListener,
    service: ServiceKind,
    at: OnionAddress,
    incoming: mpsc::Sender<Incoming>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        if incoming
            .send(Incoming { service, at: at.into(), stream: Box::new(stream) })
            .await
            .is_err()
        {
            return;
        }
    }
}

impl Transport for Loopback {
    fn dial(
        &self,
        to: Destination,
        _: IsolationToken,
        _: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>> {
        let Address::Onion(onion) = to.address();
        let socket = socket(&self.directory, onion);
        async move {
            let stream = UnixStream::connect(socket).await.map_err(|_| DialError::Unreachable)?;
            Ok(Box::new(stream) as Stream)
        }
        .boxed()
    }

    fn host(&self, services: Vec<HostedService>) -> BoxFuture<'static, ()> {
        self.replace(&services);
        async {}.boxed()
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.network.subscribe()
    }

    fn services(&self) -> watch::Receiver<ServicesStatus> {
        self.reachable.subscribe()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.replace(&[]);
        async {}.boxed()
    }
}
