//! A person: a profile, the node that runs on it, and the commands that its owner types. Everything
//! goes through the real `chive` with `--json`, as for any other program; the store is never
//! opened.
//!
//! | module | what it is |
//! |---|---|
//! | `node` | the process of `chive run`, and the statuses that it prints |
//! | `events` | everything that `chive events` has printed |
//! | `answer` | the output of a command that has ended |

mod answer;
mod events;
mod node;

use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use chive::api::types::{
    Contact, ContactState, Conversation, Direction, Event, Invitation, Message, MessageState,
    Presence, PresenceSource, Server, Status, What,
};
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

pub use answer::{Answer, CommandError};
use events::Events;
use node::Node;

use crate::process::{Launch, Output};

/// How often a log is read while waiting for words in it.
const LOOK: Duration = Duration::from_millis(200);

/// The environment that people share.
#[derive(Clone, Debug)]
pub struct Env {
    /// The path of the `chive` program.
    pub program: PathBuf,
    /// A file with the configuration of a private Tor network; `None` is the public one.
    pub tor_config: Option<PathBuf>,
    /// How long to wait for anything.
    pub patience: Duration,
}

/// One user of Chive. Dropping it ends its processes; its directory stays.
#[derive(Debug)]
pub struct Person {
    name: String,
    home: PathBuf,
    env: Env,
    log_level: &'static str,
    /// The arguments of `chive run`.
    run: Vec<&'static str>,
    /// The directory for traces of system calls.
    traces: Option<PathBuf>,
    node: Option<Node>,
    events: Option<Events>,
    /// The number of events when the node was last started.
    seen_at_start: usize,
    /// The length of its log then.
    logged_at_start: usize,
}

impl Person {
    /// Makes a profile with this name, in the new directory `home`.
    pub async fn create(env: &Env, home: &Path, name: &str) -> Result<Self> {
        let person = Self::without_profile(env, home, name)?;
        let made: serde_json::Value = person.ask(["init", "--name", name]).await?;
        ensure!(made["name"] == name, "init answered {made}");
        Ok(person)
    }

    /// A person who has chosen a passphrase, and has no profile yet.
    pub fn without_profile(env: &Env, home: &Path, name: &str) -> Result<Self> {
        fs::create_dir_all(home).with_context(|| format!("cannot create {}", home.display()))?;
        let person = Self {
            name: name.to_owned(),
            home: home.to_owned(),
            env: env.clone(),
            log_level: "debug",
            run: vec!["run"],
            traces: None,
            node: None,
            events: None,
            seen_at_start: 0,
            logged_at_start: 0,
        };

        person.chooses_passphrase(&format!("the passphrase of {name}"))?;
        Ok(person)
    }

    /// Writes this passphrase down, for all commands from now on.
    pub fn chooses_passphrase(&self, passphrase: &str) -> Result<()> {
        let file = self.passphrase_file();
        fs::write(&file, passphrase)?;
        Ok(fs::set_permissions(&file, Permissions::from_mode(0o600))?)
    }

    /// Logs everything that the node can log.
    #[must_use]
    pub fn with_full_log(mut self) -> Self {
        self.log_level = "trace";
        self
    }

    /// From the next start on, connects only to contacts for whom something waits.
    #[must_use]
    pub fn with_links_when_needed(mut self) -> Self {
        self.connects_when_needed();
        self
    }

    /// As [`Self::with_links_when_needed`], for a person that cannot be moved.
    pub fn connects_when_needed(&mut self) {
        self.run = vec!["run", "--links", "needed"];
    }

    /// Traces, in this new directory, the system calls of every process about networks and files,
    /// with a file for each thread. The process cannot tell from its parent that `strace` is there.
    pub fn with_traces(mut self, directory: PathBuf) -> Result<Self> {
        fs::create_dir_all(&directory)?;
        self.traces = Some(directory);
        Ok(self)
    }

