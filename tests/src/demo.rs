//! The demo: Alice and Bob become contacts, talk, and lose nothing when a process is killed. What
//! it tells goes to standard error by the narrator; its report is printed by the program alone.

mod narrator;
mod report;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chive::api::client::Client;
use chive::api::types::{ContactState, Message, MessageState, Presence, PresenceSource, Server};
use chive::profile::SOCKET;
use tempfile::TempDir;

use crate::network::{self, TorNetwork};
use crate::person::{Env, Person};
use crate::server::RendezvousServer;
use narrator::{Narrator, seconds};
pub use report::Report;

/// On the private network, nothing takes more than seconds, but on a busy machine.
const PATIENCE: Duration = Duration::from_mins(5);
/// On the public one, a descriptor alone may need several minutes.
const LIVE_PATIENCE: Duration = Duration::from_mins(15);

/// The first conversation of Alice and Bob.
const SCRIPT: [(Speaker, &str); 6] = [
    (Speaker::Alice, "Hello Bob! This goes from my machine to yours, over Tor."),
    (Speaker::Bob, "Hello Alice! And no server in between knows that we talk."),
    (Speaker::Alice, "Nor when, nor how much?"),
    (Speaker::Bob, "Nor that. We both are onion services."),
    (Speaker::Alice, "Grüße, приве́т, こんにちは, 🌱"),
    (Speaker::Bob, "All arrived as you wrote it."),
];

/// The messages that Alice writes while Bob's process is dead.
const WHILE_AWAY: [&str; 5] = [
    "Bob? Are you there?",
    "I write on. These wait in my store,",
    "encrypted, on my disk,",
    "until both of us are online together.",
    "Talk to you then!",
];

/// The URL at which a browser shows a person's page.
async fn page_url(person: &Person) -> Result<String> {
    Ok(Client::new(person.profile().join(SOCKET)).web().await?.url)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Alice,
    Bob,
}

/// Alice and Bob, and everything that they run on.
pub struct Demo {
    // Fields are dropped in this order: no process may go on without a network, or in a removed
    // directory.
    alice: Person,
    bob: Person,
    server: Option<RendezvousServer>,
    network: Option<TorNetwork>,
    home: TempDir,
    narrator: Narrator,
    report: Report,
    to_alice: Vec<Message>,
    to_bob: Vec<Message>,
}

impl Demo {
    /// Makes the network, unless `live`, and two profiles.
    pub async fn prepare(program: PathBuf, live: bool) -> Result<Self> {
        let narrator = Narrator::new();
        let home = tempfile::Builder::new().prefix("chive-demo").tempdir()?;
        let network = if live { None } else { Some(start_network(&narrator).await?) };
        let env = Env {
            program,
            tor_config: network.as_ref().map(TorNetwork::arti_config_file),
            patience: if live { LIVE_PATIENCE } else { PATIENCE },
        };

        narrator.say("Alice and Bob each make a profile: their keys, in an encrypted store.");
        let (alice, bob) = (home.path().join("alice"), home.path().join("bob"));
        let alice = Person::create(&env, &alice, "Alice").await?;
        let bob = Person::create(&env, &bob, "Bob").await?;
        let (to_alice, to_bob) = (Vec::new(), Vec::new());

        Ok(Self {
            alice,
            bob,
            server: None,
            network,
            home,
            narrator,
            report: Report::default(),
            to_alice,
            to_bob,
        })
    }

    /// Plays the demo. After a failure, [`Self::report`] has the measurements until then.
    pub async fn play(&mut self) -> Result<()> {
        self.become_contacts().await?;
        self.play_script().await?;
        self.survive_a_kill().await?;
        self.compare().await?;
        self.see_each_other_at_a_server().await?;
        self.report.ok = true;
        Ok(())
    }

    /// The measurements until now.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The ends of both nodes' logs, to find out why something failed.
    #[must_use]
    pub fn logs(&self) -> String {
        let tail = |person: &Person| {
            let log = person.log().unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            if lines.is_empty() {
                return String::new();
            }
            format!(
                "The log of {}:\n{}\n",
                person.name(),
                lines[lines.len().saturating_sub(20)..].join("\n")
            )
        };
        tail(&self.alice) + &tail(&self.bob)
    }

