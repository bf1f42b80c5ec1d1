//! Every screen, in both languages and both themes: nobody is kept from using it, and
//! `CHIVE_SCREENSHOTS` says where a picture of it goes.

use std::path::PathBuf;

use anyhow::Result;
use chive_tests::browser::Look;

use crate::scene::{Person, Scene};

/// Who looks at all screens, and writes down what is seen.
struct Tour<'a> {
    person: &'a Person,
    name: String,
    right_to_left: bool,
    pictures: Option<PathBuf>,
}

impl Tour<'_> {
    async fn stops(&self, screen: &str) -> Result<()> {
        let window = &self.person.window;

        // Pictures, fonts and codes are there.
        window
            .until(
                "document.fonts.status === 'loaded' && \
                   document.querySelector('[aria-busy=true]') === null",
                vec![],
            )
            .await?;
        if let Some(directory) = &self.pictures {
            std::fs::create_dir_all(directory)?;
            std::fs::write(
                directory.join(format!("{screen}-{}.png", self.name)),
                window.picture().await?,
            )?;
        }

        window.fits(&format!("{screen}-{}", self.name)).await?;
        if self.right_to_left {
            // What axe looks at is the same from left to right.
            return Ok(());
        }

        window.is_accessible(&format!("{screen}-{}", self.name)).await
    }

    /// On a phone, the list is behind the conversation.
    async fn leaves(&self) -> Result<()> {
        let phone = "(() => { const back = document.querySelector('.conversation .phone'); \
            if (back?.checkVisibility()) back.click(); return true; })()";
        self.person.window.until(phone, vec![]).await?;
        self.person
            .window
            .until("document.querySelector('.side').checkVisibility()", vec![])
            .await
            .map(drop)
    }
}

/// So wide and high is a phone.
const PHONE: (u32, u32) = (390, 780);
/// As if the language ran from right to left.
const RIGHT_TO_LEFT: &str = "addEventListener('DOMContentLoaded', () => { const root = \
                            document.documentElement, turn = () => { \
    if (root.dir !== 'rtl') root.dir = 'rtl'; }; new MutationObserver(turn).observe(root, { \
    attributes: true }); turn(); });";

/// Looks at all screens, one after the other.
async fn all(name: &str, look: Look, right_to_left: bool) -> Result<()> {
    let scene = Scene::begin().await?;
    let server = scene.server().await?;
    let friend = scene.person("Bob").await?;
    let russian = look.language == "ru";
    let alice = scene.newcomer(if russian { "Алиса" } else { "Alice" }, &look).await?;
    if right_to_left {
        alice.window.begins_with(RIGHT_TO_LEFT).await?;
        alice.window.opens(alice.host.address()).await?;
        alice
            .window
            .until("document.documentElement.dir === 'rtl' && document.querySelector('h1')", vec![])
            .await?;
    }

    let pictures = std::env::var_os("CHIVE_SCREENSHOTS").map(PathBuf::from);
    let tour = Tour { person: &alice, name: name.to_owned(), right_to_left, pictures };

    tour.stops("onboarding").await?;
    alice.clicks("onboarding-restore").await?;
    tour.stops("restore").await?;
    alice.clicks("back").await?;
    alice.begins().await?;
    tour.stops("invite").await?;
    alice.closes().await?;
    tour.stops("nobody").await?;
    alice.clicks("add").await?;
    tour.stops("add").await?;
    alice.closes().await?;
    friend.adds(&alice.invites().await?).await?;
    exchange(&alice, &friend).await?;
    tour.stops("conversation").await?;
    windows(&tour).await?;
    found(&tour, &scene, server.address()).await?;
    friend.locks().await?;
    alice.opens("Bob").await?;
    alice.says(if russian { "Ты ещё здесь?" } else { "Are you still here?" }).await?;
    alice.until_last_is("queued").await?;
    alice.window.sees(".why", "").await?;
    tour.stops("waiting").await?;
    tour.leaves().await?;
    tour.stops("list").await?;
    alice.window.clicks(".foot button").await?;
    tour.stops("status").await?;
    alice.closes().await?;
    alice.locks().await?;
    tour.stops("locked").await?;

    alice.kept_to_itself().await
}

