//! Bytes, and how to find the other side. A transport carries streams between onion addresses; it
//! knows nothing of contacts, handshakes or messages.

use std::fmt;

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

/// The Ed25519 seed of an onion service that this profile hosts: 32 bytes, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OnionSeed(pub [u8; 32]);

impl fmt::Debug for OnionSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnionSeed(…)")
    }
}

impl OnionSeed {
    /// The address that a service with this seed has.
    #[must_use]
    pub fn address(&self) -> OnionAddress {
        OnionAddress(ed25519_dalek::SigningKey::from_bytes(&self.0).verifying_key().to_bytes())
    }
}

/// Which of the profile's services a stream came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// Takes contact requests only.
    Front,
    /// Known to accepted contacts alone.
    Endpoint,
}

impl From<ServiceKind> for Door {
    fn from(kind: ServiceKind) -> Self {
        match kind {
            ServiceKind::Requests => Self::Front,
            ServiceKind::Contacts => Self::Endpoint,
        }
    }
}

/// A stream that somebody opened to one of our services.
pub struct Incoming {
    /// The service it came in by.
    pub door: Door,
    /// The address of that service: a replaced one may be hosted beside the current one.
    pub at: OnionAddress,
    /// The stream, before any handshake.
    pub stream: Stream,
}

/// The port at which every Chive onion service takes streams. It exists inside the onion service only:
/// no relay sees it.
pub const PEER_PORT: u16 = 1042;
/// The port at which a rendezvous server's onion service takes them.
pub const SERVER_PORT: u16 = 80;

/// Dials with different circles never share a circuit. One circle for each contact, others for servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Circle(pub u64);

/// How far the way to the network is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkStatus {
    /// True once dials can be expected to work.
    pub ready: bool,
    /// 0 to 100.
    pub percent: u8,
    /// What happens now.
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

/// The state of both doors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoorStatus {
    /// The front door.
    pub front: Reachability,
    /// The endpoint that contacts are told now.
    pub endpoint: Reachability,
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

/// A service to host.
#[derive(Clone, Debug)]
pub struct Hosted {
    /// What it is for.
    pub door: Door,
    /// Its key.
    pub seed: OnionSeed,
    /// Whether others are told this one now. Replaced ones stay up for a while.
    pub current: bool,
}

/// A way to dial and to be dialled. Accepted streams arrive on the channel that the transport was
/// started with.
pub trait Transport: Send + Sync + 'static {
    /// Opens a stream to a port of an onion service. `attempt` counts the tries since the last success, from 0:
    /// retries take a fresh path.
    fn dial_port(
        &self,
        to: OnionAddress,
        port: u16,
        circle: Circle,
        attempt: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>>;

    /// Opens a stream to somebody's client.
    fn dial(&self, to: OnionAddress, circle: Circle, attempt: u32) -> BoxFuture<'static, Result<Stream, DialError>> {
        self.dial_port(to, PEER_PORT, circle, attempt)
    }

    /// Lets go of the circuits of a circle: the next dial in it takes a whole new path.
    fn forget(&self, circle: Circle) {
        let _ = circle;
    }

    /// Hosts exactly these services from now on: launches new ones, closes those not listed.
    fn host(&self, services: Vec<Hosted>) -> BoxFuture<'static, ()>;

    /// How far the network is.
    fn network(&self) -> watch::Receiver<NetworkStatus>;

    /// Whether our doors can be reached.
    fn doors(&self) -> watch::Receiver<DoorStatus>;

    /// Closes every service and stream and waits for the end.
    fn close(&self) -> BoxFuture<'static, ()>;
}
