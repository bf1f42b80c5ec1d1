//! `cold-start`: from two fresh profiles to the first delivered message, compared with the first
//! byte that comes back between a fresh client and a fresh onion service of Debian's tor.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::time::timeout;

use super::c_tor::EchoTor;
use super::figures::{Figures, Samples, Summary};
use super::pair::PATIENCE;
use super::setup::{Bench, env_on};
use crate::network::TorNetwork;
use crate::person::{Env, Person};

/// How many of each are measured.
const PAIRS: usize = 10;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let network = bench.network().await?;
    let env = env_on(&network)?;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for pair in 0..bench.pairs(PAIRS) {
        for first in [true, false] {
            let home = bench.home().join(format!("{pair}-{first}"));
            if (pair % 2 == 0) == first {
                ours.push(of_chive(&env, &home).await?.as_secs_f64());
            } else {
                let took = timeout(network.patience(PATIENCE), of_c_tor(&network, &home)).await;
                let took = took.context("tor did not get through")?;
                theirs.push(took?.as_secs_f64());
            }
        }
    }

    Ok(Figures::new(Summary::new("cold-start", ours.median(), theirs.median(), "s"))
        .row(
            "chive: two profiles made, nodes started, invitation, first message delivered",
            "s",
            ours.clone(),
        )
        .row("tor: client and onion service started, first byte back", "s", theirs.clone())
        .row("each pair's ratio", "", ours.over(&theirs)))
}

/// Two people make profiles and start them; one invites, the other adds and writes.
async fn of_chive(env: &Env, home: &Path) -> Result<Duration> {
    let began = Instant::now();
    let (alice_home, bob_home) = (home.join("alice"), home.join("bob"));
    let fresh = async |home: &Path, name: &str| -> Result<Person> {
        let mut person = Person::create(env, home, name).await?;
        person.start().await?;
        Ok(person)
    };
    let (alice, bob) = tokio::try_join!(fresh(&alice_home, "Alice"), fresh(&bob_home, "Bob"))?;
    bob.adds(&alice.invites().await?, "Alice").await?;
    bob.delivers("Alice", "hello").await?;
    Ok(began.elapsed())
}

/// Starts both, and dials as soon as the service can be found, until it works.
async fn of_c_tor(network: &TorNetwork, home: &Path) -> Result<Duration> {
    let began = Instant::now();
    let service = EchoTor::service(network, &home.join("service")).await?;
    let client = EchoTor::client(network, &home.join("client"))?;
    client.echoes(&service.address().await?).await?;
    Ok(began.elapsed())
}
