//! Every screen, in both languages and both themes: nobody is kept from using it, and `CHIVE_SCREENSHOTS` says where a
//! picture of it goes.

use std::path::PathBuf;

use anyhow::Result;
use chive_tests::browser::Look;

use crate::scene::{Person, Scene};

/// Who looks at all screens, and writes down what is seen.
struct Tour<'a> {
    person: &'a Person,
    name: String,
    pictures: Option<PathBuf>,
}

impl Tour<'_> {
    async fn stops(&self, screen: &str) -> Result<()> {
        let window = &self.person.window;
        // Pictures, fonts and codes are there.
        window
            .until("document.fonts.status === 'loaded' && document.querySelector('[aria-busy=true]') === null", vec![])
            .await?;
        if let Some(directory) = &self.pictures {
            std::fs::create_dir_all(directory)?;
            std::fs::write(directory.join(format!("{screen}-{}.png", self.name)), window.picture().await?)?;
        }
        window.is_accessible(&format!("{screen}-{}", self.name)).await
    }
}

async fn all(language: &'static str, dark: bool) -> Result<()> {
    let scene = Scene::begin().await?;
    let look = Look { language, dark, ..Look::default() };
    let friend = scene.person("Bob").await?;
    let alice = scene.newcomer(if language == "ru" { "Алиса" } else { "Alice" }, &look).await?;
    let pictures = std::env::var_os("CHIVE_SCREENSHOTS").map(PathBuf::from);
    let name = format!("{language}-{}", if dark { "dark" } else { "light" });
    let tour = Tour { person: &alice, name, pictures };
    tour.stops("begin").await?;
    alice.clicks("begin-restore").await?;
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
    talk(&alice, &friend).await?;
    tour.stops("talk").await?;
    windows(&tour).await?;
    alice.window.resize((390, 780)).await?;
    tour.stops("phone").await?;
    alice.window.resize(look.size).await?;
    friend.locks().await?;
    alice.says(if language == "ru" { "Ты ещё здесь?" } else { "Are you still here?" }).await?;
    alice.until_last_is("queued").await?;
    tour.stops("waiting").await?;
    alice.window.clicks(".foot button").await?;
    tour.stops("status").await?;
    alice.closes().await?;
    alice.locks().await?;
    tour.stops("locked").await?;
    alice.kept_to_itself().await
}

/// Something to look at.
async fn talk(alice: &Person, bob: &Person) -> Result<()> {
    alice.opens("Bob").await?;
    alice.window.until("document.querySelector('.composer textarea')", vec![]).await?;
    for (theirs, text) in [
        (true, "Hello Alice! This goes from my machine to yours, over Tor."),
        (false, "Hello Bob! And no server in between knows that we talk."),
        (true, "Nor when, nor how much?"),
        (false, "Nor that. We both are onion services."),
        (true, "Grüße, приве́т, שלום, γειά σου"),
        (true, "🌱"),
        (false, "Look at https://example.org/about when you have time.\nIt is in two parts:\n– one\n– two"),
        (
            true,
            "I will, thank you. It may take me until tomorrow, because there is much to do here and I would like to read it in peace.",
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
    alice.window.types(".search input", "server").await?;
    alice.window.sees(".found mark", "server").await?;
    tour.stops("search").await?;
    alice.window.types(".search input", "\u{e00c}").await?;
    alice.clicks("emoji").await?;
    tour.stops("emoji").await?;
    alice.clicks("emoji").await?;
    alice.clicks("settings").await?;
    for part in ["you", "look", "privacy", "network", "profile"] {
        alice.clicks(&format!("settings-{part}")).await?;
        tour.stops(&format!("settings-{part}")).await?;
    }
    alice.clicks("wipe").await?;
    tour.stops("sure").await?;
    alice.clicks("no").await?;
    alice.closes().await
}

#[tokio::test]
async fn english_in_the_light() -> Result<()> {
    all("en", false).await
}

#[tokio::test]
async fn english_in_the_dark() -> Result<()> {
    all("en", true).await
}

#[tokio::test]
async fn russian_in_the_light() -> Result<()> {
    all("ru", false).await
}

#[tokio::test]
async fn russian_in_the_dark() -> Result<()> {
    all("ru", true).await
}
