//! `online`: from Bob's start until Alice sees him online at a server and without a link, compared
//! with his start until his node reports the server as reachable, because it has answered his first
//! requests.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chive::api::types::{Presence, PresenceSource, Server, ServerState};
use toml::Table;

use crate::bench::figures::{Figures, Samples, Summary};
use crate::bench::setup::{Bench, friends};
use crate::network::TorNetwork;
use crate::person::Person;
use crate::server::RendezvousServer;

/// The number of Bob's starts.
const STARTS: usize = 15;

pub(in crate::bench) async fn run(bench: &Bench) -> Result<Figures> {
    let network = bench.network().await?;
    let server = RendezvousServer::start(
        &bench.home().join("server"),
        &network.arti_config_file(),
        Table::new(),
    )
    .await?;
    let (alice, mut bob) = meet(bench, &network, &server).await?;
    let (mut seen, mut answered) = (Samples::new(), Samples::new());
    for _ in 0..bench.pairs(STARTS) {
        bob.stop().await?;
        by_server(&alice, Presence::Offline).await?;
        let began = Instant::now();
        bob.start().await?;
        let (answer, sight) = tokio::try_join!(
            time_until(began, answers(&bob)),
            time_until(began, by_server(&alice, Presence::Online))
        )?;
        answered.push(answer.as_secs_f64());
        seen.push(sight.as_secs_f64());
    }

    ensure!(alice.status().await?.online == 0, "there is a link");

    Ok(Figures::new(Summary::new("online", seen.median(), answered.median(), "s"))
        .row("Bob starts → Alice sees him online", "s", seen.clone())
        .row("Bob starts → his node calls the server reachable", "s", answered.clone())
        .row("each pair's ratio", "", seen.over(&answered))
        .note("the server asks for as much work as it does by default; Alice and Bob have no link"))
}

async fn meet(
    bench: &Bench,
    network: &TorNetwork,
    server: &RendezvousServer,
) -> Result<(Person, Person)> {
    let (mut alice, mut bob) = friends(bench, network).await?;
    bob.ask::<Server>(["server", "add", server.address()]).await?;
    answers(&bob).await?;
    // His card has the server on it before his words come.
    bob.delivers("Alice", "my server is on my card").await?;
    alice.stop().await?;
    bob.stop().await?;
    let (mut alice, mut bob) = (alice.with_links_when_needed(), bob.with_links_when_needed());
    alice.start().await?;
    bob.start().await?;
    by_server(&alice, Presence::Online).await?;
    Ok((alice, bob))
}

async fn time_until(began: Instant, done: impl Future<Output = Result<()>>) -> Result<Duration> {
    done.await.map(|()| began.elapsed())
}

async fn by_server(alice: &Person, presence: Presence) -> Result<()> {
    alice.until_presence_by("Bob", presence, Some(PresenceSource::Server)).await
}

async fn answers(bob: &Person) -> Result<()> {
    bob.until_server("an answer of the server", |server| server.state == ServerState::Reachable)
        .await
        .map(drop)
}
