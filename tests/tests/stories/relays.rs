//! The Tor network fails under a conversation.

use std::time::Duration;

use anyhow::{Result, ensure};
use chive::api::types::{Direction, MessageState};
use chive_tests::network::{Options, TorNetwork};
use chive_tests::person::{Person, Surroundings};
use tokio::time::{Instant, sleep_until};

use crate::stage::{Stage, all_delivered, received_exactly, sends_all};

/// Of 5 relays, nearly every circuit needs each.
const RELAYS: usize = 9;
/// How many of them die one after the other.
const VICTIMS: usize = 4;
/// Relays that are started again have forgotten every descriptor, and new ones come no faster than
/// one a minute.
const PATIENCE: Duration = Duration::from_mins(4);
/// How long no relay runs.
const DARKNESS: Duration = Duration::from_mins(1);

/// A network of one's own, as nobody else would like to be on it.
async fn own_network(stage: Stage) -> Result<(TorNetwork, Stage)> {
    let network = TorNetwork::start(Options { relays: RELAYS, ..Options::default() }).await?;
    let around = Surroundings {
        tor_config: Some(network.arti_config_file()),
        patience: PATIENCE,
        ..stage.around.clone()
    };
    Ok((network, Stage::new(&stage.home, around)))
}

pub(crate) async fn relays_killed_in_a_conversation_take_no_message_with_them(
    stage: Stage,
) -> Result<()> {
    let (mut network, stage) = own_network(stage).await?;
    let (alice, bob) = stage.alice_and_bob().await?;
    for relay in 0..VICTIMS {
        let (to_bob, to_alice) = (format!("Alice's {relay}"), format!("Bob's {relay}"));
        // Some are on their way when the relay dies, some are written after.
        let mut from_alice = vec![alice.sends("Bob", &to_bob).await?];
        network.kill(relay).await?;
        from_alice.push(alice.sends("Bob", &format!("{to_bob}, again")).await?);
        bob.delivers("Alice", &to_alice).await?;
        all_delivered(&alice, &from_alice).await?;
        network.restart(relay).await?;
    }

    // Relays that are started anew have forgotten every descriptor.
    network.kill_all_relays().await?;
    let message = alice.sends("Bob", "all at once").await?;
    network.restart_all().await?;
    alice.until(&message, MessageState::Delivered).await?;
    bob.delivers("Alice", "they are back").await?;

    same_on_both_sides(&alice, &bob, 3 * VICTIMS + 2).await
}

pub(crate) async fn after_a_minute_without_any_relay_everything_gets_through(
    stage: Stage,
) -> Result<()> {
    let (mut network, stage) = own_network(stage).await?;
    let (alice, bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "there is light").await?;
    network.kill_all_relays().await?;
    let dark = Instant::now();
    let texts = ["is anybody there?", "it is dark"];
    let messages = sends_all(&alice, "Bob", &texts).await?;
    // Somebody who starts now finds no network at all.
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

/// So many messages, each once, in one order.
async fn same_on_both_sides(alice: &Person, bob: &Person, count: usize) -> Result<()> {
    let (at_alice, at_bob) = tokio::try_join!(alice.history("Bob"), bob.history("Alice"))?;
    let told = |history: &[chive::api::types::Message], sent: Direction| -> Vec<_> {
        history
            .iter()
            .map(|m| (m.id.clone(), m.text.clone(), m.direction == sent, m.missing_before))
            .collect()
    };
    let (told_by_alice, told_by_bob) =
        (told(&at_alice, Direction::Sent), told(&at_bob, Direction::Received));

    ensure!(told_by_alice == told_by_bob, "Alice has {told_by_alice:?}, Bob {told_by_bob:?}");
    ensure!(
        at_alice.len() == count && at_alice.iter().all(|m| m.missing_before == 0),
        "{told_by_alice:?}"
    );

    Ok(())
}
