//! From the first start to the first delivered message; keyboard alone; QR codes; both languages.

use anyhow::{Context as _, Result, ensure};
use chive_tests::browser::Look;
use data_encoding::BASE64;

use crate::scene::Scene;

#[tokio::test]
async fn from_the_first_start_to_the_first_delivered_message() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.newcomer("Alice", &Look::default()).await?;
    alice.begins().await?;
    let link = alice.window.text("dialog .address").await?;
    alice.closes().await?;

    // The link is the same until it was given to somebody.
    alice.clicks("invite").await?;
    ensure!(alice.window.text("dialog .address").await? == link);
    alice.window.evaluates("void (navigator.clipboard.writeText = async () => {})", vec![]).await?;
    alice.clicks("copy-link").await?;
    alice.window.sees("dialog .toast", alice.words.say("copied")?).await?;
    alice.closes().await?;
    ensure!(alice.invites().await? != link);
    alice.window.sees(".empty", alice.words.say("nobody")?).await?;
    let bob = scene.person("Bob").await?;

    bob.adds(&link).await?;
    bob.says("Hello Alice!").await?;
    bob.until_last_is("delivered").await?;

    // She has not looked yet: it is unread, and the title says so.
    alice.window.sees(".who .badge", "1").await?;
    alice.window.until("document.title === '(1) Chive'", vec![]).await?;
    alice.window.sees(".who .last", "Hello Alice!").await?;
    alice.opens("Bob").await?;
    alice.hears("Hello Alice!").await?;
    alice.window.sees_no(".who .badge").await?;
    alice.window.until("document.title === 'Chive'", vec![]).await?;
    alice.says("Hello Bob!").await?;
    bob.hears("Hello Bob!").await?;
    alice.until_last_is("delivered").await?;
    alice.window.sees(".conversation .hint", "Online").await?;
    alice.kept_to_itself().await?;

    bob.kept_to_itself().await
}

#[tokio::test]
async fn the_keyboard_alone_suffices() -> Result<()> {
    const TAB: &str = "\u{e004}";
    const ENTER: &str = "\u{e007}";
    const ESCAPE: &str = "\u{e00c}";

    let scene = Scene::begin().await?;
    let bob = scene.person("Bob").await?;
    let alice = scene.newcomer("Alice", &Look::default()).await?;
    let keys = &alice.window;

    keys.tabs_to("Your name").await?;
    keys.presses("Alice").await?;
    keys.tabs_to("Passphrase").await?;
    keys.presses("violet anchor thunder").await?;
    keys.tabs_to("Confirm passphrase").await?;
    keys.presses("violet anchor thunder").await?;
    keys.presses(ENTER).await?;
    keys.until("document.querySelector('dialog[open] .address')", vec![]).await?;
    keys.presses(ESCAPE).await?;
    keys.sees_no("dialog").await?;
    let link = bob.invites().await?;
    keys.tabs_to("Add somebody").await?;
    keys.presses(ENTER).await?;
    keys.until("document.querySelector('dialog[open]')", vec![]).await?;
    keys.tabs_to("Link").await?;
    keys.presses(&link).await?;
    keys.tabs_to("Add").await?;
    keys.presses(ENTER).await?;
    keys.sees(".conversation h1", "Bob").await?;
    keys.until(
        "document.activeElement.closest('.composer') || document.querySelector('.composer \
               textarea')",
        vec![],
    )
    .await?;
    keys.tabs_to("Write to Bob").await?;
    keys.presses("No mouse").await?;
    keys.presses(ENTER).await?;
    bob.opens("Alice").await?;
    bob.hears("No mouse").await?;

    // The list is left and entered by Tab, and walked by arrows.
    keys.evaluates("document.activeElement.blur()", vec![]).await?;
    keys.until("document.querySelector('.menu button[tabindex=\"0\"]')", vec![]).await?;
    for _ in 0..20 {
        if keys.evaluates("!!document.activeElement.closest('.menu')", vec![]).await? == true {
            break;
        }
        keys.presses(TAB).await?;
    }

    keys.presses(ENTER).await?;

    keys.sees(".conversation h1", "Bob").await
}

