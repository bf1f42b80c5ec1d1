//! One onion service: launched under a key that arti never stores, and its callers, one stream
//! after another.

use std::sync::{Arc, PoisonError};

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

/// Streams on one circuit; a caller that opens more loses the circuit.
pub const MAX_STREAMS_PER_CIRCUIT: u32 = 16;
/// The hash label of a nickname.
const NICKNAME_LABEL: &[u8] = b"chive/v1/nickname";
/// The bytes that a nickname writes in hexadecimal. It names files on disk, so it comes from the
/// secret part of the key: nobody who knows an address can look whether it is hosted here.
const NICKNAME_BYTES: usize = 8;

/// A launched service, and who calls it.
pub struct Launched {
    /// Ends the service when it is dropped.
    pub service: OnionService,
    /// Ends when arti ends the service.
    pub requests: BoxStream<'static, RendRequest>,
}

/// A service that runs until this is dropped.
pub struct OnionService(Arc<RunningOnionService>);

/// Somebody asks to be met.
pub struct RendRequest(tor_hsservice::RendRequest);

/// Somebody whom we met asks for a stream.
pub struct StreamRequest(tor_hsservice::StreamRequest);

/// arti's handle of a service, and its callers.
type Started = (Arc<RunningOnionService>, BoxStream<'static, RendRequest>);

impl Tor {
    /// Launches the onion service of an Ed25519 seed.
    pub fn launch(&self, seed: &[u8; 32]) -> Result<Launched, LaunchError> {
        let nickname = nickname(seed);
        let config = configuration(&nickname).ok_or(LaunchError::Configuration)?;
        let first = self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(nickname);
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

/// The first launch in a run of arti, which takes the key into its memory.
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

/// A later launch: arti has the key.
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

/// A name for arti's files that tells nothing.
fn nickname(seed: &[u8; 32]) -> String {
    let hash = Sha256::new().chain_update(NICKNAME_LABEL).chain_update(seed).finalize();
    data_encoding::HEXLOWER.encode(&hash[..NICKNAME_BYTES])
}

impl OnionService {
    /// Ends when arti does not believe the service reachable. That is no verdict, but a reason to
    /// look.
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
    /// Meets the caller at its rendezvous point; the streams that it then asks for.
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
    /// The port that it is for, if it is for one.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match self.0.request() {
            IncomingStreamRequest::Begin(begin) => Some(begin.port()),
            _ => None,
        }
    }

    /// The stream, if the caller is still there.
    #[must_use]
    pub fn accept(self) -> BoxFuture<'static, Option<DataStream>> {
        async { self.0.accept(Connected::new_empty()).await.ok() }.boxed()
    }

    /// Turns the stream away as every onion service does, for any reason.
    #[must_use]
    pub fn reject(self) -> BoxFuture<'static, ()> {
        async { drop(self.0.reject(End::new_with_reason(EndReason::DONE)).await) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nickname_is_short_valid_and_no_part_of_the_address() {
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