    /// The name in the profile, as contacts see it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The path of the program that runs all commands.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.env.program
    }

    /// The profile's directory, which `init` creates.
    #[must_use]
    pub fn profile(&self) -> PathBuf {
        self.home.join("profile")
    }

    /// The file with the passphrase.
    #[must_use]
    pub fn passphrase_file(&self) -> PathBuf {
        self.home.join("passphrase")
    }

    /// The node's log, of all its runs.
    pub fn log(&self) -> Result<String> {
        fs::read_to_string(self.home.join("log")).context("there is no log")
    }

    /// Waits until the node has logged these words since its last start.
    pub async fn until_logged(&self, words: &str) -> Result<()> {
        let seen = async {
            while !self.log()?.get(self.logged_at_start..).is_some_and(|log| log.contains(words)) {
                sleep(LOOK).await;
            }
            anyhow::Ok(())
        };
        timeout(self.env.patience, seen)
            .await
            .with_context(|| format!("{} did not log: {words}", self.name))?
    }

    /// Starts the node, and waits until it takes commands.
    pub async fn start(&mut self) -> Result<()> {
        self.seen_at_start = self.events.as_ref().map_or(0, |events| events.all().len());
        self.logged_at_start = self.log().unwrap_or_default().len();
        let run = self
            .command(&self.run)
            .stdout(Output::Lines)
            .stderr(Output::File(self.home.join("log")));

        // `RUST_LOG`, which many programs obey, must not make anything else log.
        let run = run.env("CHIVE_LOG", self.log_level).env("RUST_LOG", self.log_level);
        let node = Node::start(run, self.env.patience).await;
        self.node = Some(node.with_context(|| format!("the node of {} did not start", self.name))?);
        if self.events.is_none() {
            let follow = self.command(["events", "--after", "0"]).stdout(Output::Lines);
            self.events = Some(Events::follow(follow)?);
        }

        Ok(())
    }

    /// Whether a node was started and not ended.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.node.is_some()
    }

    /// Kills the node (SIGKILL).
    pub async fn kill(&mut self) -> Result<()> {
        let mut node = self.node.take().with_context(|| format!("{} runs no node", self.name))?;
        node.process.kill().await?;
        Ok(())
    }

    /// Ends the node as Ctrl-C does, and waits for its end.
    pub async fn stop(&mut self) -> Result<()> {
        let node = self.node.take().with_context(|| format!("{} runs no node", self.name))?;
        let status = node.interrupt(self.env.patience).await?;
        ensure!(status.success(), "the node of {} ended with {status}", self.name);
        Ok(())
    }

    /// Freezes the node (SIGSTOP).
    pub fn freeze(&mut self) -> Result<()> {
        self.running()?.process.stop()
    }

    /// Lets a frozen node continue (SIGCONT).
    pub fn thaw(&mut self) -> Result<()> {
        self.running()?.process.cont()
    }

    /// Waits for a node that ends by itself.
    pub async fn ended(&mut self) -> Result<()> {
        let node = self.node.take().with_context(|| format!("{} runs no node", self.name))?;
        let status = node.ended(self.env.patience).await?;
        ensure!(status.success(), "the node of {} ended with {status}", self.name);
        Ok(())
    }

    /// The node's process id.
    pub fn process_id(&self) -> Result<u32> {
        Ok(self.node.as_ref().with_context(|| format!("{} runs no node", self.name))?.process.id())
    }

    fn running(&mut self) -> Result<&mut Node> {
        self.node.as_mut().with_context(|| format!("{} runs no node", self.name))
    }

    /// A command on this profile, with its answer in JSON.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Launch {
        self.plain_command(arguments).arg("--json")
    }

    /// A command on this profile, with its answer in words.
    pub fn plain_command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Launch {
        let launch = self
            .program_to_launch()
            .args(["--profile".as_ref(), self.profile().as_os_str()])
            .args(["--passphrase-file".as_ref(), self.passphrase_file().as_os_str()])
            // Not the settings of the user who runs the tests.
            .env("HOME", &self.home)
            .env("XDG_CONFIG_HOME", self.home.join("config"));
        let variables = ["CHIVE_CONFIG", "CHIVE_JSON", "CHIVE_LOG", "CHIVE_TOR_CONFIG"];
        let launch =
            variables.into_iter().fold(launch, |launch, variable| launch.env(variable, ""));
        let launch = match &self.env.tor_config {
            Some(file) => launch.args(["--tor-config".as_ref(), file.as_os_str()]),
            None => launch,
        };

        launch.args(arguments)
    }

    fn program_to_launch(&self) -> Launch {
        let Some(directory) = &self.traces else { return Launch::new(&self.env.program) };
        Launch::new("strace")
            .args([
                "-D",
                "-ff",
                "-qq",
                "--seccomp-bpf",
                "-s",
                "300",
                "-e",
                "trace=%network,open,openat",
                "-o",
            ])
            .arg(directory.join("calls"))
            .arg(&self.env.program)
    }

    /// Runs a command that answers with one object.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        arguments: impl IntoIterator<Item = &str>,
    ) -> Result<T> {
        Answer::of(self.command(arguments), None).await?.object()
    }

    /// Runs a command that answers with any number of objects.
    pub async fn list<T: DeserializeOwned>(
        &self,
        arguments: impl IntoIterator<Item = &str>,
    ) -> Result<Vec<T>> {
        Answer::of(self.command(arguments), None).await?.objects()
    }

    /// Runs a command that must fail.
    pub async fn fails(&self, arguments: impl IntoIterator<Item = &str>) -> Result<CommandError> {
        Answer::of(self.command(arguments), None).await?.error()
    }

    /// Runs a command, and gives the text that it prints for people.
    pub async fn reads(&self, arguments: impl IntoIterator<Item = &str>) -> Result<String> {
        Answer::of(self.plain_command(arguments), None).await?.text()
    }

    /// Runs a command with this input.
    pub async fn types(
        &self,
        arguments: impl IntoIterator<Item = &str>,
        input: &str,
    ) -> Result<Answer> {
        Answer::of(self.command(arguments), Some(input)).await
    }

    /// Asks the node for its status.
    pub async fn status(&self) -> Result<Status> {
        self.ask(["status"]).await
    }

    /// Makes an invitation for one person; gives its link.
    pub async fn invites(&self) -> Result<String> {
        let invitation: Invitation = self.ask(["invite"]).await?;
        invitation.link.context("an invitation without a link")
    }

    /// Opens an invitation, and calls its owner by this name.
    pub async fn adds(&self, link: &str, name: &str) -> Result<Contact> {
        self.ask(["add", link, "--name", name]).await
    }

    /// The contact with this name; an error if there is none.
    pub async fn contact(&self, name: &str) -> Result<Contact> {
        let contacts: Vec<Contact> = self.list(["contacts"]).await?;
        contacts
            .into_iter()
            .find(|contact| contact.name == name)
            .with_context(|| format!("{name} is not a contact"))
    }

    /// The conversation of this name.
    pub async fn conversation(&self, name: &str) -> Result<Conversation> {
        let all: Vec<Conversation> = self.list(["conversations"]).await?;
        all.into_iter()
            .find(|conversation| conversation.name == name)
            .with_context(|| format!("none is called {name}"))
    }

    /// Hands a text to the node, and does not wait.
    pub async fn sends(&self, to: &str, text: &str) -> Result<Message> {
        self.ask(["send", to, text]).await
    }

    /// Sends a text, and waits until the other's device has it.
    pub async fn delivers(&self, to: &str, text: &str) -> Result<Message> {
        let patience = format!("{}s", self.env.patience.as_secs());
        self.ask(["send", to, text, "--wait", "delivered", "--timeout", &patience]).await
    }

    /// The whole conversation with a contact, oldest message first.
    pub async fn history(&self, with: &str) -> Result<Vec<Message>> {
        self.list(["history", with, "--limit", "1000"]).await
    }

    /// Waits for a received text.
    pub async fn sees(&self, text: &str) -> Result<Message> {
        let received = |event: &Event| match &event.what {
            What::Message { message }
                if message.direction == Direction::Received && message.text == text =>
            {
                Some(message.clone())
            }
            _ => None,
        };
        self.event(&format!("the text {text:?}"), received).await
    }

    /// Waits until a message of ours is in this state.
    pub async fn until(&self, message: &Message, state: MessageState) -> Result<Message> {
        let changed = |event: &Event| match &event.what {
            What::Message { message: update }
                if update.id == message.id && update.state == state =>
            {
                Some(update.clone())
            }
            _ => None,
        };
        self.event(&format!("the message {:?} as {state:?}", message.text), changed).await
    }

    /// Waits until a contact is in this state.
    pub async fn until_contact(&self, name: &str, state: ContactState) -> Result<Contact> {
        let changed = |event: &Event| match &event.what {
            What::Contact { contact } if contact.name == name && contact.state == state => {
                Some(contact.clone())
            }
            _ => None,
        };
        self.event(&format!("the contact {name} as {state:?}"), changed).await
    }

    /// Waits until a contact is online, or is not, after the last start of our node, by its link
    /// with us.
    pub async fn until_presence(&self, name: &str, presence: Presence) -> Result<()> {
        self.until_presence_by(name, presence, Some(PresenceSource::Link)).await
    }

    /// As [`Self::until_presence`], with another source.
    pub async fn until_presence_by(
        &self,
        name: &str,
        presence: Presence,
        source: Option<PresenceSource>,
    ) -> Result<()> {
        let newest = |events: &[Event]| {
            let changes = events.iter().rev().filter_map(|event| match &event.what {
                What::Presence { name: who, presence, source, .. } if who == name => {
                    Some((*presence, *source))
                }
                _ => None,
            });
            changes.take(1).find(|newest| *newest == (presence, source))
        };
        let since = self.seen_at_start;
        let seen =
            self.events()?.wait(self.env.patience, |events| newest(events.get(since..)?)).await;
        seen.with_context(|| format!("{} did not see {name} {presence:?}", self.name)).map(|_| ())
    }

    /// Waits until the newest event about our servers, since our node was last started, satisfies
    /// `wanted`.
    pub async fn until_server(
        &self,
        what: &str,
        wanted: impl Fn(&Server) -> bool,
    ) -> Result<Server> {
        let newest = |events: &[Event]| {
            let newest = events.iter().rev().find_map(|event| match &event.what {
                What::Server { server } => Some(server),
                _ => None,
            });
            newest.filter(|server| wanted(server)).cloned()
        };
        let since = self.seen_at_start;
        let seen =
            self.events()?.wait(self.env.patience, |events| newest(events.get(since..)?)).await;
        seen.with_context(|| format!("{} did not see {what}", self.name))
    }

    /// Waits for the first of all events in which `find` finds something.
    pub async fn event<T>(&self, what: &str, find: impl Fn(&Event) -> Option<T>) -> Result<T> {
        let seen =
            self.events()?.wait(self.env.patience, |events| events.iter().find_map(&find)).await;
        seen.with_context(|| format!("{} did not see {what}", self.name))
    }

    /// All events until now.
    pub fn all_events(&self) -> Result<Vec<Event>> {
        Ok(self.events()?.all().to_vec())
    }

    /// Waits until the status that the node prints satisfies `wanted`.
    pub async fn until_status(
        &self,
        what: &str,
        wanted: impl Fn(&Status) -> bool,
    ) -> Result<Status> {
        let Some(node) = &self.node else { bail!("{} runs no node", self.name) };
        node.until(self.env.patience, wanted)
            .await
            .with_context(|| format!("{} is not {what}", self.name))
    }

    /// The status that the node prints, whenever it changes.
    pub fn states(&self) -> Result<watch::Receiver<Option<Status>>> {
        Ok(self.node.as_ref().with_context(|| format!("{} runs no node", self.name))?.states())
    }

    fn events(&self) -> Result<&Events> {
        self.events.as_ref().with_context(|| format!("{} has not been online yet", self.name))
    }
}

/// The `chive` program: `CHIVE_BIN`, or the one that was built together with this program.
pub fn find_chive() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("CHIVE_BIN") {
        return Ok(named.into());
    }
    let this = std::env::current_exe().context("cannot find out where this program is")?;
    let near = this.ancestors().skip(1).take(2).map(|directory| directory.join("chive"));
    let found = near.into_iter().find(|program| program.is_file());
    found.context(
        "there is no chive program here: `cargo build --workspace` makes it, or name \
                  one in CHIVE_BIN",
    )
}
