//! Runs one onion service of ours: launches it, takes what comes in, probes whether it can be
//! reached, and launches it again when it cannot.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chive_shared::backoff::Backoff;
use chive_tor::{LaunchError, Launched, RendRequest};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::accept::Acceptor;
use super::admission::CircuitLimiter;
use super::arti::Arti;
use super::bootstrap::Network;
use super::dial::Dialer;
use super::isolation::Isolation;
use super::port::PEER_PORT;
use super::reachability::{ServiceId, ServiceStates};
use super::watchdog::{FIRST_LOOK, Next, Probe, Watch};
use crate::transport::{Incoming, Reachability, ServiceKey};

/// The pauses between launches that arti refuses, such as while the last one still holds its lock.
const RETRIES: Backoff = Backoff::new(Duration::from_millis(25), Duration::from_secs(30));
/// The shortest time between two probes of a service that was reached: a network that is lost
/// without anybody dialling is noticed by them alone.
const DOUBT_PAUSE: Duration = Duration::from_mins(2);

pub(super) struct ServiceContext {
    pub(super) arti: Arc<Arti>,
    pub(super) dialer: Arc<Dialer>,
    pub(super) network: Arc<Network>,
    pub(super) services: Arc<ServiceStates>,
    pub(super) incoming: mpsc::Sender<Incoming>,
}

/// A service to run until its token is cancelled.
pub(super) struct Service {
    pub(super) id: ServiceId,
    pub(super) key: ServiceKey,
    pub(super) context: Arc<ServiceContext>,
    pub(super) stop: CancellationToken,
}

/// What accepts circuits: the same for all launches of a service, and so are its limits.
struct Intake {
    circuits: Arc<CircuitLimiter>,
    acceptor: Arc<Acceptor>,
    sessions: TaskTracker,
}

#[derive(Debug, thiserror::Error)]
enum NoLaunch {
    #[error("arti does not run")]
    NoArti,
    #[error(transparent)]
    Failed(#[from] LaunchError),
}

impl Service {
    /// Runs until it is stopped, and every stream of it has been told to end.
    pub(super) async fn run(self) {
        let intake = Intake {
            circuits: Arc::default(),
            acceptor: Arc::new(Acceptor::new(
                self.id,
                self.context.incoming.clone(),
                self.stop.clone(),
            )),
            sessions: TaskTracker::new(),
        };
        let stop = self.stop.clone();

        tokio::select! {
            () = stop.cancelled() => {}
            () = self.keep_up(&intake) => {}
        }
        self.context.dialer.forget(Isolation::Probe(self.id.address));
        intake.sessions.close();
        intake.sessions.wait().await;
    }

    /// Launches again whenever the service ends or the watch says so. Its open streams live on.
    async fn keep_up(&self, intake: &Intake) {
        let mut watch = Watch::new();
        loop {
            // The service ends when this handle is dropped: at the end of the turn.
            let (over, Launched { service, requests }) = self.launch().await;
            tokio::select! {
                () = over.cancelled() => {}
                () = self.accept_circuits(requests, intake) => {
                    tracing::debug!("arti ended a service");
                },
                () = self.watch_over(&service, &mut watch) => {
                    tracing::info!("a service cannot be reached: launching it anew");
                }
            }
        }
    }

    /// Launches, for as long as it takes.
    async fn launch(&self) -> (CancellationToken, Launched) {
        let mut pauses = RETRIES.pauses();
        loop {
            match self.try_launch() {
                Ok(launched) => return launched,
                Err(error) => tracing::debug!(%error, "could not launch a service"),
            }
            tokio::time::sleep(pauses.after_failure()).await;
        }
    }

    /// With what is cancelled when the run of arti that it belongs to is over.
    fn try_launch(&self) -> Result<(CancellationToken, Launched), NoLaunch> {
        let run = self.context.arti.run().ok_or(NoLaunch::NoArti)?;
        Ok((run.tor.stopped().clone(), run.tor.launch(&self.key.0)?))
    }

    /// Accepts circuits until arti ends the service.
    async fn accept_circuits(
        &self,
        mut requests: BoxStream<'static, RendRequest>,
        intake: &Intake,
    ) {
        while let Some(request) = requests.next().await {
            let Some(circuit) = intake.circuits.admit(Instant::now()) else {
                tracing::debug!("too many circuits at once: one was refused");
                continue;
            };
            let acceptor = Arc::clone(&intake.acceptor);
            intake.sessions.spawn(async move { acceptor.receive(request, circuit).await });
        }
    }

    /// Probes until the service has to be launched again.
    async fn watch_over(&self, service: &chive_tor::OnionService, watch: &mut Watch) {
        self.wait_for_network().await;
        tokio::time::sleep(FIRST_LOOK).await;
        loop {
            let result = self.probe(watch.failures()).await;
            let next = watch.on_result(result, Instant::now(), rand::random());
            tracing::debug!(?result, state = ?next.state, "probed a service");
            self.context.services.set_state(self.id, next.state);
            if next.relaunch {
                return;
            }
            if self.pause(service, next).await {
                watch.network_returned();
            }
        }
    }

    /// One dial to ourselves, on a path that nothing else uses.
    async fn probe(&self, failures: u32) -> Probe {
        let isolation = Isolation::Probe(self.id.address);
        let outcome =
            self.context.dialer.connect((self.id.address, PEER_PORT), isolation, failures).await;
        if outcome.is_ok() {
            // The next probe must start again: with the descriptor and an introduction.
            self.context.dialer.forget(isolation);
            Probe::Reached
        } else if self.context.network.ready() {
            Probe::Failed
        } else {
            Probe::NoNetwork
        }
    }

    /// Waits for the next probe: less long when the network was lost and has come back, or when
    /// arti doubts it. Gives whether the network came back.
    async fn pause(&self, service: &chive_tor::OnionService, next: Next) -> bool {
        let calm = next.state == Reachability::Reachable;
        tokio::select! {
            () = tokio::time::sleep(next.pause) => false,
            () = self.wait_for_return(), if calm => true,
            () = wait_for_doubt(service), if calm => false,
        }
    }

    async fn wait_for_network(&self) {
        let mut status = self.context.network.subscribe();
        let _ = status.wait_for(|status| status.ready).await;
    }

    async fn wait_for_return(&self) {
        let mut status = self.context.network.subscribe();
        let _ = status.wait_for(|status| !status.ready).await;
        let _ = status.wait_for(|status| status.ready).await;
    }
}

/// Ends when arti does not believe the service reachable: not at once, for it is often wrong.
async fn wait_for_doubt(service: &chive_tor::OnionService) {
    tokio::time::sleep(DOUBT_PAUSE).await;
    service.reported_unreachable().await;
}