#[tokio::test]
async fn a_qr_code_of_one_window_is_read_by_the_other() -> Result<()> {
    let scene = Scene::begin().await?;
    let (alice, bob) = (scene.person("Alice").await?, scene.person("Bob").await?);

    alice.clicks("invite").await?;
    let link = alice.window.text("dialog .address").await?;
    let drawn = "(() => { const c = document.querySelector('.code canvas'); return c?.width > 320 \
                && c.toDataURL('image/png'); })()";
    let picture = alice.window.until(drawn, vec![]).await?;
    let picture = picture.as_str().and_then(|data| data.split_once(',')).context("no picture")?.1;
    let file = scene.home().join("code.png");
    std::fs::write(&file, BASE64.decode(picture.as_bytes())?)?;
    bob.clicks("add").await?;
    bob.window.gives_file(&file).await?;
    bob.window
        .until("document.querySelector('dialog textarea').value === a[0]", vec![link.into()])
        .await?;
    bob.clicks("add-go").await?;
    bob.window.sees(".conversation h1", "Alice").await?;

    // Each other's safety number is scanned as well: the right one is taken, another one is not.
    alice.closes().await?;
    alice.opens("Bob").await?;
    for (one, other, word) in [(&alice, &bob, "person-verify"), (&bob, &alice, "person-verified")] {
        one.clicks("person").await?;
        one.clicks(word).await?;
        let shown = one.window.until(drawn, vec![]).await?;
        let shown = shown.as_str().and_then(|data| data.split_once(',')).context("no picture")?.1;
        std::fs::write(&file, BASE64.decode(shown.as_bytes())?)?;
        one.closes().await?;
        one.closes().await?;
        other.clicks("person").await?;
        other.clicks("person-verify").await?;
        other.window.gives_file(&file).await?;
        other.window.sees("dialog .good", "verified").await?;
        other.closes().await?;
        other.closes().await?;
    }

    alice.window.until("document.querySelector('.who .mark')", vec![]).await?;

    Ok(())
}

#[tokio::test]
async fn a_qr_code_is_read_by_the_camera() -> Result<()> {
    let scene = Scene::begin().await?;
    let alice = scene.person("Alice").await?;
    alice.clicks("invite").await?;
    let link = alice.window.text("dialog .address").await?;

    // A film of one picture: the code, in shades of grey.
    let drawn = "(() => { const c = document.querySelector('.code canvas'); if (!(c?.width > \
                320)) return false; \
        const seen = c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((_, i) \
        => i % 4 === 0); \
        return [c.width, btoa(Array.from(seen, b => String.fromCharCode(b)).join(''))]; })()";
    let drawn = alice.window.until(drawn, vec![]).await?;
    let (width, grey) =
        (drawn[0].as_u64().context("no width")?, drawn[1].as_str().context("no picture")?);
    let grey = BASE64.decode(grey.as_bytes())?;
    let colourless = vec![128; grey.len() / 2];
    let head = format!("YUV4MPEG2 W{width} H{width} F10:1 Ip C420jpeg\nFRAME\n");
    let film = scene.home().join("code.y4m");

    std::fs::write(&film, [head.as_bytes(), &grey, &colourless].concat())?;
    let bob = scene.newcomer("Bob", &Look { camera: Some(film), ..Look::default() }).await?;
    bob.begins().await?;
    bob.closes().await?;
    bob.clicks("add").await?;
    bob.clicks("qr-camera").await?;
    bob.window
        .until("document.querySelector('dialog textarea').value === a[0]", vec![link.into()])
        .await?;

    // It is off again.
    bob.window.sees_no("dialog video").await?;
    bob.clicks("add-go").await?;
    bob.window.sees(".conversation h1", "Alice").await?;

    bob.kept_to_itself().await
}

#[tokio::test]
async fn russian_is_spoken_to_who_speaks_it() -> Result<()> {
    let scene = Scene::begin().await?;
    let look = Look { language: "ru", ..Look::default() };
    let (anna, boris) =
        (scene.newcomer("Анна", &look).await?, scene.newcomer("Борис", &look).await?);
    for person in [&anna, &boris] {
        person.begins().await?;
        person.closes().await?;
    }

    ensure!(anna.window.evaluates("document.documentElement.lang", vec![]).await? == "ru");
    boris.adds(&anna.invites().await?).await?;
    boris.says("Привет!").await?;
    boris.until_last_is("delivered").await?;
    anna.window.sees(".unseen", "1 непрочитанное сообщение").await?;
    anna.opens("Борис").await?;
    anna.hears("Привет!").await?;
    anna.window.sees(".day", "Сегодня").await?;

    // And in English once that is chosen.
    anna.clicks("settings").await?;
    anna.clicks("settings-look").await?;
    anna.window.chooses("Язык", "en").await?;
    anna.window.sees("dialog h2", "Settings").await?;

    anna.window.sees(".day", "Today").await
}
