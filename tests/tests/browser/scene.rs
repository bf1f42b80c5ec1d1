//! A browser, and people who each have a node and a window of their own.

use std::collections::HashMap;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use chive::node::Links;
use chive_tests::browser::{Browser, Host, Look, Window};
use chive_tests::server::RendezvousServer;
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A browser takes much memory.
static TURN: Semaphore = Semaphore::const_new(2);

pub(crate) const PASSPHRASE: &str = "violet anchor thunder mosaic";

/// Where a test plays.
pub(crate) struct Scene {
    browser: Browser,
    home: TempDir,
    _turn: SemaphorePermit<'static>,
}

impl Scene {
    pub(crate) async fn begin() -> Result<Self> {
        let turn = TURN.acquire().await?;
        let home = tempfile::Builder::new().prefix("page").tempdir()?;
        Ok(Self { browser: Browser::start().await?, home, _turn: turn })
    }

    /// Somebody without a profile, before the first screen.
    pub(crate) async fn newcomer(&self, name: &str, look: &Look) -> Result<Person> {
        self.newcomer_with(Links::Always, name, look).await
    }

    async fn newcomer_with(&self, links: Links, name: &str, look: &Look) -> Result<Person> {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_chive-loopback"));
        let host =
            Host::open_with(links, &program, &self.network(), &self.home.path().join(name)).await?;
        let window = self.browser.window(look).await?;
        window.opens(&host.url).await?;
        let words = Words::of(look.language)?;
        window.sees("h1", words.say("onboarding-title")?).await?;
        Ok(Person { name: name.to_owned(), host, window, words })
    }

    /// Somebody with a profile, before the list.
    pub(crate) async fn person(&self, name: &str) -> Result<Person> {
        let person = self.newcomer(name, &Look::default()).await?;
        person.begins().await?;
        person.closes().await?;
        Ok(person)
    }

    /// Two who have each other, each before the conversation with the other.
    pub(crate) async fn friends(&self) -> Result<(Person, Person)> {
        self.friends_with(Links::Always).await
    }

    /// The same, saying when they are connected.
    pub(crate) async fn friends_with(&self, links: Links) -> Result<(Person, Person)> {
        let (look, mut both) = (Look::default(), vec![]);
        for name in ["Bob", "Alice"] {
            let person = self.newcomer_with(links, name, &look).await?;
            person.begins().await?;
            person.closes().await?;
            both.push(person);
        }
        let (alice, bob) = (both.pop().context("nobody")?, both.pop().context("nobody")?);
        bob.adds(&alice.invites().await?).await?;
        alice.opens("Bob").await?;
        alice.window.until("document.querySelector('.composer textarea')", vec![]).await?;
        bob.window.until("document.querySelector('.composer textarea')", vec![]).await?;
        Ok((alice, bob))
    }

    /// A presence server that all can reach, and that asks for little work.
    pub(crate) async fn server(&self) -> Result<RendezvousServer> {
        let settings = "[work]\nrecord = 1\nrecord_full = 1\nclaim = 1".parse()?;
        std::fs::create_dir_all(self.network())?;
        RendezvousServer::on_loopback(&self.network(), &self.home.path().join("server"), settings)
            .await
    }

    fn network(&self) -> PathBuf {
        self.home.path().join("net")
    }

    /// Another window, which was not let in.
    pub(crate) async fn stranger(&self) -> Result<Window> {
        self.browser.window(&Look::default()).await
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.home.path().to_owned()
    }
}

/// The sentences of a language, as far as they are on one line.
pub(crate) struct Words(HashMap<String, String>);

impl Words {
    pub(crate) fn of(language: &str) -> Result<Self> {
        let file = format!("{}/../client/web/locales/{language}.ftl", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(file)?;
        let lines = text.lines().filter_map(|line| line.split_once(" = "));
        Ok(Self(lines.map(|(id, words)| (id.to_owned(), words.to_owned())).collect()))
    }

    pub(crate) fn say(&self, id: &str) -> Result<&str> {
        self.0.get(id).map(String::as_str).with_context(|| format!("no sentence {id}"))
    }
}

/// Somebody, with a node and a window.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) host: Host,
    pub(crate) window: Window,
    pub(crate) words: Words,
}

