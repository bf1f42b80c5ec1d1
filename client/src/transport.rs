//! `Transport`: opens streams to addresses of the kinds that it knows, and takes the streams of
//! others. Knows nothing of contacts, handshakes or messages.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::model::{Reason, ServiceKind};

pub mod memory;
pub mod tor;

/// A two-way byte stream of any transport.
pub trait AsyncStream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> AsyncStream for T {}

/// A transport that several tasks use.
pub type SharedTransport = Arc<dyn Transport>;

/// An open stream to somebody.
pub type Stream = Box<dyn AsyncStream>;

/// The Ed25519 public key of a v3 onion service: 32 bytes. It never prints itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OnionAddress(pub [u8; 32]);

impl fmt::Debug for OnionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnionAddress(…)")
    }
}

/// Where something can be reached. Each kind of network has its own kind of address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// An onion service, over Tor.
    Onion(OnionAddress),
}

impl From<OnionAddress> for Address {
    fn from(address: OnionAddress) -> Self {
        Self::Onion(address)
    }
}

/// What a dial is to reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// The client of another person.
    Peer(Address),
    /// A rendezvous server, which listens at another port than clients do.
    Server(Address),
}

impl Destination {
    /// The address to dial.
    #[must_use]
    pub fn address(self) -> Address {
        match self {
            Self::Peer(address) | Self::Server(address) => address,
        }
    }
}

/// The secret key of a service that this profile hosts: an Ed25519 seed of 32 bytes, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct ServiceKey(pub [u8; 32]);

impl fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServiceKey(…)")
    }
}

impl ServiceKey {
    /// The address of the onion service that has this key.
    #[must_use]
    pub fn onion_address(&self) -> OnionAddress {
        OnionAddress(ed25519_dalek::SigningKey::from_bytes(&self.0).verifying_key().to_bytes())
    }
}

/// A stream that somebody opened to one of our services.
pub struct Incoming {
    /// What the service is for.
    pub service: ServiceKind,
    /// The address of that service: a replaced one may be hosted beside the current one.
    pub at: Address,
    /// The stream, before any handshake.
    pub stream: Stream,
}

/// Dials with different tokens never share a path through the network: there is one token for each
/// contact, and there are others for servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IsolationToken(pub u64);

/// How far the way to the network is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStatus {
    /// True once dials can be expected to work.
    pub ready: bool,
    /// Progress in percent, 0 to 100.
    pub percent: u8,
    /// The step that is under way, or that the network is ready.
    pub summary: Reason,
    /// Why it does not go on: the clock is wrong, there is no route, or Tor is blocked.
    pub stalled: Option<Reason>,
}

impl NetworkStatus {
    /// What everything waits for while the network is not ready.
    #[must_use]
    pub fn obstacle(&self) -> Reason {
        let cause = self.summary.clone().boxed();
        self.stalled.clone().unwrap_or(Reason::AwaitingTor { cause, percent: self.percent })
    }
}

/// Whether others can reach a service, judged by dialling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reachability {
    /// Not hosted.
    Closed,
    /// Launched, not yet reached by ourselves.
    Starting,
    /// Our last dial to ourselves got through.
    Reachable,
    /// It was reachable, or should have been; it is not now, and is being relaunched.
    Unreachable,
}

/// Whether others can reach the services that they are told of now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServicesStatus {
    /// The service that takes contact requests.
    pub requests: Reachability,
    /// The service that takes links of contacts.
    pub contacts: Reachability,
}

impl ServicesStatus {
    /// Neither service is hosted.
    pub const CLOSED: Self =
        Self { requests: Reachability::Closed, contacts: Reachability::Closed };

    /// The status for which `state` gives that of each service.
    pub fn of(state: impl Fn(ServiceKind) -> Reachability) -> Self {
        Self { requests: state(ServiceKind::Requests), contacts: state(ServiceKind::Contacts) }
    }

    /// The status where every service can be reached as soon as it is hosted.
    #[must_use]
    pub fn reachable(services: &[HostedService]) -> Self {
        Self::of(|kind| {
            let is_hosted = services.iter().any(|service| service.kind == kind);
            if is_hosted { Reachability::Reachable } else { Reachability::Closed }
        })
    }
}

/// Why a dial failed. Every kind is transient: the caller tries again, later.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The network is not ready.
    #[error("the network is not ready")]
    NotReady,
    /// Nobody answers at this address now.
    #[error("nobody answers there")]
    Unreachable,
    /// No answer within the time limit.
    #[error("no answer in time")]
    TimedOut,
    /// The transport has been closed.
    #[error("the transport is closed")]
    Closed,
}

/// A service that the transport is to host for us.
#[derive(Clone, Debug)]
pub struct HostedService {
    /// Whether contacts or requests come in by it.
    pub kind: ServiceKind,
    /// The key that makes the address.
    pub key: ServiceKey,
    /// Whether others are told this one now. Replaced ones stay up for a while.
    pub current: bool,
}

/// A way to dial and to be dialled. Accepted streams arrive on the channel that the transport was
/// started with.
pub trait Transport: Send + Sync + 'static {
    /// Opens a stream. `attempt` counts the failures since the last success: a retry takes a new
    /// path.
    fn dial(
        &self,
        to: Destination,
        isolation: IsolationToken,
        attempt: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>>;

    /// Drops the paths of a token: the next dial with it takes an entirely new one.
    fn forget(&self, isolation: IsolationToken) {
        let _ = isolation;
    }

    /// Hosts exactly these services from now on: launches new ones, closes those not listed.
    fn host(&self, services: Vec<HostedService>) -> BoxFuture<'static, ()>;

    /// How far the network is.
    fn network(&self) -> watch::Receiver<NetworkStatus>;

    /// Whether our services can be reached.
    fn services(&self) -> watch::Receiver<ServicesStatus>;

    /// Closes every service and stream and waits for the end.
    fn close(&self) -> BoxFuture<'static, ()>;
}
