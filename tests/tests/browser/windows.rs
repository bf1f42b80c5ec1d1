//! Several windows of one browser, more than its six connections per host: each shows every message
//! once, and one takes over from another.

use anyhow::{Context as _, Result, ensure};
use chive_tests::browser::WindowHandle;

use crate::scene::{Person, Scene};

/// More than a browser has connections to one host.
const WINDOWS: usize = 8;

/// Opens more windows, each before the conversation with Bob; the first one is the first.
async fn many(alice: &Person) -> Result<Vec<WindowHandle>> {
    let mut windows = vec![alice.window.which().await?];
    for _ in 1..WINDOWS {
        alice.window.opens_another().await?;
        alice.window.opens(alice.host.address()).await?;
        alice.opens("Bob").await?;
        windows.push(alice.window.which().await?);
    }
    Ok(windows)
}

/// Each of the windows shows each text of Bob's, once.
async fn all_show(alice: &Person, windows: &[WindowHandle], texts: &[&str]) -> Result<()> {
    for (number, window) in windows.iter().enumerate() {
        alice.window.looks_at(window).await?;
        for text in texts {
            alice.hears(text).await.with_context(|| format!("in window {number}"))?;
        }
        let shown = alice.window.count(".bubble.theirs").await?;
        ensure!(shown == texts.len() as u64, "window {number} shows {shown} messages");
    }
    Ok(())
}

#[tokio::test]
async fn many_windows_at_once_show_what_comes_and_each_sends() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    let windows = many(&alice).await?;

    bob.says("To all of you.").await?;
    all_show(&alice, &windows, &["To all of you."]).await?;
    for (number, window) in windows.iter().enumerate() {
        alice.window.looks_at(window).await?;
        let text = format!("From window {number}.");
        alice.says(&text).await?;
        bob.hears(&text).await?;
        alice.until_last_is("delivered").await?;
    }
    for window in &windows {
        alice.window.looks_at(window).await?;
        let all = "document.querySelectorAll('.bubble.mine.delivered').length === a[0]";
        alice.window.until(all, vec![WINDOWS.into()]).await?;
    }

    alice.kept_to_itself().await
}

#[tokio::test]
async fn a_closed_leader_is_replaced_without_loss() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    let windows = many(&alice).await?;
    let mut said = vec!["Before."];

    bob.says("Before.").await?;
    all_show(&alice, &windows, &said).await?;
    for (first, text) in ["After one.", "After two.", "After three."].into_iter().enumerate() {
        // The one that was opened first leads, and then the one after it.
        alice.window.looks_at(&windows[first]).await?;
        bob.says(text).await?;
        alice.window.leaves_for(&windows[first + 1]).await?;
        said.push(text);
        all_show(&alice, &windows[first + 1..], &said).await?;
    }

    Ok(())
}

#[tokio::test]
async fn a_frozen_leader_is_replaced_and_catches_up() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    let windows = many(&alice).await?;

    alice.window.looks_at(&windows[0]).await?;
    alice.window.freezes(true).await?;
    alice.window.looks_at(&windows[1]).await?;
    bob.says("While it was frozen.").await?;
    all_show(&alice, &windows[1..], &["While it was frozen."]).await?;
    alice.window.looks_at(&windows[0]).await?;
    alice.window.freezes(false).await?;
    bob.says("And after.").await?;

    all_show(&alice, &windows, &["While it was frozen.", "And after."]).await
}

#[tokio::test]
async fn what_one_window_locks_is_gone_from_all() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    let windows = many(&alice).await?;

    bob.says("A secret of ours.").await?;
    all_show(&alice, &windows, &["A secret of ours."]).await?;
    alice.locks().await?;
    for window in &windows {
        alice.window.looks_at(window).await?;
        alice.window.sees("h1", alice.words.say("unlock-title")?).await?;
        let left = "document.documentElement.outerHTML + document.title";
        let left = alice.window.evaluates(left, vec![]).await?;
        ensure!(left.as_str().is_some_and(|left| !left.contains("secret of ours")), "{left}");
    }

    Ok(())
}

#[tokio::test]
async fn that_the_node_is_gone_is_said_in_all_windows() -> Result<()> {
    let scene = Scene::begin().await?;
    let (mut alice, _bob) = scene.friends().await?;
    let windows = many(&alice).await?;

    alice.host.is_killed_and_starts_again().await?;
    for window in &windows {
        alice.window.looks_at(window).await?;
        alice.window.sees(".banner", alice.words.say("reconnecting")?).await?;
    }

    Ok(())
}
