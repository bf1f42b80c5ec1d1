//! One onion service of ours: launches it, takes what comes in, looks whether it can be reached,
//! and launches it anew when it cannot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arti_client::{ErrorKind, HasKind};
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tor_hscrypto::pk::{HsId, HsIdKeypair};
use tor_hsservice::config::OnionServiceConfigBuilder;
use tor_hsservice::{HsNickname, OnionServiceConfig, RendRequest, RunningOnionService};
use tor_llcrypto::pk::ed25519::{ExpandedKeypair, Keypair};

use super::arti::{Arti, Client};
use super::bootstrap::Network;
use super::callers::Callers;
use super::circles::Isolation;
use super::dial::Dialer;
use super::doors::{Doors, ServiceId};
use super::locked;
use super::reception::Reception;
use super::watchdog::{FIRST_LOOK, Next, Probe, Watch};
use crate::transport::{Incoming, OnionSeed, PEER_PORT, Reachability};

/// Streams on one circuit; a caller that opens more loses the circuit. A contact needs one.
pub(super) const MAX_STREAMS_PER_CIRCUIT: u32 = 16;
/// The pause after a launch that arti refused, such as while the last one still holds its lock; it
/// doubles with each further one.
const FIRST_RETRY: Duration = Duration::from_millis(25);
/// The longest pause between two launches that arti refuses.
const LAST_RETRY: Duration = Duration::from_secs(30);
/// The shortest time between two probes of a service that was reached: a network that is lost
/// without anybody dialling is noticed by them alone.
const TROUBLE_PAUSE: Duration = Duration::from_mins(2);
/// The hash label of a nickname.
const NICKNAME_LABEL: &[u8] = b"chive/v1/nickname";
/// The letters of a nickname. It names files on disk, so it comes from the secret part of the key:
/// nobody who knows an address can look whether it is hosted here.
const NICKNAME_BYTES: usize = 8;

/// What all services need.
pub(super) struct House {
    pub(super) arti: Arc<Arti>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) network: Arc<Network>,
    pub(super) doors: Arc<Doors>,
    pub(super) incoming: mpsc::Sender<Incoming>,
}

/// A service to run until its token is cancelled.
pub(super) struct Service {
    pub(super) id: ServiceId,
    pub(super) seed: OnionSeed,
    pub(super) house: Arc<House>,
    pub(super) stop: CancellationToken,
}

/// Where callers come in: the same for all launches of a service, and so are its limits.
struct Entrance {
    callers: Arc<Callers>,
    reception: Arc<Reception>,
    sessions: TaskTracker,
}

/// A launched service: ends when it is dropped.
struct Launched {
    running: Arc<RunningOnionService>,
    requests: BoxStream<'static, RendRequest>,
    /// Cancelled when the run of arti that it belongs to is over.
    over: CancellationToken,
}

/// Why a launch failed. Names no address.
#[derive(Debug, thiserror::Error)]
enum LaunchError {
    #[error("arti does not run")]
    NoArti,
    #[error("arti refused: {0:?}")]
    Refused(ErrorKind),
    #[error("the nickname or the configuration is invalid")]
    Configuration,
    #[error("it has another address than its key says")]
    WrongAddress,
}

