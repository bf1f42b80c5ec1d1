//! The service on one run of arti: it is launched, accepts streams, is probed, and is launched
//! again when probes fail. Streams go to the HTTP server; nothing here reads from them.

use std::time::Duration;

use chive_http::serve::Server;
use chive_tor::{Launched, RendRequest, StreamRequest, Tor};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::task::JoinSet;

use super::reachable::Reachable;
use super::retries::RETRIES;
use crate::identity::OnionSeed;

/// The port that the service answers on.
const PORT: u16 = 80;
/// Circuits on which clients may have streams at once.
const MAX_CIRCUITS: usize = 8_192;
/// For a probe to get through.
const PROBE_TIMEOUT: Duration = Duration::from_secs(30);
/// Between two probes that got through.
const PROBE_INTERVAL: Duration = Duration::from_mins(10);
/// After this many failed probes in a row the service is launched again.
const MAX_FAILED_PROBES: u32 = 6;

/// A service to keep running.
pub(super) struct HostedService<'a> {
    pub(super) tor: &'a Tor,
    pub(super) seed: &'a OnionSeed,
    pub(super) server: &'a Server,
    pub(super) reachable: &'a Reachable,
}

impl HostedService<'_> {
    /// Launches the service, and again whenever it has ended; never returns.
    pub(super) async fn keep_running(&self) {
        let mut pauses = RETRIES.pauses();
        loop {
            match self.tor.launch(&self.seed.0) {
                Ok(Launched { service, requests }) => {
                    pauses.reset();
                    tokio::select! {
                        () = self.accept_circuits(requests) => {
                            tracing::info!("arti ended the service");
                        }
                        () = self.until_unreachable() => {
                            tracing::info!("the service cannot be reached: launching it again");
                        }
                    }
                    drop(service);
                }
                Err(error) => tracing::warn!(%error, "the service could not be launched"),
            }
            tokio::time::sleep(pauses.after_failure()).await;
        }
    }

    /// Accepts circuits and their streams until arti ends the service.
    async fn accept_circuits(&self, mut requests: BoxStream<'static, RendRequest>) {
        // Streams outlive these tasks: once accepted, they belong to the server.
        let mut circuits = JoinSet::new();
        while let Some(request) = requests.next().await {
            while circuits.try_join_next().is_some() {}
            if circuits.len() >= MAX_CIRCUITS {
                tracing::debug!("too many circuits at once: one turned away");
                continue;
            }

            let server = self.server.clone();
            circuits.spawn(async move {
                if let Ok(mut streams) = request.accept().await {
                    while let Some(stream) = streams.next().await {
                        accept_stream(stream, &server).await;
                    }
                }
            });
        }
    }

    /// Probes the service; returns when it cannot be reached.
    async fn until_unreachable(&self) {
        let mut pauses = RETRIES.pauses();
        let (mut failures, mut pause) = (0, pauses.after_failure());
        loop {
            tokio::time::sleep(pause).await;
            if self.probe().await {
                self.reachable.set(true);
                pauses.reset();
                (failures, pause) = (0, PROBE_INTERVAL);
                continue;
            }

            failures += 1;
            if failures >= MAX_FAILED_PROBES {
                self.reachable.set(false);
                return;
            }
            pause = pauses.after_failure();
        }
    }

    /// Dials ourselves, on circuits that nothing else uses.
    async fn probe(&self) -> bool {
        let circuits = self.tor.isolated();
        let dial = circuits.connect(&self.seed.server().0, PORT);
        matches!(tokio::time::timeout(PROBE_TIMEOUT, dial).await, Ok(Ok(_)))
    }
}

/// Hands a stream to our port to the server, and rejects one to any other port.
async fn accept_stream(stream: StreamRequest, server: &Server) {
    if stream.port() != Some(PORT) {
        return stream.reject().await;
    }
    if let Some(stream) = stream.accept().await {
        server.serve(stream);
    }
}
