//! The runtime that arti's tasks run on: tokio, but all of arti's tasks can be ended at once, and
//! no others.
//!
//! Left to itself, arti 0.47 outlives its client: after a dial it keeps the circuits of that dial
//! for ten minutes, and the task that maintains vanguards holds on to everything else for an hour
//! or more, the lock on the state directory included.

use std::future::Future;
use std::time::Duration;

use futures::future::FutureObj;
use futures::task::{Spawn, SpawnError};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tor_rtcompat::tokio::TokioRustlsRuntime as Tokio;
use tor_rtcompat::{Blocking, CompoundRuntime, RealCoarseTimeProvider};

/// A runtime that spawns by [`ArtiTasks`], and leaves everything else to tokio.
pub(crate) type ArtiRuntime =
    CompoundRuntime<ArtiTasks, Tokio, RealCoarseTimeProvider, Tokio, Tokio, Tokio, Tokio>;

/// How long arti's tasks may take to end.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Spawns arti's tasks, and ends them.
#[derive(Clone)]
pub(crate) struct ArtiTasks {
    tokio: Tokio,
    handle: Handle,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl ArtiTasks {
    /// Spawns tasks on a tokio runtime.
    pub(crate) fn new(handle: Handle) -> Self {
        let tokio = Tokio::from(handle.clone());
        Self { tokio, handle, tracker: TaskTracker::new(), stop: CancellationToken::new() }
    }

    /// A runtime that spawns its tasks here.
    pub(crate) fn runtime(&self) -> ArtiRuntime {
        let tokio = || self.tokio.clone();
        CompoundRuntime::new(
            self.clone(),
            tokio(),
            RealCoarseTimeProvider::new(),
            tokio(),
            tokio(),
            tokio(),
            tokio(),
        )
    }

    /// Cancelled when the tasks are to end.
    pub(crate) fn stopped(&self) -> &CancellationToken {
        &self.stop
    }

    /// Tells all tasks to end, without waiting.
    pub(crate) fn cancel(&self) {
        self.stop.cancel();
    }

    /// Ends all tasks, and waits until they have ended.
    pub(crate) async fn close(&self) {
        self.cancel();
        self.tracker.close();
        if tokio::time::timeout(TIMEOUT, self.tracker.wait()).await.is_err() {
            tracing::warn!("{} of arti's tasks do not end", self.tracker.len());
        }
    }
}

impl Spawn for ArtiTasks {
    fn spawn_obj(&self, future: FutureObj<'static, ()>) -> Result<(), SpawnError> {
        self.tracker.spawn_on(self.stop.clone().run_until_cancelled_owned(future), &self.handle);
        Ok(())
    }
}

impl Blocking for ArtiTasks {
    type ThreadHandle<T: Send + 'static> = <Tokio as Blocking>::ThreadHandle<T>;

    fn spawn_blocking<F, T>(&self, f: F) -> Self::ThreadHandle<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.tokio.spawn_blocking(f)
    }

    fn reenter_block_on<F>(&self, future: F) -> F::Output
    where
        F: Future,
        F::Output: Send + 'static,
    {
        self.tokio.reenter_block_on(future)
    }

    fn blocking_io<F, T>(&self, f: F) -> impl Future<Output = T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.tokio.blocking_io(f)
    }
}

#[cfg(test)]
mod tests {
    use futures::task::SpawnExt;

    use super::*;

    #[tokio::test]
    async fn a_task_that_never_ends_is_ended() {
        let tasks = ArtiTasks::new(Handle::current());
        let (alive, gone) = tokio::sync::oneshot::channel::<()>();
        let endless = async move {
            let _alive = alive;
            std::future::pending::<()>().await;
        };
        tasks.runtime().spawn(endless).unwrap();
        tasks.close().await;
        assert!(gone.await.is_err());
    }
}
