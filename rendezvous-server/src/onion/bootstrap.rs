//! Getting into the Tor network: repeated attempts, for as long as any of them makes progress. It
//! never restarts arti; the caller does.

use std::time::Duration;

use chive_tor::Tor;
use futures::StreamExt;
use tokio::time::Instant;

use super::retries::RETRIES;

/// How long a bootstrap may go without progress.
const STALL_LIMIT: Duration = Duration::from_mins(4);

/// The bootstrap has stalled: a fresh run of arti has better chances.
pub(super) struct Stalled;

pub(super) async fn bootstrap(tor: &Tor) -> Result<(), Stalled> {
    let mut statuses = tor.status_changes();
    let attempts = async {
        let mut pauses = RETRIES.pauses();
        while let Err(kind) = tor.bootstrap().await {
            tracing::info!(?kind, "cannot get into the Tor network yet");
            tokio::time::sleep(pauses.after_failure()).await;
        }
    };
    tokio::pin!(attempts);

    let mut best = 0.0;
    let mut deadline = Instant::now() + STALL_LIMIT;
    loop {
        tokio::select! {
            () = &mut attempts => return Ok(()),
            Some(status) = statuses.next() => {
                if status.as_frac() > best {
                    best = status.as_frac();
                    deadline = Instant::now() + STALL_LIMIT;
                }
            }
            () = tokio::time::sleep_until(deadline) => return Err(Stalled),
        }
    }
}
