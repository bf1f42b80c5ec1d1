//! A network inside one process: for tests of everything above the transports.

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::{mpsc, watch};

use super::{
    Circle, DialError, Door, DoorStatus, Hosted, Incoming, NetworkStatus, OnionAddress, Reachability, Transport,
};
use crate::model::Reason;

/// Bytes on their way in one direction of a stream.
const BUFFER: usize = 64 * 1024;

type Services = HashMap<OnionAddress, (Door, mpsc::Sender<Incoming>)>;

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
        let ready = NetworkStatus { ready: true, percent: 100, summary: Reason::TorConnected, stalled: None };
        let closed = DoorStatus { front: Reachability::Closed, endpoint: Reachability::Closed };
        MemoryTransport {
            lag: Duration::ZERO,
            network: self.clone(),
            incoming,
            hosted: Mutex::default(),
            status: watch::channel(ready).0,
            doors: watch::channel(closed).0,
        }
    }

    /// How many streams there are that a dialler waits for, or holds open.
    #[must_use]
    pub fn open_streams(&self) -> watch::Receiver<usize> {
        self.open.subscribe()
    }

    fn services(&self) -> MutexGuard<'_, Services> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One person's way into a [`MemoryNetwork`].
pub struct MemoryTransport {
    lag: Duration,
    network: MemoryNetwork,
    incoming: mpsc::Sender<Incoming>,
    hosted: Mutex<Vec<OnionAddress>>,
    status: watch::Sender<NetworkStatus>,
    doors: watch::Sender<DoorStatus>,
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

    fn replace(&self, services: &[Hosted]) {
        let mut hosted = self.hosted.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.network.services();
        for old in hosted.drain(..) {
            all.remove(&old);
        }
        for service in services {
            all.insert(service.seed.address(), (service.door, self.incoming.clone()));
            hosted.push(service.seed.address());
        }
        let state =
            |door| if services.iter().any(|s| s.door == door) { Reachability::Reachable } else { Reachability::Closed };
        self.doors.send_replace(DoorStatus { front: state(Door::Front), endpoint: state(Door::Endpoint) });
    }
}

impl Transport for MemoryTransport {
    fn dial_port(
        &self,
        to: OnionAddress,
        _: u16,
        _: Circle,
        _: u32,
    ) -> BoxFuture<'static, Result<super::Stream, DialError>> {
        let (network, lag) = (self.network.clone(), self.lag);
        let counted = Counted::new(&network.open);
        async move {
            tokio::time::sleep(lag).await;
            let service = network.services().get(&to).cloned();
            let (door, incoming) = service.ok_or(DialError::Unreachable)?;
            let (ours, theirs) = tokio::io::duplex(BUFFER);
            let accepted = incoming.send(Incoming { door, at: to, stream: Box::new(theirs) }).await;
            accepted.map_err(|_| DialError::Unreachable)?;
            Ok(Box::new(DiallersEnd { stream: ours, _counted: counted }) as super::Stream)
        }
        .boxed()
    }

    fn host(&self, services: Vec<Hosted>) -> BoxFuture<'static, ()> {
        self.replace(&services);
        async {}.boxed()
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.status.subscribe()
    }

    fn doors(&self) -> watch::Receiver<DoorStatus> {
        self.doors.subscribe()
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
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for DiallersEnd {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
