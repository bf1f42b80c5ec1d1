//! One run of arti: it starts, bootstraps, dials, and ends with all its tasks. How often to try
//! again is the caller's decision.

use std::collections::HashSet;
use std::sync::Arc;

use arti_client::status::BootstrapStatus;
use arti_client::{DataStream, ErrorKind, HasKind, TorClient};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use parking_lot::Mutex;
use safelog::DisplayRedacted;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio_util::sync::CancellationToken;
use tor_hscrypto::pk::HsId;

use crate::config::TorConfig;
use crate::error::TorStartError;
use crate::runtime::{ArtiRuntime, ArtiTasks};

/// arti's client on our runtime.
pub(crate) type Client = TorClient<ArtiRuntime>;

/// One run of arti. [`Tor::close`] ends it; dropping it alone does not end its tasks.
pub struct Tor {
    pub(crate) client: Arc<Client>,
    /// The nicknames of the services whose keys arti holds: it refuses a key twice, and forgets
    /// none.
    pub(crate) keys: Mutex<HashSet<String>>,
    tasks: ArtiTasks,
}

impl Tor {
    /// Starts arti's tasks. Nothing goes over the network before [`Tor::bootstrap`].
    pub fn start(config: &TorConfig, handle: Handle) -> Result<Self, TorStartError> {
        // arti panics without a provider. An error means that one is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // arti blocks in place, which panics in any other kind of runtime.
        if handle.runtime_flavor() != RuntimeFlavor::MultiThread {
            return Err(TorStartError::NoRuntime);
        }
        let tasks = ArtiTasks::new(handle);
        let client = TorClient::with_runtime(tasks.runtime())
            .config(config.arti())
            .create_unbootstrapped()
            .map_err(|error| TorStartError::Arti(error.kind()))?;
        Ok(Self { client, keys: Mutex::default(), tasks })
    }

    /// Makes one attempt to get into the network; returns when the directory is complete, or with
    /// the reason why the attempt failed.
    #[must_use]
    pub fn bootstrap(&self) -> BoxFuture<'_, Result<(), ErrorKind>> {
        async { self.client.bootstrap().await.map_err(|error| error.kind()) }.boxed()
    }

    /// How far the bootstrap has come.
    #[must_use]
    pub fn status(&self) -> BootstrapStatus {
        self.client.bootstrap_status()
    }

    /// The status, whenever it changes.
    #[must_use]
    pub fn status_changes(&self) -> BoxStream<'static, BootstrapStatus> {
        self.client.bootstrap_events().boxed()
    }

    /// Circuits that nothing else shares.
    #[must_use]
    pub fn isolated(&self) -> Circuits {
        Circuits(self.client.isolated_client())
    }

    /// Cancelled when this run is over; nothing that came from it continues.
    #[must_use]
    pub fn stopped(&self) -> &CancellationToken {
        self.tasks.stopped()
    }

    /// Tells all tasks to end, without waiting.
    pub fn cancel(&self) {
        self.tasks.cancel();
    }

    /// Ends the run, and waits until all its tasks have ended.
    #[must_use]
    pub fn close(&self) -> BoxFuture<'_, ()> {
        self.tasks.close().boxed()
    }
}

/// Dials over circuits of its own.
pub struct Circuits(Arc<Client>);

impl Circuits {
    /// Opens a stream to a port of the onion service with this Ed25519 public key.
    #[must_use]
    pub fn connect(
        &self,
        to: &[u8; 32],
        port: u16,
    ) -> BoxFuture<'_, Result<DataStream, ErrorKind>> {
        let name = host_name(*to);
        async move { self.0.connect((name, port)).await.map_err(|error| error.kind()) }.boxed()
    }
}

/// The name that arti connects to. Never logged, never stored.
fn host_name(address: [u8; 32]) -> String {
    HsId::from(address).display_unredacted().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_is_an_onion_address() {
        let name = host_name([7; 32]);
        assert_eq!(name.strip_suffix(".onion").map(str::len), Some(56));
    }
}
