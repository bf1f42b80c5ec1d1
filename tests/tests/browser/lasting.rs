//! A node that ends under an open page, and a profile that comes back from its backup.

use anyhow::{Result, ensure};

use crate::scene::Scene;

#[tokio::test]
async fn a_killed_node_is_noticed_and_nothing_is_lost() -> Result<()> {
    let scene = Scene::begin().await?;
    let (mut alice, bob) = scene.friends().await?;
    bob.says("Before.").await?;
    alice.hears("Before.").await?;
    alice.host.is_killed_and_starts_again().await?;
    alice.window.sees(".banner", "Connecting to Chive again").await?;
    bob.says("Meanwhile.").await?;
    alice.window.opens(&alice.host.url).await?;
    alice.window.sees("h1", "Chive is locked").await?;
    alice.unlocks().await?;
    alice.opens("Bob").await?;
    alice.hears("Before.").await?;
    alice.hears("Meanwhile.").await?;
    ensure!(alice.window.count(".bubble.theirs").await? == 2);
    alice.host.stop().await?;
    ensure!(!alice.host.log()?.contains("Meanwhile"));
    Ok(())
}

#[tokio::test]
async fn a_profile_is_destroyed_when_it_was_said_twice() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    alice.clicks("settings").await?;
    alice.clicks("settings-profile").await?;
    alice.clicks("wipe").await?;
    ensure!(alice.host.profile().join("key").exists());
    alice.clicks("wipe-go").await?;
    alice.window.sees("h1", alice.words.say("begin-title")?).await?;
    ensure!(!alice.host.profile().join("key").exists());
    Ok(())
}
