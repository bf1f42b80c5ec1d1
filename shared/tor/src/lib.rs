//! Tor in this process, through arti: the only part that names arti. What clients and rendezvous
//! servers do with it alike is here; how long they wait, what they retry and whom they let in is
//! theirs.
//!
//! Nothing here opens a socket of its own, asks DNS, or logs an address.
//!
//! arti's code is generic over the runtime that it runs on. Each future of it is boxed here, so
//! that it is compiled here, once, and not in every crate and test that waits for it.

mod error;

pub mod config;
pub mod runtime;

pub mod client;

pub mod service;

pub use arti_client::status::{BlockageKind, BootstrapStatus};
pub use arti_client::{DataStream, ErrorKind};

pub use self::client::{Circuits, Tor};
pub use self::config::{TorConfig, TorOptions, check_overrides};
pub use self::error::{LaunchError, TorStartError};
pub use self::service::{
    Launched, MAX_STREAMS_PER_CIRCUIT, OnionService, RendRequest, StreamRequest,
};
