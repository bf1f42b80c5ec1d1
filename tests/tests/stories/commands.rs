//! Commands that cannot be done, and what is done to a profile.

use std::fs;

use anyhow::{Result, ensure};
use chive::limits::MAX_TEXT;
use chive_tests::person::{Answer, Person};

use crate::stage::{Stage, received_exactly};

async fn fails(person: &Person, command: &[&str], exit: i32, code: &str) -> Result<()> {
    let refused = person.is_refused(command.iter().copied()).await?;
    ensure!((refused.exit, refused.code.as_str()) == (exit, code), "{command:.40?}: {refused:?}");
    ensure!(refused.detail.len() > 10, "{command:?} says only {:?}", refused.detail);
    Ok(())
}

pub(crate) async fn commands_that_cannot_be_done_say_why(stage: Stage) -> Result<()> {
    let nobody = Person::without_profile(&stage.around, &stage.home.join("Nobody"), "Nobody")?;
    for command in [&["run"][..], &["status"], &["send", "Bob", "hi"], &["wipe", "--yes"]] {
        fails(&nobody, command, 6, "no_profile").await?;
    }
    let (alice, bob) = stage.alice_and_bob().await?;
    fails(&alice, &["run"], 5, "profile_in_use").await?;
    fails(&alice, &["init"], 5, "profile_exists").await?;
    fails(&alice, &["send", "Eve", "hi"], 6, "unknown_contact").await?;
    fails(&alice, &["contact", "remove", "Eve", "--yes"], 6, "unknown_contact").await?;
    fails(&alice, &["cancel", &"0".repeat(32)], 6, "unknown_message").await?;
    fails(&alice, &["invite", "revoke", &"0".repeat(32)], 6, "unknown_invitation").await?;
    fails(&alice, &["send", "Bob", ""], 7, "invalid_text").await?;
    fails(&alice, &["send", "Bob", &"x".repeat(MAX_TEXT + 1)], 7, "invalid_text").await?;
    fails(&alice, &["contact", "rename", "Bob", "a\u{202e}b"], 7, "invalid_name").await?;
    fails(&alice, &["contact", "remove", "Bob"], 2, "usage").await?;
    let usage = Answer::of(alice.command(["send", "Bob"]), None).await?.refused()?;
    ensure!((usage.exit, usage.code.as_str()) == (2, "usage"), "{usage:?}");
    // None of this did any harm, and the longest text is not too long.
    let longest = "ü".repeat(MAX_TEXT / 2);
    alice.types(["send", "Bob", "-"], &longest).await?.text()?;
    bob.sees(&longest).await?;
    received_exactly(&bob, "Alice", &[&longest]).await?;

    let mut alice = alice;
    alice.stop().await?;
    for command in [&["status"][..], &["send", "Bob", "hi"], &["events"], &["invite"]] {
        fails(&alice, command, 3, "not_running").await?;
    }
    alice.chooses_passphrase("a wrong one")?;
    fails(&alice, &["run"], 4, "wrong_passphrase").await
}

pub(crate) async fn a_changed_passphrase_holds_after_a_restart(stage: Stage) -> Result<()> {
    let mut alice = stage.person("Alice").await?;
    let (old, new) = ("the passphrase of Alice", "a better passphrase");
    let change = ["passphrase", "change", "--passphrase-file", "-", "--new-passphrase-file", "-"];

    // The node runs: it makes the change.
    let wrong = alice.types(change, &format!("a wrong one\n{new}\n")).await?.refused()?;
    ensure!((wrong.exit, wrong.code.as_str()) == (4, "wrong_passphrase"), "{wrong:?}");
    alice.types(change, &format!("{old}\n{new}\n")).await?.text()?;
    alice.status().await?;
    alice.kill().await?;
    fails(&alice, &["run"], 4, "wrong_passphrase").await?;
    alice.chooses_passphrase(new)?;
    alice.start().await?;
    alice.stop().await?;

    // No node runs: the command makes the change itself.
    alice.types(change, &format!("{new}\n{old}\n")).await?.text()?;
    fails(&alice, &["run"], 4, "wrong_passphrase").await?;
    alice.chooses_passphrase(old)?;

    alice.start().await
}

pub(crate) async fn a_wiped_profile_leaves_nothing(stage: Stage) -> Result<()> {
    let (mut alice, mut bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "forget me").await?;
    fails(&alice, &["wipe"], 2, "usage").await?;
    let done: serde_json::Value = alice.ask(["wipe", "--yes"]).await?;
    ensure!(done["done"] == true, "wiping answered {done}");
    alice.ended().await?;
    ensure!(!alice.profile().exists(), "the profile is still there: {:?}", files(&alice));
    fails(&alice, &["status"], 6, "no_profile").await?;

    bob.stop().await?;
    bob.ask::<serde_json::Value>(["wipe", "--yes"]).await?;
    ensure!(!bob.profile().exists(), "the profile is still there: {:?}", files(&bob));
    Ok(())
}

fn files(person: &Person) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(person.profile()).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}
