//! A conversation: states and reasons, drafts, what disappears, search, many messages.

use anyhow::{Result, ensure};

use crate::scene::Scene;

#[tokio::test]
async fn who_is_away_gets_it_later_and_what_waits_can_be_taken_back() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    alice.window.sees(".talk .hint", "Online").await?;
    bob.locks().await?;
    alice.window.sees(".talk .hint", "Offline").await?;
    alice.says("Where are you?").await?;
    alice.until_last_is("queued").await?;
    alice.window.sees(".why", "No connection to the contact").await?;
    alice.says("Never mind this.").await?;
    alice.window.until("document.querySelectorAll('.bubble.queued').length === 2", vec![]).await?;
    let last = "(() => { const all = document.querySelectorAll('.why button'); all[all.length - 1].click(); return all.length; })()";
    alice.window.until(last, vec![]).await?;
    alice.window.until("document.querySelectorAll('.bubble.cancelled').length === 1", vec![]).await?;
    bob.unlocks().await?;
    bob.opens("Alice").await?;
    bob.hears("Where are you?").await?;
    alice.window.until("document.querySelector('.bubble.delivered')", vec![]).await?;
    alice.window.sees(".talk .hint", "Online").await?;
    ensure!(bob.window.count(".bubble.theirs").await? == 1);
    Ok(())
}

#[tokio::test]
async fn a_draft_survives_and_messages_are_found() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    alice.says("We meet at the harbour.").await?;
    bob.hears("harbour").await?;
    alice.window.types(".composer textarea", "Bring the ").await?;
    alice.window.presses("\u{e008}").await?;
    alice.locks().await?;
    alice.unlocks().await?;
    alice.window.sees(".who .draft", "Draft:").await?;
    alice.opens("Bob").await?;
    alice.window.until("document.querySelector('.composer textarea').value === 'Bring the '", vec![]).await?;
    alice.window.types(".search input", "harb").await?;
    alice.window.sees(".found mark", "harb").await?;
    alice.window.clicks(".found .hit").await?;
    alice.window.until("document.querySelector('.bubble.hit')", vec![]).await.map(drop)
}

#[tokio::test]
async fn both_agree_that_messages_disappear_and_are_told_what_was_read() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    for person in [&alice, &bob] {
        person.clicks("person").await?;
        person.window.chooses("Messages disappear", "30").await?;
        person.window.clicks("dialog [role=switch]").await?;
        person.closes().await?;
    }
    alice.window.sees(".timer", "30 seconds").await?;
    bob.window.sees(".timer", "30 seconds").await?;
    alice.says("Gone soon.").await?;
    bob.hears("Gone soon.").await?;
    alice.until_last_is("read").await?;
    alice.window.sees_no(".bubble").await?;
    bob.window.sees_no(".bubble").await
}

#[tokio::test]
async fn of_many_messages_only_what_is_seen_is_drawn() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = scene.friends().await?;
    let send = "(async () => { for (let i = 0; i < 120; i += 1) { await fetch(`/v1/contacts/Bob/messages`, { method: 'POST', \
        headers: { 'content-type': 'application/json', 'x-chive-key': localStorage.getItem('chive-key') }, \
        body: JSON.stringify({ text: `Number ${i} ${'and more '.repeat(i % 30)}` }) }); } document.body.dataset.sent = 'all'; })()";
    alice.window.evaluates(&format!("void {send}"), vec![]).await?;
    alice.window.until("document.body.dataset.sent", vec![]).await?;
    bob.hears("Number 119").await?;
    alice.window.sees(".bubble.mine .text", "Number 119").await?;
    ensure!(alice.window.count(".bubble").await? < 60);
    bob.locks().await?;
    bob.unlocks().await?;
    bob.opens("Alice").await?;
    bob.hears("Number 119").await?;
    // Up to the first one: pages come as one scrolls, and what is looked at stays in its place.
    let up = "(() => { const rows = document.querySelector('.rows'); rows.scrollTop = 0; return /Number 0 /.test(rows.textContent); })()";
    bob.window.until(up, vec![]).await?;
    ensure!(bob.window.count(".bubble").await? < 80);
    bob.clicks("to-end").await?;
    bob.hears("Number 119").await?;
    // What comes is seen at once by who is at the end.
    alice.says("The newest.").await?;
    bob.hears("The newest.").await
}