impl Service {
    /// Runs until it is stopped, and every stream of it has been told to end.
    pub(super) async fn run(self) {
        let entrance = Entrance {
            callers: Arc::default(),
            reception: Arc::new(Reception::new(self.id, self.house.incoming.clone(), self.stop.clone())),
            sessions: TaskTracker::new(),
        };
        let stop = self.stop.clone();
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_up(&entrance) => {}
        }
        self.house.dialer.forget(Isolation::Probe(self.id.address));
        entrance.sessions.close();
        entrance.sessions.wait().await;
    }

    /// Launches again whenever the service ends or the watch says so. Its open streams live on.
    async fn keep_up(&self, entrance: &Entrance) {
        let mut watch = Watch::new();
        loop {
            // The service ends when this handle is dropped: at the end of the turn.
            let Launched { running, requests, over } = self.launch().await;
            tokio::select! {
                () = over.cancelled() => {}
                () = self.take_callers(requests, entrance) => tracing::debug!("arti ended a service"),
                () = self.watch_over(&running, &mut watch) => {
                    tracing::info!("a service cannot be reached: launching it anew");
                }
            }
        }
    }

    /// Launches, for as long as it takes.
    async fn launch(&self) -> Launched {
        let mut pause = FIRST_RETRY;
        loop {
            match self.try_launch() {
                Ok(launched) => return launched,
                Err(error) => tracing::debug!(%error, "could not launch a service"),
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_RETRY);
        }
    }

    fn try_launch(&self) -> Result<Launched, LaunchError> {
        let run = self.house.arti.run().ok_or(LaunchError::NoArti)?;
        let nickname = nickname(&self.seed);
        let config = configuration(&nickname).ok_or(LaunchError::Configuration)?;
        let first = locked(&run.keys).insert(nickname);
        let (running, requests) =
            if first { launch_with_key(&run.client, config, &self.seed) } else { launch_again(&run.client, config) }?;
        if running.onion_address() == Some(HsId::from(self.id.address.0)) {
            Ok(Launched { running, requests, over: run.over().clone() })
        } else {
            Err(LaunchError::WrongAddress)
        }
    }

    /// Lets callers in until arti ends the service.
    async fn take_callers(&self, mut requests: BoxStream<'static, RendRequest>, entrance: &Entrance) {
        while let Some(request) = requests.next().await {
            let Some(caller) = entrance.callers.admit(Instant::now()) else {
                tracing::debug!("too many callers at once: one turned away");
                continue;
            };
            let reception = Arc::clone(&entrance.reception);
            entrance.sessions.spawn(async move { reception.receive(request, caller).await });
        }
    }

    /// Probes until the service has to be launched anew.
    async fn watch_over(&self, running: &RunningOnionService, watch: &mut Watch) {
        self.wait_for_network().await;
        tokio::time::sleep(FIRST_LOOK).await;
        loop {
            let result = self.probe(watch.failures()).await;
            let next = watch.on_result(result, Instant::now(), rand::random());
            tracing::debug!(?result, state = ?next.state, "probed a service");
            self.house.doors.set_state(self.id, next.state);
            if next.relaunch {
                return;
            }
            if self.pause(running, next).await {
                watch.network_returned();
            }
        }
    }

    /// One dial to ourselves, on a path that nothing else uses.
    async fn probe(&self, failures: u32) -> Probe {
        let isolation = Isolation::Probe(self.id.address);
        let outcome = self.house.dialer.connect((self.id.address, PEER_PORT), isolation, failures).await;
        if outcome.is_ok() {
            // The next probe shall find its way anew: through the descriptor and an introduction.
            self.house.dialer.forget(isolation);
            Probe::Reached
        } else if self.house.network.ready() {
            Probe::Failed
        } else {
            Probe::NoNetwork
        }
    }

    /// Waits for the next probe: less long when the network was lost and has come back, or when arti
    /// sees trouble. Gives whether the network came back.
    async fn pause(&self, running: &RunningOnionService, next: Next) -> bool {
        let calm = next.state == Reachability::Reachable;
        tokio::select! {
            () = tokio::time::sleep(next.pause) => false,
            () = self.wait_for_return(), if calm => true,
            () = wait_for_trouble(running), if calm => false,
        }
    }

    async fn wait_for_network(&self) {
        let mut status = self.house.network.subscribe();
        let _ = status.wait_for(|status| status.ready).await;
    }

    async fn wait_for_return(&self) {
        let mut status = self.house.network.subscribe();
        let _ = status.wait_for(|status| !status.ready).await;
        let _ = status.wait_for(|status| status.ready).await;
    }
}

/// Ends when arti does not believe the service reachable. That is no verdict, but a reason to look; not
/// at once, though: it is often wrong.
async fn wait_for_trouble(running: &RunningOnionService) {
    tokio::time::sleep(TROUBLE_PAUSE).await;
    let mut events = running.status_events();
    while running.status().state().is_fully_reachable() {
        if events.next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// A service's handle and its callers.
type Started = (Arc<RunningOnionService>, BoxStream<'static, RendRequest>);

/// The first launch in a run of arti, which takes the key into its memory.
fn launch_with_key(client: &Client, config: OnionServiceConfig, seed: &OnionSeed) -> Result<Started, LaunchError> {
    let keypair = HsIdKeypair::from(ExpandedKeypair::from(&Keypair::from_bytes(&seed.0)));
    let started = client.launch_onion_service_with_hsid(config, keypair).map_err(|e| LaunchError::Refused(e.kind()))?;
    started.map(|(running, requests)| (running, requests.boxed())).ok_or(LaunchError::Configuration)
}

/// A later launch: arti has the key.
fn launch_again(client: &Client, config: OnionServiceConfig) -> Result<Started, LaunchError> {
    let started = client.launch_onion_service(config).map_err(|e| LaunchError::Refused(e.kind()))?;
    started.map(|(running, requests)| (running, requests.boxed())).ok_or(LaunchError::Configuration)
}

fn configuration(nickname: &str) -> Option<OnionServiceConfig> {
    OnionServiceConfigBuilder::default()
        .nickname(HsNickname::new(nickname.to_owned()).ok()?)
        .max_concurrent_streams_per_circuit(MAX_STREAMS_PER_CIRCUIT)
        .build()
        .ok()
}

/// A name for arti's files that tells nothing.
fn nickname(seed: &OnionSeed) -> String {
    let hash = Sha256::new().chain_update(NICKNAME_LABEL).chain_update(seed.0).finalize();
    data_encoding::HEXLOWER.encode(&hash[..NICKNAME_BYTES])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_is_short_valid_and_no_part_of_the_address() {
        let seed = OnionSeed([7; 32]);
        let name = nickname(&seed);
        assert_eq!(name.len(), 2 * NICKNAME_BYTES);
        assert!(configuration(&name).is_some());
        assert_ne!(name, nickname(&OnionSeed([8; 32])));
        let address = data_encoding::HEXLOWER.encode(&seed.address().0);
        assert!(!address.contains(&name));
    }

    #[test]
    fn the_key_has_the_address_that_the_seed_says() {
        let seed = OnionSeed([7; 32]);
        let keypair = ExpandedKeypair::from(&Keypair::from_bytes(&seed.0));
        assert_eq!(keypair.public().to_bytes(), seed.address().0);
    }
}