impl Person {
    /// Chooses a name and a passphrase; then the invitation is there.
    pub(crate) async fn begins(&self) -> Result<()> {
        self.fills("onboarding-name", &self.name).await?;
        self.fills("onboarding-passphrase", PASSPHRASE).await?;
        self.fills("passphrase-confirm", PASSPHRASE).await?;
        self.clicks("onboarding-create").await?;
        self.window.until("document.querySelector('dialog[open] .address')", vec![]).await.map(drop)
    }

    pub(crate) async fn fills(&self, label: &str, text: &str) -> Result<()> {
        self.window.fills(self.words.say(label)?, text).await
    }

    pub(crate) async fn clicks(&self, button: &str) -> Result<()> {
        self.window.clicks_on(self.words.say(button)?).await
    }

    /// Closes the topmost window over the page.
    pub(crate) async fn closes(&self) -> Result<()> {
        let open = self.window.count("dialog").await?;
        self.clicks("close").await?;
        let script = "document.querySelectorAll('dialog').length < a[0]";
        self.window.until(script, vec![open.into()]).await.map(drop)
    }

    /// A link for one person.
    pub(crate) async fn invites(&self) -> Result<String> {
        self.clicks("invite").await?;
        let link = self.window.text("dialog .address").await?;
        ensure!(link.starts_with("chive:"), "{link}");
        self.closes().await?;
        Ok(link)
    }

    /// Opens a link that somebody gave.
    pub(crate) async fn adds(&self, link: &str) -> Result<()> {
        self.clicks("add").await?;
        self.fills("add-link", link).await?;
        self.clicks("add-go").await?;
        self.window.sees_no("dialog").await?;
        self.window.sees(".conversation h1", "").await
    }

    /// Opens the conversation with somebody.
    pub(crate) async fn opens(&self, name: &str) -> Result<()> {
        let script = "(() => { const row = [...document.querySelectorAll('.who')].find(e => \
                     e.querySelector('.name').textContent === a[0]); \
            row?.click(); return !!row; })()";
        self.window.until(script, vec![name.into()]).await?;
        self.window.sees(".conversation h1", name).await
    }

    pub(crate) async fn says(&self, text: &str) -> Result<()> {
        let script = "(() => { const e = document.querySelector('.composer textarea'); if (!e) \
                     return false; e.focus(); \
            Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(e, \
            a[0]); \
            e.dispatchEvent(new InputEvent('input', { bubbles: true })); return true; })()";
        self.window.until(script, vec![text.into()]).await?;
        self.window.presses("\u{e007}").await
    }

    pub(crate) async fn hears(&self, text: &str) -> Result<()> {
        self.window.sees(".bubble.theirs .text", text).await
    }

    /// The newest of one's own messages is so far.
    pub(crate) async fn until_last_is(&self, state: &str) -> Result<()> {
        let script =
            "[...document.querySelectorAll('.bubble.mine')].at(-1)?.classList.contains(a[0])";
        self.window.until(script, vec![state.into()]).await.map(drop)
    }

    /// Opens a part of the settings.
    pub(crate) async fn sets(&self, part: &str) -> Result<()> {
        self.clicks("settings").await?;
        self.clicks(&format!("settings-{part}")).await
    }

    /// Announces itself at a server from now on.
    pub(crate) async fn uses(&self, server: &str) -> Result<()> {
        self.sets("network").await?;
        self.fills("server-address", server).await?;
        self.clicks("server-add").await?;
        self.window.sees(".server .hint", self.words.say("server-reachable")?).await?;
        self.closes().await
    }

    pub(crate) async fn locks(&self) -> Result<()> {
        self.clicks("lock").await?;
        self.window.sees("h1", self.words.say("unlock-title")?).await
    }

    pub(crate) async fn unlocks(&self) -> Result<()> {
        self.fills("passphrase", PASSPHRASE).await?;
        self.clicks("unlock-go").await?;
        self.window.until("document.querySelector('.shell')", vec![]).await.map(drop)
    }

    /// Nothing was refused to the page, and it asked nobody but its own node.
    pub(crate) async fn kept_to_itself(&self) -> Result<()> {
        let home = self.host.address().to_owned();
        for url in self.window.asked_for().await? {
            let fine = url.starts_with(&home)
                || url.starts_with("blob:")
                || url == "about:blank"
                || url.starts_with("data:");
            ensure!(fine, "the page of {} asked for {url}", self.name);
        }
        let complaints = self.window.complaints().await?;
        let odd = |line: &&String| !line.contains("the server responded with a status of");
        ensure!(complaints.iter().find(odd).is_none(), "{complaints:#?}");
        Ok(())
    }
}
