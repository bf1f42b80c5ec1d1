//! `churn`: messages while a randomly chosen relay is killed and restarted every ten seconds.

use std::time::Duration;

use anyhow::Result;
use chive::api::types::MessageState;
use futures::future::try_join_all;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout_at};

use super::figures::{Figures, Samples, Summary};
use super::setup::{Bench, friends};
use crate::network::{Options, TorNetwork};
use crate::person::Person;

const MESSAGES: u32 = 100;
/// From one message to the next.
const STEP: Duration = Duration::from_secs(2);
/// The time within which a message must be delivered.
const IN_TIME: Duration = Duration::from_mins(1);
/// From one relay's end to the next.
const KILL_EVERY: Duration = Duration::from_secs(10);
/// How long a killed relay stays away.
const AWAY: Duration = Duration::from_secs(2);
const RELAYS: usize = 9;
/// The seed of the choice of relays.
const SEED: u64 = 1;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let mut network = bench.network_of(Options { relays: RELAYS, ..Options::default() }).await?;
    let (alice, bob) = friends(bench, &network).await?;
    let mut killed = 0;
    let took = tokio::select! {
        took = converse(&alice, &bob) => took?,
        failed = kill_relays(&mut network, &mut killed) => return Err(failed),
    };
    let late = took.iter().filter(|took| took.is_none()).count();
    let delivered: Samples = took.iter().flatten().map(Duration::as_secs_f64).collect();
    let in_time = u32::try_from(took.len() - late)?;

    Ok(Figures::new(Summary::new("churn", in_time.into(), MESSAGES.into(), "messages"))
        .row("message sent → delivered, of those in time", "s", delivered)
        .note(format!(
            "{killed} times one of {RELAYS} relays was killed, and started again after {} s",
            AWAY.as_secs()
        ))
        .note(format!(
            "{late} of {MESSAGES} messages were not delivered within {} s",
            IN_TIME.as_secs()
        )))
}

/// Sends all messages, in both directions; gives how long each took, `None` for a late one.
async fn converse(alice: &Person, bob: &Person) -> Result<Vec<Option<Duration>>> {
    let began = Instant::now();
    let send = async |number: u32| {
        sleep_until(began + STEP * number).await;
        let (sender, to) = if number.is_multiple_of(2) { (alice, "Bob") } else { (bob, "Alice") };
        let sent = Instant::now();
        let message = sender.sends(to, &format!("number {number}")).await?;
        let delivered =
            timeout_at(sent + IN_TIME, sender.until(&message, MessageState::Delivered)).await;
        anyhow::Ok(delivered.ok().and_then(Result::ok).map(|_| sent.elapsed()))
    };
    try_join_all((0..MESSAGES).map(send)).await
}

/// Returns only when it fails.
async fn kill_relays(network: &mut TorNetwork, killed: &mut u32) -> anyhow::Error {
    let (mut rng, mut next) = (StdRng::seed_from_u64(SEED), interval(KILL_EVERY));
    loop {
        next.tick().await;
        let relay = rng.random_range(0..network.relays());
        *killed += 1;
        if let Err(error) = network.kill(relay).await {
            return error;
        }
        sleep(AWAY).await;
        if let Err(error) = network.restart(relay).await {
            return error;
        }
    }
}
