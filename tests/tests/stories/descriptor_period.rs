//! Tor's time periods: with each new one, descriptors move to other relays under other names.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use tokio::time::{Instant, sleep_until};

use crate::stage::{Stage, received_exactly};

/// The possible lengths of a period, in minutes.
const LENGTHS: std::ops::RangeInclusive<u64> = 5..=14_400;
/// Periods begin this many voting intervals after a multiple of their length.
const OFFSET_VOTES: u64 = 12;
/// The private network's voting interval.
const VOTE: Duration = Duration::from_secs(20);
/// How long two people may need to meet.
const BEFORE: Duration = Duration::from_mins(2);
/// How long until clients have a consensus of the new period, and services a descriptor.
const AFTER: Duration = Duration::from_secs(45);

/// When a period ends, and how long one is, in minutes.
#[derive(Clone, Copy, Debug)]
struct Change {
    at: SystemTime,
    length: u64,
}

impl Change {
    /// The first change after a time that some length of periods makes possible.
    fn after(time: SystemTime) -> Result<Self> {
        let offset = VOTE.as_secs() * OFFSET_VOTES;
        let minute = (time.duration_since(UNIX_EPOCH)?.as_secs() - offset).div_ceil(60);
        let divisor = |minute: u64| {
            LENGTHS
                .take_while(|length| length * length <= minute)
                .find(|l| minute.is_multiple_of(*l))
        };
        let found = (minute..minute + 5).find_map(|minute| Some((minute, divisor(minute)?)));
        let (minute, length) = found.context("no minute has a divisor")?;
        Ok(Self { at: UNIX_EPOCH + Duration::from_secs(60 * minute + offset), length })
    }
}

/// Waits for a moment of the clock.
async fn until(time: SystemTime) {
    let left = time.duration_since(SystemTime::now()).unwrap_or_default();
    sleep_until(Instant::now() + left).await;
}

pub(crate) async fn a_conversation_survives_a_new_descriptor_period(stage: Stage) -> Result<()> {
    let change = Change::after(SystemTime::now() + BEFORE)?;
    let stage = stage.with_parameter("hsdir_interval", change.length)?;

    let (alice, mut bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "in the old period").await?;
    ensure!(SystemTime::now() < change.at, "they met too late for this");
    until(change.at).await;
    // The link survives the change.
    alice.delivers("Bob", "at midnight").await?;
    until(change.at + AFTER).await;
    bob.delivers("Alice", "in the new period").await?;
    // A new link is found by a descriptor of the new period: to Alice, who stayed, and to Bob, who
    // was away.
    bob.kill().await?;
    alice.sends("Bob", "while you were away").await?;
    bob.start().await?;
    bob.delivers("Alice", "and back").await?;
    let carol = stage.person("Carol").await?;
    carol.adds(&alice.invites().await?, "Alice").await?;
    carol.delivers("Alice", "is this the right address?").await?;
    received_exactly(&bob, "Alice", &["in the old period", "at midnight", "while you were away"])
        .await?;
    received_exactly(&alice, "Bob", &["in the new period", "and back"]).await
}
