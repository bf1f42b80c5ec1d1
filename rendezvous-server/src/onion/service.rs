//! The service itself: launched, its callers let in, called by ourselves, and launched anew when
//! that fails.

use std::time::Duration;

use chive_http::serve::Server;
use chive_tor::{Launched, RendRequest, StreamRequest, Tor};
use futures::StreamExt;
use futures::stream::BoxStream;
use tokio::task::JoinSet;

use super::{PORT, RETRIES, Reachable};
use crate::identity::OnionSeed;

/// Circuits on which callers may have streams at once.
const MAX_CIRCUITS: usize = 8_192;
/// For a call to ourselves.
const CALL: Duration = Duration::from_secs(30);
/// Between two calls that got through.
const CALM: Duration = Duration::from_mins(10);
/// After so many calls in a row that did not, the service is launched anew.
const FAILURES: u32 = 6;

/// A service to keep up.
pub(super) struct Service<'a> {
    pub(super) tor: &'a Tor,
    pub(super) seed: &'a OnionSeed,
    pub(super) server: &'a Server,
    pub(super) reachable: &'a Reachable,
}

impl Service<'_> {
    /// Launches, and launches anew, for ever.
    pub(super) async fn keep_up(&self) {
        let mut pauses = RETRIES.pauses();
        loop {
            match self.tor.launch(&self.seed.0) {
                Ok(Launched { service, requests }) => {
                    pauses.reset();
                    tokio::select! {
                        () = self.let_in(requests) => tracing::info!("arti ended the service"),
                        () = self.watch() => tracing::info!("the service cannot be reached: \
                                                            launching it anew"),
                    }
                    drop(service);
                }
                Err(error) => tracing::warn!(%error, "the service could not be launched"),
            }
            tokio::time::sleep(pauses.after_failure()).await;
        }
    }

    /// Lets callers in until arti ends the service.
    async fn let_in(&self, mut callers: BoxStream<'static, RendRequest>) {
        // Their streams live on when this ends: they belong to the server then.
        let mut circuits = JoinSet::new();
        while let Some(caller) = callers.next().await {
            while circuits.try_join_next().is_some() {}
            if circuits.len() >= MAX_CIRCUITS {
                tracing::debug!("too many circuits at once: a caller turned away");
                continue;
            }
            let server = self.server.clone();
            circuits.spawn(async move {
                if let Ok(mut streams) = caller.accept().await {
                    while let Some(stream) = streams.next().await {
                        receive(stream, &server).await;
                    }
                }
            });
        }
    }

    /// Ends when the service cannot be reached.
    async fn watch(&self) {
        let mut pauses = RETRIES.pauses();
        let (mut failures, mut pause) = (0, pauses.after_failure());
        loop {
            tokio::time::sleep(pause).await;
            if self.call().await {
                self.reachable.set(true);
                pauses.reset();
                (failures, pause) = (0, CALM);
                continue;
            }
            failures += 1;
            if failures >= FAILURES {
                self.reachable.set(false);
                return;
            }
            pause = pauses.after_failure();
        }
    }

    /// One call to ourselves, on a path that nothing else uses.
    async fn call(&self) -> bool {
        let circuits = self.tor.isolated();
        let call = circuits.connect(&self.seed.server().0, PORT);
        matches!(tokio::time::timeout(CALL, call).await, Ok(Ok(_)))
    }
}

/// A stream to our port becomes a connection; to any other, nothing.
async fn receive(stream: StreamRequest, server: &Server) {
    if stream.port() != Some(PORT) {
        return stream.reject().await;
    }
    if let Some(stream) = stream.accept().await {
        server.serve(stream);
    }
}
