//! Dialling: which circuits a dial may share, and how long it may take.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arti_client::{DataStream, ErrorKind, HasKind, TorClient};
use safelog::DisplayRedacted;
use tor_hscrypto::pk::HsId;

use super::bootstrap::Network;
use super::runtime::ArtiRuntime;
use super::{VIRTUAL_PORT, locked};
use crate::transport::{Circle, DialError, OnionAddress};

/// arti's client on our runtime.
pub(super) type Client = TorClient<ArtiRuntime>;

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
/// How many circles keep their circuits; the one unused for longest gives way.
const MAX_CIRCLES: usize = 4096;

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
        let learned = self.recent.iter().max().map_or(FIRST_TIMEOUT, |slowest| slowest.saturating_mul(TIMEOUT_FACTOR));
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

/// Dials with different isolations never share a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Isolation {
    /// Of one contact.
    Circle(Circle),
    /// Of one of our own services, when we look whether it can be reached.
    Probe(OnionAddress),
}

/// The client that keeps the circuits of one isolation.
struct Kept {
    client: Arc<Client>,
    /// False while a dial is under way, and after one that may still hang inside arti: a later
    /// one would wait for it instead of trying for itself.
    reusable: bool,
    used: Instant,
}

/// What was taken to dial with.
struct Taken {
    client: Arc<Client>,
    /// Nothing was dialled with it before, so that a connect measures a whole path.
    fresh: bool,
}

/// Opens streams to onion services.
pub(super) struct Dialer {
    /// None once it was closed.
    client: Mutex<Option<Arc<Client>>>,
    kept: Mutex<HashMap<Isolation, Kept>>,
    timeout: Mutex<DialTimeout>,
    network: Arc<Network>,
}

impl Dialer {
    /// A dialler with no circuits yet.
    pub(super) fn new(client: Arc<Client>, network: Arc<Network>) -> Self {
        Self { client: Mutex::new(Some(client)), kept: Mutex::default(), timeout: Mutex::default(), network }
    }

    /// The client that everything else comes from, unless it was closed.
    pub(super) fn client(&self) -> Option<Arc<Client>> {
        locked(&self.client).clone()
    }

    /// Opens a stream. `attempt` counts the tries since the last success, from 0.
    pub(super) async fn connect(
        &self,
        to: OnionAddress,
        isolation: Isolation,
        attempt: u32,
    ) -> Result<DataStream, DialError> {
        if !self.network.bootstrapped() {
            return Err(DialError::NotReady);
        }
        let taken = self.take(isolation, attempt).ok_or(DialError::Closed)?;
        let limit = locked(&self.timeout).limit(attempt);
        let started = Instant::now();
        let outcome = tokio::time::timeout(limit, taken.client.connect((host_name(to), VIRTUAL_PORT))).await;
        let took = started.elapsed();
        let kind = match outcome {
            Ok(Ok(stream)) => {
                self.succeeded(isolation, &taken, took);
                return Ok(stream);
            }
            Ok(Err(error)) => Some(error.kind()),
            Err(_) => None,
        };
        // The kind only: an error's text may name the address.
        tracing::debug!(?kind, attempt, ?took, "a dial failed");
        self.failed(isolation, &taken, kind);
        Err(kind.map_or(DialError::TimedOut, dial_error))
    }

    /// Lets go of the circuits of an isolation.
    pub(super) fn forget(&self, isolation: Isolation) {
        locked(&self.kept).remove(&isolation);
    }

    /// Lets go of everything and dials no more. False when that was done before.
    pub(super) fn close(&self) -> bool {
        locked(&self.kept).clear();
        locked(&self.client).take().is_some()
    }

    /// The kept client, or a fresh one where the kept one may hang or hold stale knowledge.
    fn take(&self, isolation: Isolation, attempt: u32) -> Option<Taken> {
        let client = self.client()?;
        let now = Instant::now();
        let mut kept = locked(&self.kept);
        if let Some(known) = kept.get_mut(&isolation)
            && known.reusable
        {
            // A retry reuses one only after "not found": that leaves nothing that could be stale,
            // and a fresh one for every try would fill arti's memory, which keeps each for two days.
            known.reusable = false;
            known.used = now;
            return Some(Taken { client: Arc::clone(&known.client), fresh: attempt > 0 });
        }
        make_room(&mut kept, isolation);
        let client = client.isolated_client();
        kept.insert(isolation, Kept { client: Arc::clone(&client), reusable: false, used: now });
        Some(Taken { client, fresh: true })
    }

    fn succeeded(&self, isolation: Isolation, taken: &Taken, took: Duration) {
        if taken.fresh {
            locked(&self.timeout).record(took);
        }
        self.network.dial_succeeded();
        self.allow_reuse(isolation, taken);
    }

    fn failed(&self, isolation: Isolation, taken: &Taken, kind: Option<ErrorKind>) {
        if kind == Some(ErrorKind::OnionServiceNotFound) {
            self.network.dial_succeeded();
            self.allow_reuse(isolation, taken);
        } else {
            self.network.dial_failed(kind);
        }
    }

    /// The client may serve the next dial, if another dial has not replaced it meanwhile.
    fn allow_reuse(&self, isolation: Isolation, taken: &Taken) {
        if let Some(known) = locked(&self.kept).get_mut(&isolation)
            && Arc::ptr_eq(&known.client, &taken.client)
        {
            known.reusable = true;
        }
    }
}

/// Makes room for one more isolation.
fn make_room(kept: &mut HashMap<Isolation, Kept>, newcomer: Isolation) {
    if kept.len() < MAX_CIRCLES || kept.contains_key(&newcomer) {
        return;
    }
    let oldest = kept.iter().min_by_key(|(_, known)| known.used).map(|(isolation, _)| *isolation);
    if let Some(oldest) = oldest {
        kept.remove(&oldest);
    }
}

/// The name that arti connects to. Never logged, never stored.
fn host_name(address: OnionAddress) -> String {
    HsId::from(address.0).display_unredacted().to_string()
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
        ErrorKind::TorNetworkTimeout | ErrorKind::RemoteNetworkTimeout | ErrorKind::ExitTimeout => DialError::TimedOut,
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

    #[test]
    fn the_name_is_the_addresss_own() {
        let name = host_name(OnionAddress([7; 32]));
        assert_eq!(name.len(), 62);
        assert!(name.ends_with(".onion"));
    }
}
