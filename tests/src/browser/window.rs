//! One window: what a person sees in it, clicks and types.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::command::Own;
use super::{Look, PATIENCE};

/// How often a page may load again while something in it is waited for.
const MAX_INTERRUPTED: u32 = 50;
const AXE: &str = include_str!("../../vendor/axe/axe.min.js");

/// A browser's window: the only one, or the one of several that is looked at.
#[derive(Debug)]
pub struct Window {
    client: Client,
}

impl Window {
    pub(super) async fn new(client: Client, look: &Look) -> Result<Self> {
        let window = Self { client };
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        window.devtools("Emulation.setEmulatedMedia", json!({ "features": features })).await?;
        window.resize(look.size).await?;
        Ok(window)
    }

    /// Lets it have this size.
    pub async fn resize(&self, (width, height): (u32, u32)) -> Result<()> {
        let size =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await.map(drop)
    }

    /// Runs a script at the beginning of every page from now on.
    pub async fn begins_with(&self, script: &str) -> Result<()> {
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }))
            .await
            .map(drop)
    }

    /// Puts what it saves into a directory.
    pub async fn saves_into(&self, directory: &Path) -> Result<()> {
        std::fs::create_dir_all(directory)?;
        let place = json!({ "behavior": "allow", "downloadPath": directory });
        self.devtools("Browser.setDownloadBehavior", place).await.map(drop)
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Result<Value> {
        let own = Own("goog/cdp/execute", json!({ "cmd": command, "params": parameters }));
        Ok(self.client.issue_cmd(own).await?)
    }

    /// Which of the browser's windows is looked at.
    pub async fn which(&self) -> Result<WindowHandle> {
        Ok(self.client.window().await?)
    }

    /// Opens another window of the same browser, and looks at it from now on.
    pub async fn opens_another(&self) -> Result<()> {
        let other = self.client.new_window(false).await?.handle;
        self.looks_at(&other).await
    }

    /// Looks at one of the browser's windows from now on.
    pub async fn looks_at(&self, which: &WindowHandle) -> Result<()> {
        Ok(self.client.switch_to_window(which.clone()).await?)
    }

    /// Closes the window that is looked at, and looks at another one.
    pub async fn leaves_for(&self, other: &WindowHandle) -> Result<()> {
        self.client.close_window().await?;
        self.looks_at(other).await
    }

    /// Freezes the window that is looked at, or lets it go on: none of its scripts runs meanwhile.
    pub async fn freezes(&self, frozen: bool) -> Result<()> {
        let state = if frozen { "frozen" } else { "active" };
        self.devtools("Page.setWebLifecycleState", json!({ "state": state })).await.map(drop)
    }

    /// Opens an address, and waits until the page has loaded.
    pub async fn opens(&self, url: &str) -> Result<()> {
        Ok(self.client.goto(url).await?)
    }

    /// What a script returns; `a` are its arguments.
    pub async fn evaluates(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        let script = format!("const a = arguments; return ({script});");
        self.client
            .execute(&script, arguments)
            .await
            .with_context(|| script[..script.len().min(200)].to_owned())
    }

    /// Waits until a script returns something true; `a` are its arguments.
    pub async fn until(&self, script: &str, arguments: Vec<Value>) -> Result<Value> {
        // The driver gives up on a request that takes a minute.
        let waiting = format!(
            "const a = [...arguments], done = a.pop(), end = Date.now() + 20000; const look = () \
            => {{ let found; \
             try {{ found = ({script}); }} catch {{}} if (found) done(found); \
             else if (Date.now() > end) done(null); else setTimeout(look, 25); }}; look();"
        );
        let deadline = Instant::now() + PATIENCE;
        let (mut interrupted, mut last) = (0, String::new());
        while Instant::now() < deadline && interrupted < MAX_INTERRUPTED {
            match self.client.execute_async(&waiting, arguments.clone()).await {
                Ok(Value::Null) => {}
                Ok(found) => return Ok(found),
                // A page that loads again ends its scripts.
                Err(error) => (interrupted, last) = (interrupted + 1, error.to_string()),
            }
        }

        let seen = self.evaluates("document.body.innerText", vec![]).await.unwrap_or_default();

        bail!(
            "{script} {arguments:?} did not become true; {last}\nthe page shows:\n{}",
            seen.as_str().unwrap_or("")
        )
    }

    /// Does something to an element `e`, once it is there. If the page draws it again in between,
    /// looks for it again.
    async fn does(&self, find: &str, what: &str, arguments: Vec<Value>) -> Result<()> {
        let script =
            format!("(() => {{ const e = {find}; if (!e) return false; {what} return true; }})()");
        loop {
            self.until(&format!("!!{find}"), arguments.clone()).await?;
            if self.evaluates(&script, arguments.clone()).await? == true {
                return Ok(());
            }
        }
    }

    /// Waits until an element shows this text, somewhere in it.
    pub async fn sees(&self, css: &str, text: &str) -> Result<()> {
        let script = "[...document.querySelectorAll(a[0])].some(e => \
                     e.textContent.replace(/[\\u2066-\\u2069]/g, '').includes(a[1]))";
        self.until(script, vec![css.into(), text.into()]).await.map(drop)
    }

    /// Waits until there is no such element.
    pub async fn sees_no(&self, css: &str) -> Result<()> {
        self.until("!document.querySelector(a[0])", vec![css.into()]).await.map(drop)
    }

    /// How often there is such an element.
    pub async fn count(&self, css: &str) -> Result<u64> {
        let count =
            self.evaluates("document.querySelectorAll(a[0]).length", vec![css.into()]).await?;
        count.as_u64().context("no number")
    }

    /// The text of an element, once it is there.
    pub async fn text(&self, css: &str) -> Result<String> {
        let text =
            self.until("document.querySelector(a[0])?.textContent", vec![css.into()]).await?;
        Ok(text.as_str().unwrap_or_default().to_owned())
    }

    /// Clicks the element, once it is there.
    pub async fn clicks(&self, css: &str) -> Result<()> {
        self.until(
            "document.querySelector(a[0])?.disabled === false || \
                   document.querySelector(a[0])?.disabled === undefined && \
                   document.querySelector(a[0])",
            vec![css.into()],
        )
        .await?;
        Ok(self.client.find(Locator::Css(css)).await?.click().await?)
    }

    /// Clicks the button, or the like, that is called so: by its text or its label.
    pub async fn clicks_on(&self, name: &str) -> Result<()> {
        let script = "(() => { const top = [...document.querySelectorAll('dialog[open]')].at(-1) \
                     ?? document; \
            const found = [...top.querySelectorAll('button, summary, label.button, \
            [role=tab]')].filter(e => !e.disabled \
            && (e.textContent.trim() === a[0] || e.getAttribute('aria-label') === a[0])); \
            return found[0]; })()";
        let click = "e.scrollIntoView({ block: 'nearest' }); e.click();";
        self.does(script, click, vec![name.into()]).await
    }

    /// Types into an element.
    pub async fn types(&self, css: &str, text: &str) -> Result<()> {
        self.until("document.querySelector(a[0])", vec![css.into()]).await?;
        Ok(self.client.find(Locator::Css(css)).await?.send_keys(text).await?)
    }

    /// Types into the field with this label, in the topmost window.
    pub async fn fills(&self, label: &str, text: &str) -> Result<()> {
        self.fills_at(0, label, text).await
    }

    /// Types into the last of the fields with this label.
    pub async fn fills_last(&self, label: &str, text: &str) -> Result<()> {
        self.fills_at(-1, label, text).await
    }

    async fn fills_at(&self, place: i8, label: &str, text: &str) -> Result<()> {
        let script = "(() => { const top = [...document.querySelectorAll('dialog[open]')].at(-1) \
                     ?? document; \
            const found = [...top.querySelectorAll('label')].filter(e => e.textContent.trim() === \
            a[0]).at(a[1]); \
            return found && document.getElementById(found.htmlFor); })()";
        let fill = "e.focus(); Object.getOwnPropertyDescriptor(Object.getPrototypeOf(e), \
                   'value').set.call(e, a[2]); \
            e.dispatchEvent(new InputEvent('input', { bubbles: true }));";
        self.does(script, fill, vec![label.into(), place.into(), text.into()]).await
    }

    /// Chooses in the list with this label.
    pub async fn chooses(&self, label: &str, value: &str) -> Result<()> {
        let script = "(() => { const found = [...document.querySelectorAll('label')].find(e => \
                     e.textContent.trim() === a[0]); \
            const list = found && document.getElementById(found.htmlFor); if (!list) return \
            false; list.value = a[1]; \
            list.dispatchEvent(new Event('change', { bubbles: true })); return true; })()";
        self.until(script, vec![label.into(), value.into()]).await.map(drop)
    }

    /// Gives a file to the first field for files in the topmost window.
    pub async fn gives_file(&self, path: &Path) -> Result<()> {
        self.until("document.querySelector('input[type=file]')", vec![]).await?;
        let path = path.to_str().context("a path that is no text")?;
        Ok(self.client.find(Locator::Css("input[type=file]")).await?.send_keys(path).await?)
    }

    /// Presses keys, whatever has the focus: text, or one of the codes of `WebDriver`.
    pub async fn presses(&self, keys: &str) -> Result<()> {
        let actions = keys.chars().fold(KeyActions::new("keys".into()), |actions, key| {
            actions.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key })
        });
        Ok(self.client.perform_actions(actions).await?)
    }

    /// Presses Tab until the element with this name has the focus.
    pub async fn tabs_to(&self, name: &str) -> Result<()> {
        let script = "(() => { const e = document.activeElement; return \
                     (e.getAttribute('aria-label') ?? '') + '\\n' + \
            (e.labels?.[0]?.textContent ?? '') + '\\n' + e.textContent.trim(); })()";
        let mut met = String::new();
        for _ in 0..60 {
            let focused = self.evaluates(script, vec![]).await?;
            let focused =
                focused.as_str().unwrap_or_default().replace(['\u{2068}', '\u{2069}'], "");
            if focused.lines().any(|line| line.trim() == name) {
                return Ok(());
            }
            let _ = write!(met, "{} | ", focused.replace('\n', " "));
            self.presses("\u{e004}").await?;
        }

        bail!("no way to {name} by Tab: {met}")
    }

    /// Fails if anything is wider than the window, reaches out of it, or is cut.
    pub async fn fits(&self, screen: &str) -> Result<()> {
        let script = "(() => { const wide = innerWidth, odd = []; \
            const say = (what, e) => odd.push(`${what}: <${e.localName} class=\"${e.className}\"> \
            ${e.textContent.trim().slice(0, 60)}`); \
            if (document.documentElement.scrollWidth > wide) say('the page is too wide', \
            document.documentElement); \
            for (const e of document.querySelectorAll('body *')) { \
                if (!e.checkVisibility() || e.closest('.unseen, svg')) continue; \
                const box = e.getBoundingClientRect(); \
                if (box.width && (box.left < -1 || box.right > wide + 1)) say('reaches out', e); \
                const holds = getComputedStyle(e).overflowX === 'visible' || e.matches('dialog, \
                .body'); \
                if (holds && e.clientWidth && e.scrollWidth > e.clientWidth + 1 && \
                !e.querySelector('.unseen, .badge, .emoji')) say('is cut', e); \
            } return odd.slice(0, 8); })()";
        let odd = self.evaluates(script, vec![]).await?;
        let odd: Vec<&str> =
            odd.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        ensure!(odd.is_empty(), "{screen} does not fit:\n{}", odd.join("\n"));

        Ok(())
    }

    /// A picture of what is seen, as PNG.
    pub async fn picture(&self) -> Result<Vec<u8>> {
        Ok(self.client.screenshot().await?)
    }

    /// Fails if axe finds anything that keeps somebody from using the page.
    pub async fn is_accessible(&self, screen: &str) -> Result<()> {
        if self.evaluates("typeof axe", vec![]).await? == "undefined" {
            self.client.execute(&format!("{AXE}; window.axe = axe; return true;"), vec![]).await?;
        }
        let run = "const done = arguments[0]; axe.run(document, { resultTypes: ['violations'] \
                  }).then(r => done(r.violations.map(v => \
            v.id + ': ' + v.help + ' ' + v.nodes.map(n => n.target.join(' ') + ' ' + \
            (n.any[0]?.message ?? '')).join('; '))), \
            e => done(['axe: ' + e.message]));";
        let found = self.client.execute_async(run, vec![]).await?;
        let found: Vec<&str> =
            found.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        ensure!(found.is_empty(), "{screen}:\n{}", found.join("\n"));
        Ok(())
    }

    /// Every address that the page asked for since the last time.
    pub async fn asked_for(&self) -> Result<BTreeSet<String>> {
        let log = self.client.issue_cmd(Own("se/log", json!({ "type": "performance" }))).await?;
        let mut asked = BTreeSet::new();
        for entry in log.as_array().into_iter().flatten() {
            let said: Value = serde_json::from_str(entry["message"].as_str().unwrap_or("null"))?;
            let what = &said["message"];
            if ["Network.requestWillBeSent", "Network.webSocketCreated"]
                .contains(&what["method"].as_str().unwrap_or(""))
            {
                let url =
                    what["params"]["request"]["url"].as_str().or(what["params"]["url"].as_str());
                asked.extend(url.map(str::to_owned));
            }
        }
        Ok(asked)
    }

    /// What the page complained of: errors of scripts, refusals of the content security policy.
    pub async fn complaints(&self) -> Result<Vec<String>> {
        let log = self.client.issue_cmd(Own("se/log", json!({ "type": "browser" }))).await?;
        let bad = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
        let texts = log
            .as_array()
            .into_iter()
            .flatten()
            .filter(bad)
            .filter_map(|entry| entry["message"].as_str());
        Ok(texts.map(str::to_owned).collect())
    }

    /// Closes the window and its browser.
    pub async fn closes(self) -> Result<()> {
        Ok(self.client.close().await?)
    }
}
