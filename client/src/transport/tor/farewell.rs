//! Letting arti go, so that it lets go of its files and its tasks end.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arti_client::TorClientConfig;
use tor_circmgr::CircMgr;
use tor_config::Reconfigure;
use tor_rtcompat::tokio::TokioRustlsRuntime;

use super::config::Configurations;
use super::dial::Client;

/// How long arti gets to let go of its files.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long its tasks get to notice that they should end.
const STEP: Duration = Duration::from_millis(50);

/// Drops the client, which must be the last one, and waits until its state is unlocked.
pub(super) async fn let_go(client: Arc<Client>, configurations: &Configurations) {
    let stopped = client.wait_for_stop();
    let circuits = client.circmgr().map(|circuits| Arc::downgrade(&circuits)).unwrap_or_default();
    drop(client);
    tokio::select! {
        () = stopped => {}
        () = wake(circuits, configurations) => {}
        () = tokio::time::sleep(TIMEOUT) => tracing::debug!("arti still holds its files"),
    }
}

/// Wakes what keeps arti alive, again and again; never ends.
///
/// In arti 0.47 the task that maintains vanguards holds on to the whole client while it waits for
/// something to happen, for an hour or more. A change of their mode wakes it, and it then finds out
/// that its client is gone. The changes are for that only, and change nothing on disk.
async fn wake(circuits: Weak<CircMgr<TokioRustlsRuntime>>, configurations: &Configurations) {
    let reconfigure = |to: &TorClientConfig| {
        if let Some(circuits) = circuits.upgrade() {
            let _ = circuits.reconfigure(to, Reconfigure::WarnOnFailures);
        }
    };
    loop {
        tokio::time::sleep(STEP).await;
        reconfigure(&configurations.waking);
        tokio::time::sleep(STEP).await;
        reconfigure(&configurations.running);
    }
}
