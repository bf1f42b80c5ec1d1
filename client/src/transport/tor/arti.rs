//! Starts, ends and restarts arti.
//!
//! A restart is what brings arti back after a long time without a network: it waits ever longer
//! before it tries a guard again that did not answer, for hours in the end, and nothing tells it
//! that the network has returned.

use std::sync::Arc;

use parking_lot::Mutex;

use chive_tor::{Tor, TorConfig, TorStartError};
use tokio::runtime::Handle;

use super::isolation::CircuitCache;

/// One run of arti, with what lives as long as it does.
pub(super) struct Run {
    pub(super) tor: Tor,
    /// The circuits of each isolation.
    pub(super) circuits: CircuitCache,
}

impl Run {
    fn start(config: &TorConfig, handle: Handle) -> Result<Arc<Self>, TorStartError> {
        Ok(Arc::new(Self { tor: Tor::start(config, handle)?, circuits: CircuitCache::default() }))
    }
}

/// arti, one run after another.
pub(super) struct Arti {
    config: TorConfig,
    handle: Handle,
    run: Mutex<Option<Arc<Run>>>,
}

impl Arti {
    pub(super) fn start(config: TorConfig, handle: Handle) -> Result<Self, TorStartError> {
        let run = Mutex::new(Some(Run::start(&config, handle.clone())?));
        Ok(Self { config, handle, run })
    }

    /// The run of now; none between two of them, and after the end.
    pub(super) fn run(&self) -> Option<Arc<Run>> {
        self.run.lock().clone()
    }

    /// Ends this run and starts another.
    pub(super) async fn restart(&self) {
        self.end().await;
        match Run::start(&self.config, self.handle.clone()) {
            Ok(run) => *self.run.lock() = Some(run),
            Err(error) => tracing::warn!(%error, "arti could not be restarted"),
        }
    }

    pub(super) fn cancel(&self) {
        if let Some(run) = self.run() {
            run.tor.cancel();
        }
    }

    /// Ends this run and waits until all its tasks have ended.
    pub(super) async fn end(&self) {
        let run = self.run.lock().take();
        if let Some(run) = run {
            run.tor.close().await;
        }
    }

    /// Removes what arti has kept of our services.
    pub(super) fn forget_services(&self) {
        self.config.forget_services();
    }
}
