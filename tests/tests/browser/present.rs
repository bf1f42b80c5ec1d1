//! Presence servers, handles, and the requests of those who found somebody by one.

use anyhow::{Result, ensure};
use chive::node::Links;

use crate::scene::Scene;

#[tokio::test]
async fn where_no_connection_is_a_server_tells_who_is_there() -> Result<()> {
    let scene = Scene::begin().await?;
    let mut server = scene.server().await?;
    let (alice, bob) = scene.friends_with(Links::WhenNeeded).await?;
    alice.window.sees(".conversation .hint", "Online · connected").await?;
    for (one, other) in [(&alice, &bob), (&bob, &alice)] {
        one.uses(server.address()).await?;
        // What is said after the news arrives after it.
        one.says("I can be seen at a server.").await?;
        other.hears("I can be seen at a server.").await?;
        one.until_last_is("delivered").await?;
    }

    for person in [&alice, &bob] {
        person.locks().await?;
    }

    for person in [&bob, &alice] {
        person.unlocks().await?;
    }

    alice.opens("Bob").await?;
    alice.window.sees(".conversation .hint", "Online · says a server").await?;
    bob.sets("you").await?;
    bob.window.chooses("Your servers say that you are", "away").await?;
    alice.window.sees(".conversation .hint", "Away · says a server").await?;
    alice.window.sees(".who .dot.away", "").await?;
    bob.window.chooses("Your servers say that you are", "on").await?;
    alice.window.sees(".conversation .hint", "Online · says a server").await?;
    bob.closes().await?;
    bob.locks().await?;
    alice.window.sees(".conversation .hint", "Offline since").await?;
    server.kill().await?;
    alice.window.clicks(".foot button").await?;
    alice.window.sees(".server .hint", alice.words.say("server-unreachable")?).await?;
    server.restart().await?;
    alice.window.sees(".server .hint", alice.words.say("server-reachable")?).await?;

    alice.kept_to_itself().await
}

/// The answer to what was asked may come after the event that it has led to.
#[tokio::test]
async fn what_an_event_told_is_not_undone_by_an_answer_from_before() -> Result<()> {
    let scene = Scene::begin().await?;
    let server = scene.server().await?;
    let alice = scene.person("Alice").await?;
    let reachable = alice.words.say("server-reachable")?;
    let hold_back = "const [ask, reachable] = [window.fetch, a[0]];
        const shown = () => document.querySelector('.server \
        .hint')?.textContent.includes(reachable);
        window.fetch = async (path, init) => {
            const answer = await ask(path, init);
            while (init.method === 'POST' && path === '/v1/servers' && !shown()) await new \
            Promise((go) => setTimeout(go, 20));
            return answer;
        };
        return true";

    alice.window.evaluates(&format!("(() => {{ {hold_back} }})()"), vec![reachable.into()]).await?;
    alice.sets("network").await?;
    alice.fills("server-address", server.address()).await?;
    alice.clicks("server-add").await?;
    let answered =
        "[...document.querySelectorAll('dialog input')].every((field) => field.value === '')";
    alice.window.until(answered, vec![]).await?;
    alice.window.sees(".server .hint", reachable).await?;

    alice.kept_to_itself().await
}

#[tokio::test]
async fn who_finds_somebody_by_a_handle_waits_for_a_yes() -> Result<()> {
    let scene = Scene::begin().await?;
    let server = scene.server().await?;
    let alice = scene.person("Alice").await?;
    let handle = format!("alice@{}", server.address());

    alice.sets("you").await?;
    alice.fills("handle-new", &handle).await?;
    alice.clicks("handle-claim").await?;
    alice.window.sees("dialog .hint", alice.words.say("handle-active")?).await?;
    alice.closes().await?;
    let bob = scene.person("Bob").await?;
    bob.clicks("add").await?;
    bob.fills("add-link", &format!("nobody@{}", server.address())).await?;
    bob.clicks("add-go").await?;
    bob.window.sees("dialog .wrong", bob.words.say("error-unknown-handle")?).await?;
    bob.fills("add-link", &handle).await?;
    bob.fills("add-message", "<i>It is me</i>, from the harbour").await?;
    bob.clicks("add-go").await?;
    bob.window.sees(".rows", bob.words.say("asked")?).await?;

    // Apart from the conversations, as text, and no without a word of why.
    alice.window.sees(".notice", "1 person asks to talk with you").await?;
    ensure!(alice.window.count(".who").await? == 0);
    alice.window.clicks(".notice").await?;
    alice.window.sees("dialog .name", "Bob").await?;
    alice.window.sees("dialog blockquote", "<i>It is me</i>, from the harbour").await?;
    alice.clicks("decline").await?;
    alice.window.sees("dialog p", alice.words.say("requests-none")?).await?;
    alice.closes().await?;
    bob.window.sees(".who .bad", bob.words.say("reason-request-declined")?).await?;

    // Asked again, she says yes.
    bob.adds(&handle).await?;
    alice.window.clicks(".notice").await?;
    alice.clicks("accept").await?;
    alice.window.sees_no(".request").await?;
    alice.closes().await?;
    alice.opens("Bob").await?;
    alice.says("So it is you!").await?;
    bob.hears("So it is you!").await?;

    // Whom she blocks hears nothing, also when asking again.
    let eve = scene.person("Eve").await?;
    eve.adds(&handle).await?;
    alice.window.clicks(".notice").await?;
    alice.window.sees("dialog .name", "Eve").await?;
    alice.clicks("block").await?;
    alice.window.sees_no(".request").await?;
    alice.closes().await?;
    alice.window.sees_no(".notice").await?;
    eve.window.sees(".conversation .hint", eve.words.say("asked")?).await?;

    // Who gives the handle up is not found any more.
    alice.sets("you").await?;
    alice.clicks("handle-release").await?;
    alice
        .window
        .until(
            "![...document.querySelectorAll('dialog li')].some(e => \
               e.textContent.includes('alice@'))",
            vec![],
        )
        .await?;
    let carol = scene.person("Carol").await?;

    carol.clicks("add").await?;
    carol.fills("add-link", &handle).await?;
    carol.clicks("add-go").await?;

    carol.window.sees("dialog .wrong", carol.words.say("error-unknown-handle")?).await
}
