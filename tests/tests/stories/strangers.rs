//! Strangers who dial the two onion services of a person, `Requests` and `Contacts`.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive::api::types::ContactState;
use chive::invitation::Invitation;
use chive::limits::HANDSHAKE_DEADLINE;
use chive::link::preface::{Preface, Purpose};
use chive::model::ServiceKind;
use chive::profile::{self, Passphrase};
use chive::store::owner;
use chive::transport::tor::{TorOptions, TorTransport};
use chive::transport::{Destination, IsolationToken, OnionAddress, Stream, Transport as _};
use chive_tests::person::Person;
use futures::future::try_join_all;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::stage::{Stage, received_exactly};

/// Idle connections to each service.
const IDLE: u64 = 10;
/// How often a stranger dials a service that is new.
const TRIES: u32 = 10;
/// How long until a silent stream is closed.
const CLOSED_AFTER: Duration = HANDSHAKE_DEADLINE.saturating_add(Duration::from_secs(20));

pub(crate) async fn nonsense_at_both_onion_services_does_no_harm(stage: Stage) -> Result<()> {
    let (mut alice, bob) = tokio::try_join!(stage.newcomer("Alice"), stage.person("Bob"))?;
    let endpoint = endpoint_of(&alice).await?;
    alice.start().await?;
    let link = alice.invites().await?;
    let invitation = Invitation::parse(&link)?;
    let stranger = Stranger::start(&stage)?;

    let mut idle = Vec::new();
    for service in [invitation.front_door, endpoint] {
        idle.extend(try_join_all((0..IDLE).map(|token| stranger.dial(service, token))).await?);
        for (description, bytes) in nonsense(&invitation) {
            stranger.gets_no_answer(service, &bytes).await.context(description)?;
        }
    }
    // Meanwhile others get through.
    bob.adds(&link, "Alice").await?;
    bob.until_contact("Alice", ContactState::Accepted).await?;
    bob.delivers("Alice", "no one keeps me out").await?;
    alice.delivers("Bob", "nor me").await?;
    try_join_all(idle.into_iter().map(is_closed)).await?;
    bob.delivers("Alice", "still here").await?;
    received_exactly(&alice, "Bob", &["no one keeps me out", "still here"]).await?;
    stranger.tor.close().await;
    Ok(())
}

/// Bytes that a stranger sends, each with a description.
fn nonsense(invitation: &Invitation) -> Vec<(&'static str, Vec<u8>)> {
    let mut rng = StdRng::seed_from_u64(1);
    let mut random = vec![0; 5000];
    rand::RngCore::fill_bytes(&mut rng, &mut random);
    let preface =
        Preface::new(Purpose::Invitation, &invitation.secret.tag_key(), &mut rng).to_bytes();
    let unknown = Preface::new(Purpose::Contact, &[7; 32], &mut rng).to_bytes();

    vec![
        ("random bytes", random.clone()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: example.onion\r\n\r\n".to_vec()),
        ("the preface of an unknown contact", [&unknown[..], &random[..100]].concat()),
        ("half a preface", preface[..20].to_vec()),
        (
            "a right preface, and a handshake that is not",
            [&preface[..], &[0, 48], &random[..48]].concat(),
        ),
        (
            "a right preface, and a length that is too long",
            [&preface[..], &[0xff, 0xff], &random].concat(),
        ),
    ]
}

/// A person with a Tor client and nothing else.
struct Stranger {
    tor: TorTransport,
}

impl Stranger {
    fn start(stage: &Stage) -> Result<Self> {
        let config = stage.env.tor_config.as_ref().context("no private network")?;
        let overrides = Some(std::fs::read_to_string(config)?.parse()?);
        let home = stage.home.join("Stranger");
        let options =
            TorOptions { state_dir: home.join("state"), cache_dir: home.join("cache"), overrides };
        let (incoming, _) = mpsc::channel(1);
        Ok(Self { tor: TorTransport::start(options, incoming)? })
    }

    async fn dial(&self, to: OnionAddress, token: u64) -> Result<Stream> {
        self.tor.network().wait_for(|network| network.ready).await?;
        let mut last = None;
        for attempt in 0..TRIES {
            match self.tor.dial(Destination::Peer(to.into()), IsolationToken(token), attempt).await
            {
                Ok(stream) => return Ok(stream),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("not tried")?.into())
    }

    /// Sends bytes, and waits for the end of the stream, before which no answer may come.
    async fn gets_no_answer(&self, service: OnionAddress, bytes: &[u8]) -> Result<()> {
        let mut stream = self.dial(service, 0).await?;
        // It may be closed before everything is sent.
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        let _ = stream.shutdown().await;
        is_closed(stream).await
    }
}

async fn is_closed(mut stream: Stream) -> Result<()> {
    let mut answer = Vec::new();
    // A reset is an end, too.
    let _ = timeout(CLOSED_AFTER, stream.read_to_end(&mut answer))
        .await
        .context("the stream is not closed")?;
    ensure!(answer.is_empty(), "a stranger is answered {} bytes", answer.len());
    Ok(())
}

/// The address for contacts of a person whose node does not run.
async fn endpoint_of(person: &Person) -> Result<OnionAddress> {
    let passphrase = std::fs::read_to_string(person.passphrase_file())?;
    let profile = profile::open(&person.profile(), &Passphrase::new(passphrase)).await?;
    let mut tx = profile.store.begin().await?;
    let services = owner::services(&mut tx).await?;
    drop(tx);
    profile.store.close().await;
    let endpoint = services
        .iter()
        .find(|service| service.kind == ServiceKind::Contacts)
        .context("no endpoint")?;
    Ok(endpoint.seed.onion_address())
}
