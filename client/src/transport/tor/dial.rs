//! Dials onion services: how long a dial may take, and what a failure means.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use std::time::{Duration, Instant};

use chive_tor::{DataStream, ErrorKind};

use super::arti::{Arti, Run};
use super::bootstrap::Network;
use super::isolation::{Isolation, Taken};
use crate::transport::{DialError, OnionAddress};

/// The shortest time that a dial gets.
const MIN_TIMEOUT: Duration = Duration::from_secs(4);
/// The longest time that a dial gets: about twice what nine of ten connects need on a slow day.
const MAX_TIMEOUT: Duration = Duration::from_mins(1);
/// What a dial gets before anything was measured.
const FIRST_TIMEOUT: Duration = Duration::from_secs(30);
/// A dial gets this many times what the slowest of the recent ones took.
const TIMEOUT_FACTOR: u32 = 4;
/// How many connects are remembered.
const REMEMBERED_CONNECTS: usize = 8;
/// How long a dial may take, learned from those that worked.
///
/// An introduction that got lost never recovers, and nothing tells the dialler: so a dial is given
/// up soon, and the next one takes a fresh path. What "soon" means differs a hundredfold between
/// networks, hence the learning. Should the network have become slower, every further attempt gets
/// twice the time of the one before.
#[derive(Debug, Default)]
pub(super) struct DialTimeout {
    recent: VecDeque<Duration>,
}

impl DialTimeout {
    /// The limit for a dial after this many failed ones.
    pub(super) fn limit(&self, attempt: u32) -> Duration {
        let learned = self
            .recent
            .iter()
            .max()
            .map_or(FIRST_TIMEOUT, |slowest| slowest.saturating_mul(TIMEOUT_FACTOR));
        learned.max(MIN_TIMEOUT).saturating_mul(2_u32.saturating_pow(attempt)).min(MAX_TIMEOUT)
    }

    /// Remembers how long a connect on a fresh path took.
    pub(super) fn record(&mut self, took: Duration) {
        if self.recent.len() == REMEMBERED_CONNECTS {
            self.recent.pop_front();
        }
        self.recent.push_back(took);
    }
}

/// Opens streams to onion services.
pub(super) struct Dialer {
    arti: Arc<Arti>,
    network: Arc<Network>,
    timeout: Mutex<DialTimeout>,
}

impl Dialer {
    /// A dialler that has learned nothing yet.
    pub(super) fn new(arti: Arc<Arti>, network: Arc<Network>) -> Self {
        Self { arti, network, timeout: Mutex::default() }
    }

    /// Opens a stream to a port of an onion service. `attempt` counts the tries since the last
    /// success, from 0.
    pub(super) async fn connect(
        &self,
        to: (OnionAddress, u16),
        isolation: Isolation,
        attempt: u32,
    ) -> Result<DataStream, DialError> {
        let run =
            self.arti.run().filter(|_| self.network.bootstrapped()).ok_or(DialError::NotReady)?;
        tokio::select! {
            biased;
            () = run.tor.stopped().cancelled() => Err(DialError::NotReady),
            outcome = self.connect_in(&run, to, isolation, attempt) => outcome,
        }
    }

    async fn connect_in(
        &self,
        run: &Run,
        to: (OnionAddress, u16),
        isolation: Isolation,
        attempt: u32,
    ) -> Result<DataStream, DialError> {
        let taken = run.circuits.take(&run.tor, isolation, attempt);
        let limit = self.timeout.lock().limit(attempt);
        let started = Instant::now();
        let outcome = tokio::time::timeout(limit, taken.circuits.connect(&to.0.0, to.1)).await;
        let took = started.elapsed();
        let kind = match outcome {
            Ok(Ok(stream)) => {
                self.succeeded(run, isolation, &taken, took);
                return Ok(stream);
            }
            Ok(Err(kind)) => Some(kind),
            Err(_) => None,
        };

        // The kind only: an error's text may name the address.
        tracing::debug!(?kind, attempt, ?took, "a dial failed");
        self.failed(run, isolation, &taken, kind);

        Err(kind.map_or(DialError::TimedOut, dial_error))
    }

    /// Lets go of the circuits of an isolation.
    pub(super) fn forget(&self, isolation: Isolation) {
        if let Some(run) = self.arti.run() {
            run.circuits.forget(isolation);
        }
    }

    fn succeeded(&self, run: &Run, isolation: Isolation, taken: &Taken, took: Duration) {
        if taken.fresh {
            self.timeout.lock().record(took);
        }
        self.network.dial_succeeded();
        run.circuits.allow_reuse(isolation, taken);
    }

    fn failed(&self, run: &Run, isolation: Isolation, taken: &Taken, kind: Option<ErrorKind>) {
        if kind == Some(ErrorKind::OnionServiceNotFound) {
            self.network.dial_succeeded();
            run.circuits.allow_reuse(isolation, taken);
        } else {
            self.network.dial_failed(kind);
        }
    }
}

/// What a failure means to a caller.
fn dial_error(kind: ErrorKind) -> DialError {
    match kind {
        ErrorKind::BootstrapRequired
        | ErrorKind::DirectoryExpired
        | ErrorKind::TorDirectoryUnusable
        | ErrorKind::TorAccessFailed
        | ErrorKind::LocalNetworkError
        | ErrorKind::NoPath => DialError::NotReady,
        ErrorKind::TorNetworkTimeout | ErrorKind::RemoteNetworkTimeout | ErrorKind::ExitTimeout => {
            DialError::TimedOut
        }
        ErrorKind::ArtiShuttingDown => DialError::Closed,
        _ => DialError::Unreachable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(seconds: &[f64]) -> DialTimeout {
        let mut timeout = DialTimeout::default();
        for took in seconds {
            timeout.record(Duration::from_secs_f64(*took));
        }
        timeout
    }

    #[test]
    fn it_begins_patiently() {
        assert_eq!(learned(&[]).limit(0), FIRST_TIMEOUT);
        assert_eq!(learned(&[]).limit(1), MAX_TIMEOUT);
    }

    #[test]
    fn it_is_four_times_the_slowest() {
        assert_eq!(learned(&[2.0, 3.0, 1.0]).limit(0), Duration::from_secs(12));
    }

    #[test]
    fn it_stays_within_its_bounds() {
        assert_eq!(learned(&[0.1]).limit(0), MIN_TIMEOUT);
        assert_eq!(learned(&[50.0]).limit(0), MAX_TIMEOUT);
        assert_eq!(learned(&[50.0]).limit(u32::MAX), MAX_TIMEOUT);
    }

    #[test]
    fn it_forgets_what_is_long_past() {
        let mut seconds = vec![14.0];
        seconds.extend([2.0; REMEMBERED_CONNECTS]);
        assert_eq!(learned(&seconds).limit(0), Duration::from_secs(8));
    }

    #[test]
    fn it_grows_with_the_attempts() {
        let timeout = learned(&[0.5]);
        assert_eq!(timeout.limit(1), 2 * MIN_TIMEOUT);
        assert_eq!(timeout.limit(2), 4 * MIN_TIMEOUT);
    }
}
