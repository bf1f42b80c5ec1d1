//! Commands that fail, and commands that change or wipe a profile.

use std::fs;

use anyhow::{Result, ensure};
use chive::limits::MAX_TEXT;
use chive_tests::person::{Answer, Person};

use crate::stage::{Stage, received_exactly};

async fn fails_with(person: &Person, command: &[&str], exit: i32, code: &str) -> Result<()> {
    let error = person.fails(command.iter().copied()).await?;
    ensure!((error.exit, error.code.as_str()) == (exit, code), "{command:.40?}: {error:?}");
    ensure!(error.detail.len() > 10, "{command:?} says only {:?}", error.detail);
    Ok(())
}

pub(crate) async fn commands_that_fail_say_why(stage: Stage) -> Result<()> {
    let newcomer = Person::without_profile(&stage.env, &stage.home.join("New"), "New")?;
    for command in [&["run"][..], &["status"], &["send", "Bob", "hi"], &["wipe", "--yes"]] {
        fails_with(&newcomer, command, 6, "no_profile").await?;
    }
    let (alice, bob) = stage.alice_and_bob().await?;
    fails_with(&alice, &["run"], 5, "profile_in_use").await?;
    fails_with(&alice, &["init"], 5, "profile_exists").await?;
    fails_with(&alice, &["send", "Eve", "hi"], 6, "unknown_contact").await?;
    fails_with(&alice, &["contact", "remove", "Eve", "--yes"], 6, "unknown_contact").await?;
    fails_with(&alice, &["cancel", &"0".repeat(32)], 6, "unknown_message").await?;
    fails_with(&alice, &["invite", "revoke", &"0".repeat(32)], 6, "unknown_invitation").await?;
    fails_with(&alice, &["send", "Bob", ""], 7, "invalid_text").await?;
    fails_with(&alice, &["send", "Bob", &"x".repeat(MAX_TEXT + 1)], 7, "invalid_text").await?;
    fails_with(&alice, &["contact", "rename", "Bob", "a\u{202e}b"], 7, "invalid_name").await?;
    fails_with(&alice, &["contact", "remove", "Bob"], 2, "usage").await?;
    let usage = Answer::of(alice.command(["send", "Bob"]), None).await?.error()?;
    ensure!((usage.exit, usage.code.as_str()) == (2, "usage"), "{usage:?}");
    // No failure has changed anything, and a text of the maximum length is accepted.
    let longest = "ü".repeat(MAX_TEXT / 2);
    alice.types(["send", "Bob", "-"], &longest).await?.text()?;
    bob.sees(&longest).await?;
    received_exactly(&bob, "Alice", &[&longest]).await?;

    let mut alice = alice;
    alice.stop().await?;
    for command in [&["status"][..], &["send", "Bob", "hi"], &["events"], &["invite"]] {
        fails_with(&alice, command, 3, "not_running").await?;
    }
    alice.chooses_passphrase("a wrong one")?;
    fails_with(&alice, &["run"], 4, "wrong_passphrase").await
}

pub(crate) async fn a_changed_passphrase_holds_after_a_restart(stage: Stage) -> Result<()> {
    let mut alice = stage.person("Alice").await?;
    let (old, new) = ("the passphrase of Alice", "a better passphrase");
    let change = ["passphrase", "change", "--passphrase-file", "-", "--new-passphrase-file", "-"];

    // The node runs: it makes the change.
    let wrong = alice.types(change, &format!("a wrong one\n{new}\n")).await?.error()?;
    ensure!((wrong.exit, wrong.code.as_str()) == (4, "wrong_passphrase"), "{wrong:?}");
    alice.types(change, &format!("{old}\n{new}\n")).await?.text()?;
    alice.status().await?;
    alice.kill().await?;
    fails_with(&alice, &["run"], 4, "wrong_passphrase").await?;
    alice.chooses_passphrase(new)?;
    alice.start().await?;
    alice.stop().await?;

    // No node runs: the command makes the change itself.
    alice.types(change, &format!("{new}\n{old}\n")).await?.text()?;
    fails_with(&alice, &["run"], 4, "wrong_passphrase").await?;
    alice.chooses_passphrase(old)?;

    alice.start().await
}

pub(crate) async fn a_wiped_profile_leaves_nothing(stage: Stage) -> Result<()> {
    let (mut alice, mut bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "forget me").await?;
    fails_with(&alice, &["wipe"], 2, "usage").await?;
    let done: serde_json::Value = alice.ask(["wipe", "--yes"]).await?;
    ensure!(done["done"] == true, "wiping answered {done}");
    alice.ended().await?;
    ensure!(!alice.profile().exists(), "the profile is still there: {:?}", files(&alice));
    fails_with(&alice, &["status"], 6, "no_profile").await?;

    bob.stop().await?;
    bob.ask::<serde_json::Value>(["wipe", "--yes"]).await?;
    ensure!(!bob.profile().exists(), "the profile is still there: {:?}", files(&bob));
    Ok(())
}

fn files(person: &Person) -> Vec<std::ffi::OsString> {
    let entries = fs::read_dir(person.profile()).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).collect()
}
