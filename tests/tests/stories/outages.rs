//! Processes that are killed or frozen during a conversation.

use std::time::Duration;

use anyhow::{Result, ensure};
use chive::api::types::Presence;
use chive::limits::SILENCE_LIMIT;
use chive_tests::soak::SoakTest;
use tokio::time::{Instant, sleep_until};

use crate::stage::{Stage, all_delivered, received_exactly, sends_all};

const TEXTS: [&str; 5] = ["one", "two", "three", "four", "five"];
/// How long a process is frozen.
const FROZEN: Duration = Duration::from_mins(1);
/// The delay that a busy machine may add.
const SLACK: Duration = Duration::from_secs(30);

pub(crate) async fn messages_wait_for_a_killed_contact(stage: Stage) -> Result<()> {
    let (alice, mut bob) = stage.alice_and_bob().await?;
    // Some are in flight when Bob is killed, some are written after.
    let mut messages = sends_all(&alice, "Bob", &TEXTS[..2]).await?;
    bob.kill().await?;
    messages.extend(sends_all(&alice, "Bob", &TEXTS[2..]).await?);
    bob.start().await?;
    all_delivered(&alice, &messages).await?;
    received_exactly(&bob, "Alice", &TEXTS).await?;
    // Killed again, while Alice restarts: nothing comes twice.
    bob.kill().await?;
    bob.start().await?;
    bob.delivers("Alice", "I have all").await?;
    received_exactly(&bob, "Alice", &TEXTS).await
}

pub(crate) async fn messages_of_a_killed_sender_are_not_lost(stage: Stage) -> Result<()> {
    let (mut alice, mut bob) = stage.alice_and_bob().await?;
    sends_all(&alice, "Bob", &TEXTS[..3]).await?;
    alice.kill().await?;
    bob.kill().await?;
    alice.start().await?;
    sends_all(&alice, "Bob", &TEXTS[3..]).await?;
    alice.kill().await?;
    tokio::try_join!(alice.start(), bob.start())?;
    bob.sees("five").await?;
    received_exactly(&bob, "Alice", &TEXTS).await?;
    let history = alice.history("Bob").await?;
    all_delivered(&alice, &history).await
}

pub(crate) async fn both_killed_and_restarted_end_with_one_link(stage: Stage) -> Result<()> {
    let (mut alice, mut bob) = stage.alice_and_bob().await?;
    for round in ["first", "second"] {
        tokio::try_join!(alice.kill(), bob.kill())?;
        // Both dial at once now.
        tokio::try_join!(alice.start(), bob.start())?;
        let online = Presence::Online;
        tokio::try_join!(alice.until_presence("Bob", online), bob.until_presence("Alice", online))?;
        tokio::try_join!(alice.delivers("Bob", round), bob.delivers("Alice", round))?;
    }
    received_exactly(&alice, "Bob", &["first", "second"]).await?;
    received_exactly(&bob, "Alice", &["first", "second"]).await?;
    let (at_alice, at_bob) = tokio::try_join!(alice.status(), bob.status())?;
    ensure!((at_alice.online, at_bob.online) == (1, 1), "no link is left");
    Ok(())
}

pub(crate) async fn a_contact_stopped_for_a_minute_is_offline_and_misses_nothing(
    stage: Stage,
) -> Result<()> {
    let (alice, mut bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "before").await?;
    bob.freeze()?;
    let frozen = Instant::now();
    let message = alice.sends("Bob", "while you are frozen").await?;
    alice.until_presence("Bob", Presence::Offline).await?;

    // A frozen process keeps its connections: only its silence shows it.
    let noticed = frozen.elapsed();
    ensure!(noticed < SILENCE_LIMIT + SLACK, "noticed only after {noticed:?}");
    let (contact, conversation) =
        tokio::try_join!(alice.contact("Bob"), alice.conversation("Bob"))?;

    ensure!(
        (conversation.waiting, contact.reason.is_some()) == (1, true),
        "Alice is told {contact:?}"
    );
    let offline = alice.sends("Bob", "while you are offline").await?;
    sleep_until(frozen + FROZEN).await;
    bob.thaw()?;
    all_delivered(&alice, &[message, offline]).await?;
    tokio::try_join!(
        alice.until_presence("Bob", Presence::Online),
        bob.until_presence("Alice", Presence::Online)
    )?;
    bob.delivers("Alice", "I am back").await?;
    received_exactly(&bob, "Alice", &["before", "while you are frozen", "while you are offline"])
        .await?;

    received_exactly(&alice, "Bob", &["I am back"]).await
}

/// The test program `kills` does the same hundreds of times without Tor, where a kill costs less.
pub(crate) async fn repeated_kills_of_both_lose_and_duplicate_nothing(stage: Stage) -> Result<()> {
    let (mut alice, mut bob) = stage.alice_and_bob().await?;
    let soak_test = SoakTest {
        kills: 3,
        rounds: 2,
        pause: Duration::ZERO..Duration::from_millis(500),
        start: Duration::from_secs(2),
        link: Duration::from_secs(15),
        seed: 1,
    };
    let report = soak_test.run(&mut alice, &mut bob).await?;
    ensure!(report.kills >= 12 && report.messages > 20, "{report:?}");
    Ok(())
}