/// Somebody is found by a handle at a server, and asked.
async fn found(tour: &Tour<'_>, scene: &Scene, server: &str) -> Result<()> {
    let (alice, handle) = (tour.person, format!("alice@{server}"));
    alice.uses(server).await?;
    alice.sets("you").await?;
    alice.fills("handle-new", &handle).await?;
    alice.clicks("handle-claim").await?;
    alice.window.sees("dialog .hint", alice.words.say("handle-active")?).await?;
    tour.stops("handles").await?;
    alice.clicks("settings-network").await?;
    tour.stops("servers").await?;
    alice.closes().await?;
    let carol = scene.person("Carol").await?;

    carol.clicks("add").await?;
    carol.fills("add-link", &handle).await?;
    carol.fills("add-message", "We met at the harbour.").await?;
    carol.clicks("add-go").await?;
    alice.window.sees(".notice", "1").await?;
    tour.stops("asked").await?;
    alice.window.clicks(".notice").await?;
    alice.window.sees("dialog blockquote", "harbour").await?;
    tour.stops("requests").await?;

    alice.closes().await
}

/// Something to look at.
async fn exchange(alice: &Person, bob: &Person) -> Result<()> {
    alice.opens("Bob").await?;
    alice.window.until("document.querySelector('.composer textarea')", vec![]).await?;
    for (theirs, text) in [
        (true, "Hello Alice! This goes from my machine to yours, over Tor."),
        (false, "Hello Bob! And no server in between knows that we talk."),
        (true, "Nor when, nor how much?"),
        (false, "Nor that. We both are onion services."),
        (true, "Grüße, приве́т, שלום, γειά σου"),
        (true, "🌱"),
        (
            false,
            "Look at https://example.org/about when you have time.\nIt is in two parts:\n– one\n– \
            two",
        ),
        (
            true,
            "I will, thank you. It may take me until tomorrow, because there is much to do here \
            and I would like to read it in peace.",
        ),
    ] {
        let (speaker, hearer) = if theirs { (bob, alice) } else { (alice, bob) };
        speaker.says(text).await?;
        hearer.hears(text.lines().next().unwrap_or_default()).await?;
    }

    alice.says("Take your time.").await?;
    alice.window.sees(".bubble.mine .text", "Take your time.").await?;

    alice.until_last_is("delivered").await
}

/// Every window over the page.
async fn windows(tour: &Tour<'_>) -> Result<()> {
    let alice = tour.person;
    alice.clicks("person").await?;
    tour.stops("person").await?;
    alice.clicks("person-verify").await?;
    tour.stops("verify").await?;
    alice.closes().await?;
    alice.closes().await?;
    alice.window.until("document.querySelector('.link').click() ?? true", vec![]).await?;
    tour.stops("link").await?;
    alice.closes().await?;
    alice.clicks("emoji").await?;
    tour.stops("emoji").await?;
    alice.clicks("emoji").await?;
    tour.leaves().await?;
    alice.window.types(".search input", "server").await?;
    alice.window.sees(".found mark", "server").await?;
    tour.stops("search").await?;
    alice.window.types(".search input", "\u{e00c}").await?;
    alice.clicks("settings").await?;
    for part in ["you", "look", "privacy", "network", "profile"] {
        alice.clicks(&format!("settings-{part}")).await?;
        tour.stops(&format!("settings-{part}")).await?;
    }

    alice.clicks("wipe").await?;
    tour.stops("confirm").await?;
    alice.clicks("no").await?;

    alice.closes().await
}

#[tokio::test]
async fn english_in_the_light() -> Result<()> {
    all("en-light", Look::default(), false).await
}

#[tokio::test]
async fn english_in_the_dark() -> Result<()> {
    all("en-dark", Look { dark: true, ..Look::default() }, false).await
}

#[tokio::test]
async fn russian_in_the_light() -> Result<()> {
    all("ru-light", Look { language: "ru", ..Look::default() }, false).await
}

#[tokio::test]
async fn russian_in_the_dark_on_a_phone() -> Result<()> {
    all("ru-phone-dark", Look { language: "ru", dark: true, size: PHONE, ..Look::default() }, false)
        .await
}

#[tokio::test]
async fn from_right_to_left() -> Result<()> {
    all("rtl-light", Look::default(), true).await
}

#[tokio::test]
async fn from_right_to_left_on_a_phone() -> Result<()> {
    all("rtl-phone-dark", Look { dark: true, size: PHONE, ..Look::default() }, true).await
}