    /// Tells a person what to open or type to be Alice or Bob.
    pub async fn instructions(&self) -> Result<String> {
        let (alice, bob) = tokio::try_join!(page_url(&self.alice), page_url(&self.bob))?;
        let commands = |me: &Person, other: &Person| {
            let chive = format!("{} --profile {}", me.program().display(), me.profile().display());
            let (name, other) = (me.name(), other.name());
            format!(
                "To be {name}:\n  {chive} chat {other}\n  {chive} history {other}\n  {chive} \
                status\n"
            )
        };
        Ok(format!(
            "All runs on in {} until you press Ctrl-C here.\n\nIn a browser, within ten minutes, \
            be Alice:\n  {alice}\nand \
             Bob, in another window:\n  {bob}\n\n{}\n{}",
            self.home.path().display(),
            commands(&self.alice, &self.bob),
            commands(&self.bob, &self.alice)
        ))
    }

    async fn become_contacts(&mut self) -> Result<()> {
        self.narrator.say(
            "Both start `chive run`: Tor, and an onion service of their own, in one process each.",
        );
        let began = Instant::now();

        tokio::try_join!(self.alice.start(), self.bob.start())?;
        let _progress = [self.narrator.follow(&self.alice)?, self.narrator.follow(&self.bob)?];
        let link = self.alice.invites().await?;
        self.narrator.say(&format!("Alice types `chive invite` and gives Bob the link:\n{link}"));
        self.bob.adds(&link, "Alice").await?;
        self.narrator.say(
            "Bob types `chive add LINK`. It reaches Alice as soon as her onion service is up.",
        );
        let accepted = ContactState::Accepted;
        tokio::try_join!(
            self.alice.until_contact("Bob", accepted),
            self.bob.until_contact("Alice", accepted)
        )?;
        let online = Presence::Online;
        tokio::try_join!(
            self.alice.until_presence("Bob", online),
            self.bob.until_presence("Alice", online)
        )?;
        self.report.cold_start(began.elapsed());
        self.narrator.say(&format!(
            "They are contacts, {} after both were started.",
            seconds(began.elapsed())
        ));

        Ok(())
    }

    async fn play_script(&mut self) -> Result<()> {
        for (speaker, text) in SCRIPT {
            let began = Instant::now();
            let (sender, receiver) = match speaker {
                Speaker::Alice => (&self.alice, "Bob"),
                Speaker::Bob => (&self.bob, "Alice"),
            };

            self.report.sent += 1;
            let message = sender.delivers(receiver, text).await?;
            self.report.first_delivery(began.elapsed());
            let ms = began.elapsed().as_millis();
            self.narrator
                .say(&format!("{}: {text}  (stored by {receiver} after {ms} ms)", sender.name()));
            match speaker {
                Speaker::Alice => self.to_bob.push(message),
                Speaker::Bob => self.to_alice.push(message),
            }
        }

        Ok(())
    }

    async fn survive_a_kill(&mut self) -> Result<()> {
        self.narrator.say("Bob's process is killed (SIGKILL), and Alice goes on writing.");
        self.bob.kill().await?;
        for text in WHILE_AWAY {
            self.report.sent += 1;
            self.to_bob.push(self.alice.sends("Bob", text).await?);
        }

        let waiting = self.alice.conversation("Bob").await?.waiting;
        ensure!(
            waiting as usize == WHILE_AWAY.len(),
            "{waiting} messages wait, not {}",
            WHILE_AWAY.len()
        );
        let contacts = self.alice.reads(["contacts"]).await?;

        self.narrator.say(&format!(
            "{waiting} messages wait in her store. `chive contacts` tells her: {}.",
            contacts.trim()
        ));
        self.narrator.say("Bob starts `chive run` again, on the same profile.");
        let began = Instant::now();
        self.bob.start().await?;
        for message in &self.to_bob {
            self.alice.until(message, MessageState::Delivered).await?;
        }

        self.narrator.say(&format!(
            "All are delivered, {} after Bob's new start.",
            seconds(began.elapsed())
        ));

        Ok(())
    }

