//! arti itself: started, ended, and started afresh.
//!
//! A fresh start is what brings arti back after a long time without a network: it waits ever longer
//! before it tries a guard again that did not answer, for hours in the end, and nothing tells it
//! that the network has returned.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use arti_client::{HasKind, TorClient, TorClientConfig};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::circles::Circles;
use super::runtime::{ArtiRuntime, ArtiTasks};
use super::{TorStartError, locked};

/// arti's client on our runtime.
pub(super) type Client = TorClient<ArtiRuntime>;

/// One run of arti, with what lives as long as it does.
pub(super) struct Run {
    pub(super) client: Arc<Client>,
    /// Who dialled with which circuits.
    pub(super) circles: Circles,
    /// The services whose keys arti holds: it refuses to take one twice, and forgets none.
    pub(super) keys: Mutex<HashSet<String>>,
    tasks: ArtiTasks,
}

impl Run {
    fn start(config: &TorClientConfig, handle: Handle) -> Result<Self, TorStartError> {
        let tasks = ArtiTasks::new(handle);
        let client = TorClient::with_runtime(tasks.runtime())
            .config(config.clone())
            .create_unbootstrapped()
            .map_err(|error| TorStartError::Arti(error.kind()))?;
        Ok(Self { client, circles: Circles::default(), keys: Mutex::default(), tasks })
    }

    /// Cancelled when this run is over: nothing that came from it goes on.
    pub(super) fn over(&self) -> &CancellationToken {
        self.tasks.stopped()
    }
}

/// arti, one run after another.
pub(super) struct Arti {
    config: TorClientConfig,
    handle: Handle,
    run: Mutex<Option<Arc<Run>>>,
}

impl Arti {
    /// Starts the first run.
    pub(super) fn start(config: TorClientConfig, handle: Handle) -> Result<Self, TorStartError> {
        let run = Run::start(&config, handle.clone())?;
        Ok(Self { config, handle, run: Mutex::new(Some(Arc::new(run))) })
    }

    /// The run of now; none between two of them, and after the end.
    pub(super) fn run(&self) -> Option<Arc<Run>> {
        locked(&self.run).clone()
    }

    /// Ends this run and starts another.
    pub(super) async fn start_afresh(&self) {
        self.end().await;
        match Run::start(&self.config, self.handle.clone()) {
            Ok(run) => *locked(&self.run) = Some(Arc::new(run)),
            Err(error) => tracing::warn!(%error, "could not start afresh"),
        }
    }

    /// Ends this run, soon.
    pub(super) fn cancel(&self) {
        if let Some(run) = self.run() {
            run.tasks.cancel();
        }
    }

    /// Ends this run and waits until all its tasks have ended.
    pub(super) async fn end(&self) {
        let run = locked(&self.run).take();
        if let Some(run) = run {
            run.tasks.close().await;
        }
    }
}
