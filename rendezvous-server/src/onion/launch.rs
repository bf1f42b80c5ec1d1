//! The service itself: launched, its callers let in, called by ourselves, and launched anew when that fails.

use std::sync::Arc;
use std::time::Duration;

use arti_client::{HasKind, IsolationToken, StreamPrefs, TorClient};
use futures::StreamExt;
use futures::stream::BoxStream;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tor_cell::relaycell::msg::{Connected, End, EndReason};
use tor_hscrypto::pk::HsIdKeypair;
use tor_hsservice::config::OnionServiceConfigBuilder;
use tor_hsservice::{HsNickname, OnionServiceConfig, RendRequest, RunningOnionService, StreamRequest};
use tor_llcrypto::pk::ed25519::{ExpandedKeypair, Keypair};
use tor_proto::stream::IncomingStreamRequest;

use super::runtime::ArtiRuntime;
use super::{FIRST_RETRY, LAST_RETRY, PORT, Reachable};
use crate::identity::OnionSeed;
use crate::serve::Server;

/// Streams on one circuit; a caller that opens more loses the circuit.
const MAX_STREAMS_PER_CIRCUIT: u32 = 16;
/// Circuits on which callers may have streams at once.
const MAX_CIRCUITS: usize = 8_192;
/// For a call to ourselves.
const CALL: Duration = Duration::from_secs(30);
/// Between two calls that got through.
const CALM: Duration = Duration::from_mins(10);
/// After so many calls in a row that did not, the service is launched anew.
const FAILURES: u32 = 6;
/// The hash label of the nickname.
const NICKNAME_LABEL: &[u8] = b"chive/v1/nickname";

/// A service to keep up.
pub(super) struct Service<'a> {
    pub(super) client: &'a Arc<TorClient<ArtiRuntime>>,
    pub(super) seed: &'a OnionSeed,
    pub(super) server: &'a Server,
    pub(super) reachable: &'a Reachable,
}

/// A service's handle and its callers.
type Started = (Arc<RunningOnionService>, BoxStream<'static, RendRequest>);

impl Service<'_> {
    /// Launches, and launches anew, for ever.
    pub(super) async fn keep_up(&self) {
        let mut pause = FIRST_RETRY;
        let mut first = true;
        loop {
            match self.launch(first) {
                Ok((running, callers)) => {
                    first = false;
                    pause = FIRST_RETRY;
                    tokio::select! {
                        () = self.let_in(callers) => tracing::info!("arti ended the service"),
                        () = self.watch() => tracing::info!("the service cannot be reached: launching it anew"),
                    }
                    drop(running);
                }
                Err(kind) => tracing::warn!(kind, "the service could not be launched"),
            }
            tokio::time::sleep(pause).await;
            pause = (2 * pause).min(LAST_RETRY);
        }
    }

    /// arti takes the key with the first launch, and keeps it.
    fn launch(&self, first: bool) -> Result<Started, String> {
        let config = configuration(&nickname(self.seed)).ok_or("invalid configuration")?;
        let refused = |error: arti_client::Error| format!("{:?}", error.kind());
        let started = if first {
            let key = HsIdKeypair::from(ExpandedKeypair::from(&Keypair::from_bytes(&self.seed.0)));
            let started = self.client.launch_onion_service_with_hsid(config, key).map_err(refused)?;
            started.map(|(running, callers)| (running, callers.boxed()))
        } else {
            let started = self.client.launch_onion_service(config).map_err(refused)?;
            started.map(|(running, callers)| (running, callers.boxed()))
        };
        let (running, callers) = started.ok_or("switched off")?;
        let right = running.onion_address() == Some(tor_hscrypto::pk::HsId::from(self.seed.server().0));
        if right { Ok((running, callers)) } else { Err("it has another address than its key says".to_owned()) }
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
        let (mut failures, mut pause) = (0, FIRST_RETRY);
        loop {
            tokio::time::sleep(pause).await;
            if self.call().await {
                self.reachable.set(true);
                (failures, pause) = (0, CALM);
                continue;
            }
            failures += 1;
            if failures >= FAILURES {
                self.reachable.set(false);
                return;
            }
            pause = if pause == CALM { FIRST_RETRY } else { (2 * pause).min(LAST_RETRY) };
        }
    }

    /// One call to ourselves, on a path that nothing else uses.
    async fn call(&self) -> bool {
        let mut prefs = StreamPrefs::new();
        prefs.set_isolation(IsolationToken::new());
        let client = self.client.isolated_client();
        let address = self.seed.server().to_address();
        let call = client.connect_with_prefs((address.as_str(), PORT), &prefs);
        matches!(tokio::time::timeout(CALL, call).await, Ok(Ok(_)))
    }
}

/// A stream to our port becomes a connection; to any other, nothing.
async fn receive(stream: StreamRequest, server: &Server) {
    let ours = matches!(stream.request(), IncomingStreamRequest::Begin(begin) if begin.port() == PORT);
    if !ours {
        let _ = stream.reject(End::new_with_reason(EndReason::DONE)).await;
        return;
    }
    if let Ok(stream) = stream.accept(Connected::new_empty()).await {
        server.serve(stream);
    }
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
    data_encoding::HEXLOWER.encode(&hash[..8])
}
