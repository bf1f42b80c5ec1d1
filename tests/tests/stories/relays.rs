//! Relays that fail during a conversation, one by one and all at once.

use std::time::Duration;

use anyhow::{Result, ensure};
use chive::api::types::{Direction, MessageState};
use chive_tests::network::{Options, TorNetwork};
use chive_tests::person::{Env, Person};
use tokio::time::{Instant, sleep_until};

use crate::stage::{Stage, all_delivered, received_exactly, sends_all};

/// More than 5, of which nearly every circuit would need each.
const RELAYS: usize = 9;
/// How many of them are killed one after the other.
const VICTIMS: usize = 4;
/// Restarted relays have no descriptors, and new ones come no faster than one a minute.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long no relay runs.
const DARKNESS: Duration = Duration::from_mins(1);

/// A network for this story alone, because it breaks the network.
async fn own_network(stage: Stage) -> Result<(TorNetwork, Stage)> {
    let network = TorNetwork::start(Options { relays: RELAYS, ..Options::default() }).await?;
    let env = Env {
        tor_config: Some(network.arti_config_file()),
        patience: PATIENCE,
        ..stage.env.clone()
    };
    Ok((network, Stage::new(&stage.home, env)))
}

pub(crate) async fn killed_relays_lose_no_message_of_a_conversation(stage: Stage) -> Result<()> {
    let (mut network, stage) = own_network(stage).await?;
    let (alice, bob) = stage.alice_and_bob().await?;
    for relay in 0..VICTIMS {
        let (to_bob, to_alice) = (format!("Alice's {relay}"), format!("Bob's {relay}"));
        // Some are in flight when the relay dies, some are written after.
        let mut from_alice = vec![alice.sends("Bob", &to_bob).await?];
        network.kill(relay).await?;
        from_alice.push(alice.sends("Bob", &format!("{to_bob}, again")).await?);
        bob.delivers("Alice", &to_alice).await?;
        all_delivered(&alice, &from_alice).await?;
        network.restart(relay).await?;
    }

    // Restarted relays have no descriptors.
    network.kill_all_relays().await?;
    let message = alice.sends("Bob", "all at once").await?;
    network.restart_all().await?;
    alice.until(&message, MessageState::Delivered).await?;
    bob.delivers("Alice", "they are back").await?;

    same_on_both_sides(&alice, &bob, 3 * VICTIMS + 2).await
}

pub(crate) async fn everything_arrives_after_a_minute_without_relays(stage: Stage) -> Result<()> {
    let (mut network, stage) = own_network(stage).await?;
    let (alice, bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "there is light").await?;
    network.kill_all_relays().await?;
    let dark = Instant::now();
    let texts = ["is anybody there?", "it is dark"];
    let messages = sends_all(&alice, "Bob", &texts).await?;
    // A person who starts now finds no network at all.
    let carol = stage.person("Carol").await?;
    carol.adds(&alice.invites().await?, "Alice").await?;
    let asked = carol.sends("Alice", "I come from the dark").await?;
    ensure!(asked.state == MessageState::Queued && asked.reason.is_some(), "{asked:?}");
    sleep_until(dark + DARKNESS).await;
    ensure!(alice.conversation("Bob").await?.waiting > 0, "a message got through without a relay");

    network.restart_all().await?;
    tokio::try_join!(
        all_delivered(&alice, &messages),
        bob.delivers("Alice", "let there be light"),
        carol.until(&asked, MessageState::Delivered)
    )?;
    received_exactly(&bob, "Alice", &["there is light", texts[0], texts[1]]).await?;
    received_exactly(&alice, "Carol", &["I come from the dark"]).await?;
    received_exactly(&alice, "Bob", &["let there be light"]).await
}

/// Checks that both have this many messages, each once, in one order.
async fn same_on_both_sides(alice: &Person, bob: &Person, count: usize) -> Result<()> {
    let (at_alice, at_bob) = tokio::try_join!(alice.history("Bob"), bob.history("Alice"))?;
    let summary = |history: &[chive::api::types::Message], sent: Direction| -> Vec<_> {
        history
            .iter()
            .map(|m| (m.id.clone(), m.text.clone(), m.direction == sent, m.missing_before))
            .collect()
    };
    let (alices, bobs) =
        (summary(&at_alice, Direction::Sent), summary(&at_bob, Direction::Received));

    ensure!(alices == bobs, "Alice has {alices:?}, Bob {bobs:?}");
    ensure!(
        at_alice.len() == count && at_alice.iter().all(|m| m.missing_before == 0),
        "{alices:?}"
    );

    Ok(())
}
