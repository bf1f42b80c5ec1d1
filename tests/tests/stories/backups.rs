//! A lost device: its profile is restored from a backup.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{Message, MessageState};

use crate::stage::Stage;

pub(crate) async fn a_profile_from_an_old_backup_continues_its_conversation(
    stage: Stage,
) -> Result<()> {
    let (mut alice, bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "in the backup").await?;
    let file = alice.profile().with_extension("backup");
    let file = file.to_str().context("a strange path")?;
    let made: serde_json::Value = alice.ask(["backup", file]).await?;
    ensure!(made["bytes"] == fs::metadata(file)?.len(), "backup answered {made}");
    alice.delivers("Bob", "after the backup").await?;
    alice.ask::<serde_json::Value>(["wipe", "--yes"]).await?;
    alice.ended().await?;
    let waiting = bob.sends("Alice", "for whom was lost").await?;

    let restored: serde_json::Value = alice.ask(["restore", file]).await?;
    ensure!(
        restored["name"] == "Alice" && restored["contacts"] == 1,
        "restore answered {restored}"
    );
    alice.start().await?;
    bob.until(&waiting, MessageState::Delivered).await?;
    let answer = alice.sends("Bob", "here again").await?;
    bob.sees("here again").await?;
    let texts = |history: &[Message]| {
        history.iter().map(|message| message.text.clone()).collect::<Vec<_>>()
    };
    let (at_alice, at_bob) =
        (texts(&alice.history("Bob").await?), texts(&bob.history("Alice").await?));
    ensure!(
        at_bob == ["in the backup", "after the backup", "for whom was lost", "here again"],
        "Bob has {at_bob:?}"
    );
    ensure!(
        at_alice == ["in the backup", "for whom was lost", "here again"],
        "Alice has {at_alice:?}"
    );
    ensure!(answer.text == "here again", "another message was sent");
    Ok(())
}
