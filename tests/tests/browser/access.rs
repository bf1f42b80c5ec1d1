//! Who may use the page, and for how long.

use anyhow::{Result, ensure};

use crate::scene::Scene;

#[tokio::test]
async fn used_links_and_strange_windows_show_nothing() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;

    bob.says("For Alice alone.").await?;
    alice.hears("For Alice alone.").await?;
    let stranger = scene.stranger().await?;
    stranger.opens(alice.host.address()).await?;
    stranger.sees("h1", "This page is closed").await?;
    stranger.opens("about:blank").await?;
    stranger.opens(&alice.host.url).await?;
    stranger.sees(".card", "let a browser in already").await?;
    let asked = stranger.evaluates("fetch('/v1/contacts').then(r => r.status)", vec![]).await?;
    ensure!(asked == 401, "{asked}");

    // Another page, at another port of this machine, cannot ask in the name of who is let in.
    alice.window.opens(bob.host.address()).await?;
    alice.window.sees("h1", "This page is closed").await?;
    let other = format!(
        "fetch('{}v1/contacts', {{ credentials: 'include', headers: {{ 'x-chive-key': 'x' }} \
        }}).then(r => r.status, () => 'refused')",
        alice.host.address()
    );
    let asked = alice.window.evaluates(&other, vec![]).await?;
    ensure!(asked == "refused", "{asked}");

    Ok(())
}

#[tokio::test]
async fn locking_clears_the_page_until_the_passphrase() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;

    bob.says("A secret of ours.").await?;
    alice.hears("A secret of ours.").await?;
    alice.locks().await?;
    let left = alice
        .window
        .evaluates(
            "document.documentElement.outerHTML + document.title + \
                                      JSON.stringify({ ...localStorage, ...sessionStorage \
                                      })",
            vec![],
        )
        .await?;
    ensure!(
        left.as_str().is_some_and(|left| !left.contains("secret of ours") && !left.contains("Bob")),
        "{left}"
    );
    alice.fills("passphrase", "not this one").await?;
    alice.clicks("unlock-go").await?;
    alice.window.sees(".wrong", "not the passphrase").await?;
    alice.unlocks().await?;
    alice.opens("Bob").await?;
    alice.hears("A secret of ours.").await?;
    bob.says("And another.").await?;

    alice.hears("And another.").await
}
