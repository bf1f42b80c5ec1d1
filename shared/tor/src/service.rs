//! One onion service: launched under a key that arti never stores, and the requests of its clients.
//! Which of them are accepted is the caller's decision.

use std::sync::Arc;

use arti_client::{DataStream, ErrorKind, HasKind};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use sha2::{Digest, Sha256};
use tor_cell::relaycell::msg::{Connected, End, EndReason};
use tor_hscrypto::pk::{HsId, HsIdKeypair};
use tor_hsservice::config::OnionServiceConfigBuilder;
use tor_hsservice::{HsNickname, OnionServiceConfig, RunningOnionService};
use tor_llcrypto::pk::ed25519::{ExpandedKeypair, Keypair};
use tor_proto::stream::IncomingStreamRequest;

use crate::client::{Client, Tor};
use crate::error::LaunchError;

/// Streams on one circuit; a client that opens more loses the circuit.
pub const MAX_STREAMS_PER_CIRCUIT: u32 = 16;
/// The hash label of a nickname.
const NICKNAME_LABEL: &[u8] = b"chive/v1/nickname";
/// The bytes of a nickname, which is hexadecimal. It names files on disk, so it is derived from the
/// secret key: a person who knows an address cannot see whether it is hosted here.
const NICKNAME_BYTES: usize = 8;

/// A launched service, and its clients' requests.
pub struct Launched {
    /// Ends the service when it is dropped.
    pub service: OnionService,
    /// Requests for circuits; the stream ends when arti ends the service.
    pub requests: BoxStream<'static, RendRequest>,
}

/// A service that runs until this is dropped.
pub struct OnionService(Arc<RunningOnionService>);

/// A client's request to meet at a rendezvous point: the beginning of a circuit.
pub struct RendRequest(tor_hsservice::RendRequest);

/// A client's request for a stream on an accepted circuit.
pub struct StreamRequest(tor_hsservice::StreamRequest);

/// arti's handle of a service, and its clients' requests.
type Started = (Arc<RunningOnionService>, BoxStream<'static, RendRequest>);

impl Tor {
    /// Launches the onion service of an Ed25519 seed.
    pub fn launch(&self, seed: &[u8; 32]) -> Result<Launched, LaunchError> {
        let nickname = nickname(seed);
        let config = configuration(&nickname).ok_or(LaunchError::Configuration)?;
        let first = self.keys.lock().insert(nickname);
        let keypair = ExpandedKeypair::from(&Keypair::from_bytes(seed));
        let address = HsId::from(keypair.public().to_bytes());
        let (service, requests) = if first {
            launch_with_key(&self.client, config, HsIdKeypair::from(keypair))
        } else {
            launch_again(&self.client, config)
        }?;
        if service.onion_address() == Some(address) {
            Ok(Launched { service: OnionService(service), requests })
        } else {
            Err(LaunchError::WrongAddress)
        }
    }
}

/// The first launch in a run of arti, which then keeps the key in memory.
fn launch_with_key(
    client: &Client,
    config: OnionServiceConfig,
    key: HsIdKeypair,
) -> Result<Started, LaunchError> {
    let started = client
        .launch_onion_service_with_hsid(config, key)
        .map_err(|e| LaunchError::Refused(e.kind()))?;
    started
        .map(|(running, requests)| (running, requests.map(RendRequest).boxed()))
        .ok_or(LaunchError::Configuration)
}

/// A later launch in the same run: arti has the key already.
fn launch_again(client: &Client, config: OnionServiceConfig) -> Result<Started, LaunchError> {
    let started =
        client.launch_onion_service(config).map_err(|e| LaunchError::Refused(e.kind()))?;
    started
        .map(|(running, requests)| (running, requests.map(RendRequest).boxed()))
        .ok_or(LaunchError::Configuration)
}

fn configuration(nickname: &str) -> Option<OnionServiceConfig> {
    OnionServiceConfigBuilder::default()
        .nickname(HsNickname::new(nickname.to_owned()).ok()?)
        .max_concurrent_streams_per_circuit(MAX_STREAMS_PER_CIRCUIT)
        .build()
        .ok()
}

/// A name for arti's files that does not show the address.
fn nickname(seed: &[u8; 32]) -> String {
    let hash = Sha256::new().chain_update(NICKNAME_LABEL).chain_update(seed).finalize();
    data_encoding::HEXLOWER.encode(&hash[..NICKNAME_BYTES])
}

impl OnionService {
    /// Completes when arti reports the service as unreachable. It is often wrong: this is a reason
    /// to probe, and nothing more.
    #[must_use]
    pub fn reported_unreachable(&self) -> BoxFuture<'_, ()> {
        async {
            let mut events = self.0.status_events();
            while self.0.status().state().is_fully_reachable() {
                if events.next().await.is_none() {
                    std::future::pending::<()>().await;
                }
            }
        }
        .boxed()
    }
}

impl RendRequest {
    /// Meets the client at its rendezvous point; gives the streams that it then asks for.
    #[must_use]
    pub fn accept(
        self,
    ) -> BoxFuture<'static, Result<BoxStream<'static, StreamRequest>, ErrorKind>> {
        async {
            let streams = self.0.accept().await.map_err(|error| error.kind())?;
            Ok(streams.map(StreamRequest).boxed())
        }
        .boxed()
    }
}

impl StreamRequest {
    /// The port that the client asks for; `None` for any other kind of stream.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self.0.request() {
            IncomingStreamRequest::Begin(begin) => Some(begin.port()),
            _ => None,
        }
    }

    /// The stream, if the client is still there.
    #[must_use]
    pub fn accept(self) -> BoxFuture<'static, Option<DataStream>> {
        async { self.0.accept(Connected::new_empty()).await.ok() }.boxed()
    }

    /// Rejects the stream with the reason that every onion service gives.
    #[must_use]
    pub fn reject(self) -> BoxFuture<'static, ()> {
        async { drop(self.0.reject(End::new_with_reason(EndReason::DONE)).await) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_is_short_valid_and_not_from_the_address() {
        let seed = [7; 32];
        let name = nickname(&seed);
        assert_eq!(name.len(), 2 * NICKNAME_BYTES);
        assert!(configuration(&name).is_some());
        assert_ne!(name, nickname(&[8; 32]));
        let address = Keypair::from_bytes(&seed).verifying_key().to_bytes();
        assert!(!data_encoding::HEXLOWER.encode(&address).contains(&name));
    }

    #[test]
    fn the_key_has_the_address_that_the_seed_says() {
        let keypair = Keypair::from_bytes(&[7; 32]);
        assert_eq!(
            ExpandedKeypair::from(&keypair).public().to_bytes(),
            keypair.verifying_key().to_bytes()
        );
    }
}
