//! Tor in this process, through arti: the only crate that names arti. Clients and rendezvous
//! servers use it alike; how long they wait, what they try again and whom they let in is up to
//! them.
//!
//! Nothing here opens a socket of its own, asks DNS, or logs an address.
//!
//! ```text
//! TorOptions ─► TorConfig ─► Tor: one run of arti ─┬─► Circuits::connect     streams that we dial
//!                                                  └─► Tor::launch           our clients' streams
//! ```
//!
//! In reading order:
//!
//! | module | what it is |
//! |---|---|
//! | [`config`] | arti's configuration, checked and completed |
//! | [`client`] | one run of arti, and dials |
//! | [`service`] | an onion service of ours, and its clients' requests |
//! | [`runtime`] | how arti's tasks are spawned, and all ended |
//! | `error` | why a start or a launch failed |
//!
//! arti's code is generic over the runtime that it runs on. Each future of it is boxed here, so
//! that it is compiled once, in this crate, and not in every crate and test that awaits it.

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
