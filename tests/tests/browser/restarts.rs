//! A node that ends under an open page, a profile that is locked, and one that comes back from its
//! backup.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use chive_tests::browser::Look;
use tokio::time::{Instant, sleep};

use crate::scene::{PASSPHRASE, Scene};

/// As on a busy machine: what runs after the first drawing comes when the node has answered.
const SLOW: &str = "(() => { const later = setTimeout; window.requestAnimationFrame = call => \
                   later(call, 2000); \
    window.setTimeout = (call, time, ...rest) => later(call, Math.max(time ?? 0, 2000), ...rest); \
    })();";

/// The node can do nothing of this.
const BROKEN: &str = "void (window.fetch = (ask => async (path, init) => (path === '/ui/state' || \
                     init?.method === 'PUT' \
    ? new Response('{\"code\":\"internal\"}', { status: 500 }) : ask(path, init)))(window.fetch))";

#[tokio::test]
async fn a_page_that_is_answered_before_it_has_drawn_shows_the_answer() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    alice.locks().await?;
    alice.window.begins_with(SLOW).await?;
    alice.window.opens(alice.host.address()).await?;
    alice.window.sees("h1", alice.words.say("unlock-title")?).await?;
    // And what is wrong, where it is not that nobody answers.
    alice.window.begins_with(BROKEN).await?;
    alice.window.opens(alice.host.address()).await?;
    alice.window.sees("h1", alice.words.say("error-title")?).await?;
    alice.window.sees(".wrong", alice.words.say("error-internal")?).await
}

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
async fn a_new_passphrase_opens_the_profile_and_the_old_one_does_not() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    let new = "copper lantern meadow quartz";

    alice.sets("profile").await?;
    for old in ["not this one", PASSPHRASE] {
        alice.fills("passphrase-old", old).await?;
        alice.fills("passphrase-new", new).await?;
        alice.fills("passphrase-confirm", new).await?;
        alice.clicks("passphrase-change").await?;
        let said = if old == PASSPHRASE { "passphrase-changed" } else { "error-wrong-passphrase" };
        alice.window.sees(".toast, .wrong", alice.words.say(said)?).await?;
    }

    alice.closes().await?;
    alice.locks().await?;
    for passphrase in [PASSPHRASE, new] {
        alice.fills("passphrase", passphrase).await?;
        alice.clicks("unlock-go").await?;
        let wrong = alice.words.say("error-wrong-passphrase")?;
        if passphrase == new {
            alice.window.until("document.querySelector('.shell')", vec![]).await?;
        } else {
            alice.window.sees(".wrong", wrong).await?;
        }
    }

    Ok(())
}

#[tokio::test]
async fn bridges_are_kept_and_a_line_that_is_none_is_refused() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    let bridge = "Bridge 127.0.0.1:9 2100000000000000000000000000000000000001";
    let kept = "[...document.querySelectorAll('dialog textarea')].some(e => e.value === a[0])";

    alice.sets("network").await?;
    alice.fills("bridges-lines", "somewhere else").await?;
    alice.clicks("save").await?;
    alice.window.sees(".toast, .wrong", alice.words.say("error-invalid-bridge")?).await?;
    alice.fills("bridges-lines", bridge).await?;
    alice.clicks("save").await?;
    alice.window.sees(".toast", alice.words.say("bridges-saved")?).await?;
    alice.closes().await?;
    alice.locks().await?;
    alice.unlocks().await?;
    alice.sets("network").await?;
    alice.window.until(kept, vec![bridge.into()]).await?;

    // What is refused is said above the window, and not shown as chosen.
    alice.clicks("settings-look").await?;
    alice.window.evaluates(BROKEN, vec![]).await?;
    alice.window.chooses(alice.words.say("theme")?, "dark").await?;
    alice.window.sees("dialog .toast", alice.words.say("error-internal")?).await?;
    let before = "document.querySelector('dialog select').value === '' && \
                 !document.documentElement.dataset.theme";

    alice.window.until(before, vec![]).await.map(drop)
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
    alice.window.sees("h1", alice.words.say("onboarding-title")?).await?;
    ensure!(!alice.host.profile().join("key").exists());
    Ok(())
}

#[tokio::test]
async fn a_backup_is_saved_and_a_profile_comes_back_from_it() -> Result<()> {
    let scene = Scene::begin().await?;
    let (mut alice, bob) = scene.friends().await?;
    bob.says("Keep this.").await?;
    alice.hears("Keep this.").await?;
    let saved = scene.home().join("saved");
    alice.window.saves_into(&saved).await?;
    alice.sets("profile").await?;
    alice.fills("backup-passphrase", PASSPHRASE).await?;

    // The backup's own passphrase, confirmed: the other form has such a field, too.
    alice.window.fills_last(alice.words.say("passphrase-confirm")?, PASSPHRASE).await?;
    alice.clicks("backup-make").await?;
    let backup = file_in(&saved).await?;
    alice.host.stop().await?;

    // Where no profile is, the first screen takes it; not with any other passphrase.
    let again = scene.newcomer("Alice again", &Look::default()).await?;
    again.clicks("onboarding-restore").await?;
    again.window.gives_file(&backup).await?;
    again.fills("restore-passphrase", "not this one").await?;
    again.clicks("restore-go").await?;
    again.window.sees(".wrong", again.words.say("error-wrong-passphrase")?).await?;
    again.fills("restore-passphrase", PASSPHRASE).await?;
    again.clicks("restore-go").await?;
    again.opens("Bob").await?;
    again.hears("Keep this.").await?;
    bob.says("Are you back?").await?;
    again.hears("Are you back?").await?;

    again.kept_to_itself().await
}

/// A file that the browser has saved, all of it.
async fn file_in(directory: &Path) -> Result<PathBuf> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|kind| kind == "backup") {
                return Ok(path);
            }
        }
        ensure!(Instant::now() < deadline, "nothing was saved");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn who_is_gone_for_long_enough_is_locked_out() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    alice.sets("privacy").await?;
    alice.window.chooses(alice.words.say("lock-after")?, "60").await?;
    let asked = "fetch('/v1/preferences', { headers: { 'x-chive-key': localStorage.getItem('chive-key') \
                } }).then(r => r.json()) \
        .then(all => all.some(({ key, text }) => key === 'ui.lock-after' && text === '60'))";
    while alice.window.evaluates(asked, vec![]).await? != true {}

    // As if the minute were ten seconds.
    let soon = "fetch('/ui/active', { method: 'POST', body: JSON.stringify({ lock_after: 10 }), \
               headers: { \
        'content-type': 'application/json', 'x-chive-key': localStorage.getItem('chive-key') } \
        }).then(r => r.status)";
    ensure!(alice.window.evaluates(soon, vec![]).await? == 204);
    alice.window.sees("h1", alice.words.say("unlock-title")?).await?;
    alice.unlocks().await?;
    alice.sets("privacy").await?;
    let chosen = "[...document.querySelectorAll('dialog select')].some(e => e.value === '60')";

    alice.window.until(chosen, vec![]).await.map(drop)
}
