//! A network inside one process: for tests of everything above the transports.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{mpsc, watch};

use super::{
    Address, Destination, DialError, HostedService, Incoming, IsolationToken, NetworkStatus,
    ServicesStatus, Stream, Transport,
};
use crate::model::{Reason, ServiceKind};

/// Bytes on their way in one direction of a stream.
const BUFFER: usize = 64 * 1024;

type Services = HashMap<Address, (ServiceKind, mpsc::Sender<Incoming>)>;

/// The network: every transport made from it reaches the others.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    services: Arc<Mutex<Services>>,
    open: watch::Sender<usize>,
}

impl MemoryNetwork {
    /// One person's way into the network.
    #[must_use]
    pub fn transport(&self, incoming: mpsc::Sender<Incoming>) -> MemoryTransport {
        let ready = NetworkStatus {
            ready: true,
            percent: 100,
            summary: Reason::TorConnected,
            stalled: None,
        };
        MemoryTransport {
            lag: Duration::ZERO,
            network: self.clone(),
            incoming,
            hosted: Mutex::default(),
            status: watch::channel(ready).0,
            reachable: watch::channel(ServicesStatus::CLOSED).0,
        }
    }

    /// How many streams there are that a dialler waits for, or holds open.
    #[must_use]
    pub fn open_streams(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock()
    }
}

/// One person's way into a [`MemoryNetwork`].
pub struct MemoryTransport {
    lag: Duration,
    network: MemoryNetwork,
    incoming: mpsc::Sender<Incoming>,
    hosted: Mutex<Vec<Address>>,
    status: watch::Sender<NetworkStatus>,
    reachable: watch::Sender<ServicesStatus>,
}

impl MemoryTransport {
    /// The same, with dials that take so long.
    #[must_use]
    pub fn with_lag(self, lag: Duration) -> Self {
        Self { lag, ..self }
    }

    /// Says that the network is there, or that it seems lost.
    pub fn seems_ready(&self, ready: bool) {
        self.status.send_modify(|status| status.ready = ready);
    }

    fn replace(&self, services: &[HostedService]) {
        let mut hosted = self.hosted.lock();
        let mut all = self.network.services();
        for old in hosted.drain(..) {
            all.remove(&old);
        }
        for service in services {
            let address = Address::Onion(service.key.onion_address());
            all.insert(address, (service.kind, self.incoming.clone()));
            hosted.push(address);
        }

        self.reachable.send_replace(ServicesStatus::reachable(services));
    }
}

impl Transport for MemoryTransport {
    fn dial(
        &self,
        to: Destination,
        _: IsolationToken,
        _: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>> {
        let (network, lag, at) = (self.network.clone(), self.lag, to.address());
        let counted = Counted::new(&network.open);
        async move {
            tokio::time::sleep(lag).await;
            let known = network.services().get(&at).cloned();
            let (service, incoming) = known.ok_or(DialError::Unreachable)?;

            let (ours, theirs) = tokio::io::duplex(BUFFER);
            let accepted = incoming.send(Incoming { service, at, stream: Box::new(theirs) }).await;
            accepted.map_err(|_| DialError::Unreachable)?;
            Ok(Box::new(DiallersEnd { stream: ours, _counted: counted }) as Stream)
        }
        .boxed()
    }

    fn host(&self, services: Vec<HostedService>) -> BoxFuture<'static, ()> {
        self.replace(&services);
        async {}.boxed()
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.status.subscribe()
    }

    fn services(&self) -> watch::Receiver<ServicesStatus> {
        self.reachable.subscribe()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.replace(&[]);
        async {}.boxed()
    }
}

/// Counts as long as it is held.
struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(all: &watch::Sender<usize>) -> Self {
        all.send_modify(|all| *all += 1);
        Self(all.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|all| *all -= 1);
    }
}

/// A dialler's end of a stream.
struct DiallersEnd {
    stream: DuplexStream,
    _counted: Counted,
}

impl AsyncRead for DiallersEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for DiallersEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::transport::{Reachability, ServiceKey};

    fn service(kind: ServiceKind, byte: u8) -> HostedService {
        HostedService { kind, key: ServiceKey([byte; 32]), current: true }
    }

    #[tokio::test]
    async fn a_dial_reaches_the_service_at_its_address() {
        let network = MemoryNetwork::default();
        let (accepted, mut incoming) = mpsc::channel(1);
        let (alice, bob) = (network.transport(accepted), network.transport(mpsc::channel(1).0));
        let (requests, contacts) =
            (service(ServiceKind::Requests, 1), service(ServiceKind::Contacts, 2));
        let at = Address::Onion(contacts.key.onion_address());
        alice.host(vec![requests, contacts]).await;

        let mut ours = bob.dial(Destination::Peer(at), IsolationToken(0), 0).await.unwrap();
        let mut theirs = incoming.recv().await.unwrap();
        ours.write_all(b"hi").await.unwrap();
        let mut received = [0; 2];
        theirs.stream.read_exact(&mut received).await.unwrap();

        assert_eq!((theirs.service, theirs.at, &received), (ServiceKind::Contacts, at, b"hi"));
    }

    #[tokio::test]
    async fn only_hosted_services_are_reachable() {
        let (accepted, _incoming) = mpsc::channel(1);
        let transport = MemoryNetwork::default().transport(accepted);
        let requests = service(ServiceKind::Requests, 1);
        let to = Destination::Peer(requests.key.onion_address().into());
        assert_eq!(*transport.services().borrow(), ServicesStatus::CLOSED);

        transport.host(vec![requests]).await;
        let status = *transport.services().borrow();
        assert_eq!(
            (status.requests, status.contacts),
            (Reachability::Reachable, Reachability::Closed)
        );
        assert!(transport.dial(to, IsolationToken(0), 0).await.is_ok());

        transport.close().await;
        assert_eq!(*transport.services().borrow(), ServicesStatus::CLOSED);
        assert!(matches!(
            transport.dial(to, IsolationToken(0), 0).await,
            Err(DialError::Unreachable)
        ));
    }
}