    /// Compares what was sent with what both have, and shows it.
    async fn compare(&mut self) -> Result<()> {
        let (at_alice, at_bob) =
            tokio::try_join!(self.alice.history("Bob"), self.bob.history("Alice"))?;
        self.report.count(&self.to_alice, &at_alice);
        self.report.count(&self.to_bob, &at_bob);
        for (reader, other) in [(&self.alice, "Bob"), (&self.bob, "Alice")] {
            let conversation = reader.reads(["history", other]).await?;
            let title =
                format!("The conversation as {} sees it (`chive history {other}`):", reader.name());
            self.narrator.show(&title, &conversation);
        }

        let ids = |history: &[Message]| {
            history.iter().map(|message| message.id.clone()).collect::<Vec<_>>()
        };
        ensure!(
            ids(&at_alice) == ids(&at_bob),
            "Alice and Bob see their messages in different orders"
        );
        let (lost, duplicated) = (self.report.lost, self.report.duplicated);

        ensure!(
            lost == 0 && duplicated == 0,
            "{lost} messages are lost, {duplicated} are duplicated"
        );
        self.narrator
            .say("Every message arrived, exactly once, and both see them in the same order.");

        Ok(())
    }
}

impl Demo {
    /// Alice sees Bob come and go without a link between them. Only on the private network.
    async fn see_each_other_at_a_server(&mut self) -> Result<()> {
        let Some(tor) = self.network.as_ref().map(TorNetwork::arti_config_file) else {
            return Ok(());
        };

        let settings = "[work]\nrecord = 8\nrecord_full = 16".parse()?;
        let server =
            RendezvousServer::start(&self.home.path().join("server"), &tor, settings).await?;

        self.narrator
            .say("Somebody runs a presence server: `chive-rendezvous`, an onion service, too.");
        self.bob.ask::<Server>(["server", "add", server.address()]).await?;
        self.bob.delivers("Alice", "I am to be seen at a server now.").await?;
        self.narrator.say(
            "Bob types `chive server add ADDRESS`. Alice learns of it by his card, end to end.",
        );
        self.server = Some(server);
        self.bob.stop().await?;
        self.alice.stop().await?;
        self.alice.connects_when_needed();
        self.bob.connects_when_needed();
        self.narrator.say(
            "Both start again with `chive run --links needed`: nobody is connected \
                          to without a reason.",
        );
        self.alice.start().await?;
        self.bob.start().await?;
        let by_server = Some(PresenceSource::Server);
        self.alice.until_presence_by("Bob", Presence::Online, by_server).await?;
        self.check_no_link().await?;
        self.narrator.show("Alice types `chive contacts`:", &self.alice.reads(["contacts"]).await?);
        self.bob.stop().await?;
        self.alice.until_presence_by("Bob", Presence::Offline, by_server).await?;
        self.check_no_link().await?;
        self.narrator.show(
            "Bob stops. Alice types `chive contacts`:",
            &self.alice.reads(["contacts"]).await?,
        );
        self.narrator.say(
            "The server stored records that only contacts can read, and cannot tell \
                          whose they were.",
        );

        self.bob.start().await
    }

    async fn check_no_link(&self) -> Result<()> {
        ensure!(self.alice.status().await?.online == 0, "there is a link between them");
        Ok(())
    }
}

async fn start_network(narrator: &Narrator) -> Result<TorNetwork> {
    narrator.say(
        "A private Tor network starts: 3 authorities and 5 relays. Nothing leaves this machine.",
    );
    let began = Instant::now();
    let network =
        TorNetwork::start(network::Options::default()).await.context("no private Tor network")?;
    narrator.say(&format!("The network is ready after {}.", seconds(began.elapsed())));
    Ok(network)
}
