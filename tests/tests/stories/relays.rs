//! The Tor network fails under a conversation.

use std::time::Duration;

use anyhow::Result;
use chive::api::types::MessageState;
use chive_tests::network::{Options, TorNetwork};
use chive_tests::person::Surroundings;

use crate::stage::{Stage, received_exactly};

/// Of 5 relays, nearly every circuit needs each.
const RELAYS: usize = 9;

/// Relays that are started again have forgotten every descriptor, and new ones come no faster than
/// one a minute.
const PATIENCE: Duration = Duration::from_mins(4);

/// It has a network of its own, as nobody else would like to be on it.
pub(crate) async fn messages_get_through_after_a_relay_and_then_all_relays_die(stage: Stage) -> Result<()> {
    let mut network = TorNetwork::start(Options { relays: RELAYS, ..Options::default() }).await?;
    let around =
        Surroundings { tor_config: Some(network.arti_config_file()), patience: PATIENCE, ..stage.around.clone() };
    let (alice, bob) = Stage::new(&stage.home, around).alice_and_bob().await?;
    alice.delivers("Bob", "all is well").await?;

    network.kill(0).await?;
    let message = alice.sends("Bob", "one relay is dead").await?;
    bob.delivers("Alice", "I hear you").await?;
    alice.until(&message, MessageState::Delivered).await?;
    network.restart(0).await?;
    alice.delivers("Bob", "it is back").await?;

    network.kill_all_relays().await?;
    let message = alice.sends("Bob", "all relays are dead").await?;
    network.restart_all().await?;
    alice.until(&message, MessageState::Delivered).await?;
    bob.delivers("Alice", "they are back").await?;
    let texts = ["all is well", "one relay is dead", "it is back", "all relays are dead"];
    received_exactly(&bob, "Alice", &texts).await?;
    received_exactly(&alice, "Bob", &["I hear you", "they are back"]).await
}
