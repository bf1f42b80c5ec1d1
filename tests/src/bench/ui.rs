//! `ui`: how long the owner of a large profile waits for the page. Tor is not started.

use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chive::api::client::Client;
use chive::api::types::NewMessage;
use chive::profile::SOCKET;

use super::figures::{Figures, Samples, Summary};
use super::fill::{PASSPHRASE, fill};
use super::setup::Bench;
use crate::browser::{Browser, Host, Look, Window};

const MESSAGES: usize = 100_000;
const PEOPLE: usize = 1_000;
/// The limits in milliseconds.
const PAINTED: f64 = 50.0;
const OPENED: f64 = 1_000.0;
/// The limit of the page's size, in KB.
const WEIGHT: f64 = 150.0;
/// How many events are timed.
const EVENTS: usize = 200;
/// How often the page is opened.
const TIMES: usize = 10;

/// Notes in the page when each text was painted: after the frame that shows it.
const WATCH: &str = "(() => { window.painted = {}; const seen = new Set(); new \
                    MutationObserver(() => { \
    for (const e of document.querySelectorAll('.bubble .text')) { const t = e.textContent; if \
    (t.startsWith('event ') && !seen.has(t)) { \
    seen.add(t); requestAnimationFrame(() => setTimeout(() => { window.painted[t] = Date.now() + \
    performance.now() % 1; })); } } }) \
    .observe(document.body, { subtree: true, childList: true, characterData: true }); return \
    true; })()";

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let home = bench.home().join("owner");
    std::fs::create_dir_all(&home)?;
    let began = Instant::now();

    fill(&home.join("profile"), "Alice", PEOPLE, MESSAGES).await?;
    let filled = began.elapsed();
    let program = std::env::current_exe()?.with_file_name("chive-loopback");
    let host = Host::open(&program, &bench.home().join("net"), &home).await?;
    let browser = Browser::start().await?;
    let window = browser.window(&Look::default()).await?;
    window.opens(&host.url).await?;
    window.fills("Passphrase", PASSPHRASE).await?;
    window.clicks_on("Unlock").await?;
    window.until("document.querySelector('.who')", vec![]).await?;
    let open = opened(&window, bench.pairs(TIMES)).await?;
    let painted = painted(&window, &home.join("profile"), EVENTS).await?;
    let weight = weight(&window, host.address()).await?;
    let ours = [
        ("painted", painted.median(), PAINTED),
        ("open", open.median(), OPENED),
        ("weight", weight, WEIGHT),
    ];

    Ok(Figures::new(Summary::of_several("ui", &ours, "ms, KB"))
        .row("event in the node → painted in the page", "ms", painted)
        .row("page opened → interactive", "ms", open)
        .row("script, style and sentences, compressed", "KB", Samples::from_iter([weight]))
        .note(format!(
            "{MESSAGES} messages with {PEOPLE} people, written in {:.0} s",
            filled.as_secs_f64()
        ))
        .note("the browser, the driver and the node share this machine; Tor is not started"))
}

/// The time from the beginning of a load until a conversation can be clicked.
async fn opened(window: &Window, times: usize) -> Result<Samples> {
    let mut open = Samples::default();
    for _ in 0..times {
        window.evaluates("location.reload()", vec![]).await?;
        let ready = "document.querySelector('.who') && performance.now()";
        let ready = window.until(ready, vec![]).await?;
        open.push(ready.as_f64().context("no time")?);
    }
    Ok(open)
}

/// The time from a message that the node accepted until it is painted. Both read one clock.
async fn painted(window: &Window, profile: &Path, times: usize) -> Result<Samples> {
    let node = Client::new(profile.join(SOCKET));
    let name = "Contact 0";
    let script = "(() => { const row = [...document.querySelectorAll('.who')].find(e => \
                 e.querySelector('.name').textContent === a[0]); row?.click(); return !!row; })()";

    window.types(".search input", name).await?;
    window.until(script, vec![name.into()]).await?;
    window.until("document.querySelector('.composer textarea')", vec![]).await?;
    window.evaluates(WATCH, vec![]).await?;
    let mut samples = Samples::default();
    for number in 0..times {
        let text = format!("event {number}");
        let new = NewMessage { text: text.clone(), id: None, expires_in: None };
        let message = node.send(name, &new).await?;
        let at = window
            .until("window.painted[a[0]]", vec![text.into()])
            .await?
            .as_f64()
            .context("no time")?;
        #[allow(clippy::cast_precision_loss, reason = "milliseconds of this century are exact")]
        let took = at - message.created_at as f64;
        ensure!(took > -1.0, "it was painted before it was accepted");
        samples.push(took.max(0.0));
    }

    Ok(samples)
}

/// The bytes that a browser gets for one opening, in KB, apart from pictures.
async fn weight(window: &Window, address: &str) -> Result<f64> {
    let script = "Promise.all([import(a[0] + 'vendor/qr/decode.js'), import(a[0] + \
                 'vendor/qr/index.js')]).then(() => \
        performance.getEntriesByType('resource').filter(e => \
        /\\.(js|css|ftl)$/.test(e.name)).reduce((sum, e) => sum + e.encodedBodySize, 0))";
    let bytes = window.evaluates(script, vec![address.into()]).await?;
    Ok(bytes.as_f64().context("no size")? / 1000.0)
}
