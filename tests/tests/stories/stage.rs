//! The stage of a story: a directory of its own, and people who enter. What happens is up to the
//! story.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{ContactState, Direction, Message, MessageState, Presence};
use chive_tests::person::{Env, Person};

/// How many lines of each log are shown when a story fails.
const LOG_LINES: usize = 40;

/// A story's directory, and the environment of its people.
pub(crate) struct Stage {
    pub(crate) home: PathBuf,
    pub(crate) env: Env,
}

impl Stage {
    pub(crate) fn new(home: &Path, env: Env) -> Self {
        Self { home: home.to_owned(), env }
    }

    /// The same stage, for people whose Tor overrides this parameter of the network.
    pub(crate) fn with_parameter(&self, name: &str, value: u64) -> Result<Self> {
        let network = self.env.tor_config.as_ref().context("no private network")?;
        let setting = format!("[override_net_params]\n{name} = {value}\n");
        let config = fs::read_to_string(network)?.replace("[override_net_params]\n", &setting);
        ensure!(config.contains(&setting), "the network's configuration has no such table");
        let file = self.home.join("parameters.toml");
        fs::write(&file, config)?;
        Ok(Self::new(&self.home, Env { tor_config: Some(file), ..self.env.clone() }))
    }

    /// A person with a profile and no running node.
    pub(crate) async fn newcomer(&self, name: &str) -> Result<Person> {
        Person::create(&self.env, &self.home.join(name), name).await
    }

    /// A person with a running node.
    pub(crate) async fn person(&self, name: &str) -> Result<Person> {
        let mut person = self.newcomer(name).await?;
        person.start().await?;
        Ok(person)
    }

    /// Alice and Bob, contacts with a link up.
    pub(crate) async fn alice_and_bob(&self) -> Result<(Person, Person)> {
        let (alice, bob) = tokio::try_join!(self.person("Alice"), self.person("Bob"))?;
        meet(&alice, &bob).await?;
        Ok((alice, bob))
    }

    /// Alice with two contacts, who do not know each other.
    pub(crate) async fn alice_bob_and_carol(&self) -> Result<(Person, Person, Person)> {
        let ((alice, bob), carol) = tokio::try_join!(self.alice_and_bob(), self.person("Carol"))?;
        meet(&alice, &carol).await?;
        Ok((alice, bob, carol))
    }
}

/// Two running people become contacts, under their own names, and are online.
pub(crate) async fn meet(inviter: &Person, opener: &Person) -> Result<()> {
    let link = inviter.invites().await?;
    opener.adds(&link, inviter.name()).await?;
    tokio::try_join!(
        inviter.until_contact(opener.name(), ContactState::Accepted),
        opener.until_contact(inviter.name(), ContactState::Accepted),
        inviter.until_presence(opener.name(), Presence::Online),
        opener.until_presence(inviter.name(), Presence::Online),
    )?;
    Ok(())
}

/// Fails unless exactly these texts came from a contact, once each and in this order.
pub(crate) async fn received_exactly(reader: &Person, from: &str, texts: &[&str]) -> Result<()> {
    let history = reader.history(from).await?;
    let received = history.iter().filter(|message| message.direction == Direction::Received);
    let gaps = received.clone().filter(|message| message.missing_before > 0).count();
    let received: Vec<&str> = received.map(|message| message.text.as_str()).collect();
    ensure!(received == texts, "{} has {received:?}, not {texts:?}", reader.name());
    ensure!(gaps == 0, "{} is told of {gaps} gaps", reader.name());
    Ok(())
}

/// Waits until all of these messages have their receipts.
pub(crate) async fn all_delivered(sender: &Person, messages: &[Message]) -> Result<()> {
    for message in messages {
        sender.until(message, MessageState::Delivered).await?;
    }
    Ok(())
}

/// Sends texts one after the other, without waiting for anything.
pub(crate) async fn sends_all(sender: &Person, to: &str, texts: &[&str]) -> Result<Vec<Message>> {
    let mut messages = Vec::new();
    for text in texts {
        messages.push(sender.sends(to, text).await?);
    }
    Ok(messages)
}

/// The ends of all logs in a story's directory.
pub(crate) fn logs(home: &Path) -> String {
    let mut shown = String::from("the logs end with:\n");
    for person in fs::read_dir(home).into_iter().flatten().flatten() {
        let Ok(log) = fs::read_to_string(person.path().join("log")) else { continue };
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
        let _ = write!(shown, "--- {}\n{tail}\n", person.file_name().display());
    }
    shown
}
