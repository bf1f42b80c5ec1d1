//! A rendezvous server that answers late, wrongly, with an old board, with an endless one, or not
//! at all: messages get through as without a server, and the client says what is wrong with it.

use std::fs;
use std::iter::repeat_n;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use chive::api::types::{AnswerError, Presence, Reason, Server, ServerState};
use chive_shared::board::{self, HEAD};
use chive_shared::limits::RECORD;
use chive_shared::record::{Record, VERSION};
use chive_tests::misbehaving_server::{Behavior, MisbehavingServer};
use chive_tests::person::Person;
use hyper::StatusCode;

use crate::presence::{exchange_cards, free_of_charge, sees_by_server, uses};
use crate::stage::{Stage, received_exactly};

/// The periods of C-tor in a network for tests, in minutes: 24 votes.
const PERIOD: u64 = 8;
/// How many relays in a row are asked for a descriptor: all. The shared random value that places it
/// changes with every period, too, and not every node has it at once.
const SPREAD: u64 = 8;
/// How long a node waits for an answer before it reports the server; it is added to every wait
/// here.
const SILENCE: Duration = Duration::from_mins(1);
const SILENT: Reason = Reason::ServerTimedOut;
/// The limit of a node's memory, in KiB: twice what was measured, of which 64 MiB are Argon2id's.
const MAX_MEMORY: u64 = 192 * 1024;
/// The limit of what may be sent of an endless body: 7 MB that a client reads, and bytes in flight.
const MAX_SENT: usize = 32 << 20;

/// Two contacts with the same server on their cards.
struct Scene {
    server: MisbehavingServer,
    alice: Person,
    bob: Person,
}

impl Scene {
    async fn new(stage: &Stage) -> Result<Self> {
        let network = stage.env.tor_config.as_deref().context("no Tor network")?;
        let (home, settings) = (stage.home.join("server"), free_of_charge()?);
        let stage = stage.with_parameter("hsdir_interval", PERIOD)?;
        let mut stage = stage.with_parameter("hsdir_spread_fetch", SPREAD)?;
        stage.env.patience += SILENCE;
        let (server, (alice, bob)) = tokio::try_join!(
            MisbehavingServer::start(&home, network, settings),
            stage.alice_and_bob()
        )?;
        tokio::try_join!(uses(&alice, server.address()), uses(&bob, server.address()))?;
        exchange_cards(&alice, &bob).await?;
        Ok(Self { server, alice, bob })
    }

    /// Restarts both without a link, so that each knows of the other by the server alone.
    async fn restart(&mut self) -> Result<()> {
        tokio::try_join!(self.alice.stop(), self.bob.stop())?;
        self.alice.connects_when_needed();
        self.bob.connects_when_needed();
        tokio::try_join!(self.alice.start(), self.bob.start())?;
        Ok(())
    }

    /// Each sees at the server that the other is online.
    async fn see_each_other(&self) -> Result<()> {
        tokio::try_join!(
            sees_by_server(&self.alice, "Bob", Presence::Online),
            sees_by_server(&self.bob, "Alice", Presence::Online),
        )?;
        Ok(())
    }

    /// Alice is shown what is wrong with the server, and that therefore nothing is known of Bob.
    async fn explains(&self, state: ServerState, reason: Reason) -> Result<()> {
        self.shows(state, &reason).await?;
        let bob = self.alice.contact("Bob").await?;
        let why = Reason::PresenceServer { cause: reason.boxed() };
        ensure!(
            bob.presence == Presence::Unknown && bob.presence_reason == Some(why),
            "Alice sees {bob:?}"
        );
        Ok(())
    }

    /// Alice is shown what is wrong with the server.
    async fn shows(&self, state: ServerState, reason: &Reason) -> Result<()> {
        let named =
            |server: &Server| server.state == state && server.reason.as_ref() == Some(reason);
        self.alice.until_server(&format!("a server {state:?} because {reason:?}"), named).await?;
        let listed = self.alice.reads(["server", "list"]).await?;
        ensure!(listed.contains(" ("), "for people: {listed}");
        ensure!(self.alice.status().await?.servers_reachable == 0, "a server is called reachable");
        Ok(())
    }

    /// Messages get through both ways.
    async fn exchange(&self) -> Result<()> {
        let Self { alice, bob, .. } = self;
        alice.delivers("Bob", "no server is needed").await?;
        bob.delivers("Alice", "for this either").await?;
        received_exactly(bob, "Alice", &["my server is on my card", "no server is needed"]).await?;
        received_exactly(alice, "Bob", &["so is mine", "for this either"]).await
    }

    async fn recovers(&self) -> Result<()> {
        self.server.behaves(Behavior::Honest);
        let good =
            |server: &Server| server.state == ServerState::Reachable && server.reason.is_none();
        tokio::try_join!(
            self.alice.until_server("a good server", good),
            self.bob.until_server("a good server", good)
        )?;
        Ok(())
    }
}

pub(crate) async fn a_silent_server_is_unreachable_and_messages_flow(stage: Stage) -> Result<()> {
    let mut scene = Scene::new(&stage).await?;
    scene.server.behaves(Behavior::Silent);
    scene.restart().await?;
    scene.explains(ServerState::Unreachable, SILENT).await?;
    scene.exchange().await
}

pub(crate) async fn a_late_server_is_unreachable_until_it_recovers(stage: Stage) -> Result<()> {
    let mut scene = Scene::new(&stage).await?;
    scene.server.behaves(Behavior::Late);
    scene.restart().await?;
    scene.explains(ServerState::Unreachable, SILENT).await?;
    scene.exchange().await?;
    scene.recovers().await
}

pub(crate) async fn a_wrong_answer_is_explained_and_messages_flow(stage: Stage) -> Result<()> {
    let mut scene = Scene::new(&stage).await?;
    scene.restart().await?;
    scene.see_each_other().await?;
    let board = scene.server.board().await?;
    let page = Bytes::from_static(b"<!DOCTYPE html><title>Bad Gateway</title>");
    let ok = StatusCode::OK;

    scene.server.behaves(Behavior::Replaces("/", StatusCode::BAD_GATEWAY, page.clone()));
    scene.restart().await?;
    let no_json = Reason::ServerAnswer { fault: AnswerError::NotJson };
    scene.explains(ServerState::Unreachable, no_json).await?;
    scene.server.behaves(Behavior::Replaces("/v1/board", ok, page));
    let no_board = Reason::ServerAnswer { fault: AnswerError::BoardVersion };
    scene.explains(ServerState::Unreachable, no_board).await?;
    scene.server.behaves(Behavior::Replaces("/v1/board", ok, board.slice(..HEAD)));
    let cut = Reason::ServerAnswer { fault: AnswerError::BoardCut };
    scene.explains(ServerState::Unreachable, cut).await?;
    scene.server.behaves(Behavior::Replaces("/v1/board", ok, forged(&board)?));
    scene.explains(ServerState::Untrusted, Reason::ServerForgedRecord).await?;

    scene.exchange().await
}

/// The same records with wrong signatures.
fn forged(board: &Bytes) -> Result<Bytes> {
    let (head, records) = board::parse(board, 100)?;
    let forge = |record: &Record| {
        let mut bytes = *record.as_bytes();
        bytes[RECORD - 1] ^= 1;
        Record::from_bytes(&bytes)
    };
    let forged = records.iter().map(forge).collect::<Result<Vec<_>, _>>()?;
    Ok(board::body(head, forged.iter()).into())
}

pub(crate) async fn an_old_board_makes_a_server_untrusted_and_messages_flow(
    stage: Stage,
) -> Result<()> {
    let mut scene = Scene::new(&stage).await?;
    scene.restart().await?;
    scene.see_each_other().await?;
    let (alice, bob) = (&scene.alice, &scene.bob);
    let old = scene.server.board().await?;
    bob.ask::<serde_json::Value>(["presence", "away"]).await?;
    sees_by_server(alice, "Bob", Presence::Away).await?;
    scene.server.behaves(Behavior::Replaces("/v1/board", StatusCode::OK, old));
    scene.explains(ServerState::Untrusted, Reason::ServerOlderRecord).await?;
    let listed = alice.reads(["server", "list"]).await?;
    ensure!(listed.contains("NOT TRUSTED"), "for people: {listed}");

    // Whatever it does from now on, it stays untrusted.
    scene.server.behaves(Behavior::Honest);
    bob.ask::<serde_json::Value>(["presence", "on"]).await?;
    alice.ask::<serde_json::Value>(["presence", "away"]).await?;
    sees_by_server(bob, "Alice", Presence::Away).await?;
    scene.explains(ServerState::Untrusted, Reason::ServerOlderRecord).await?;

    scene.exchange().await
}

pub(crate) async fn an_endless_answer_is_cut_off_and_messages_flow(stage: Stage) -> Result<()> {
    let mut scene = Scene::new(&stage).await?;
    let head = scene.server.board().await?.slice(..HEAD);

    scene.server.behaves(Behavior::Endless("/v1/board", head, strangers()?));
    scene.restart().await?;
    let too_many = Reason::ServerAnswer { fault: AnswerError::BoardTooLong };
    scene.explains(ServerState::Unreachable, too_many).await?;
    scene.server.behaves(Behavior::Endless(
        "/v1/info",
        Bytes::from_static(b"{"),
        vec![b' '; 1 << 16].into(),
    ));
    let too_long = Reason::ServerAnswer { fault: AnswerError::TooLong };
    scene.explains(ServerState::Unreachable, too_long).await?;
    let event = Bytes::from_static(b"event: changes\ndata: ");
    scene.server.behaves(Behavior::Endless("/v1/stream", event, vec![b'A'; 1 << 16].into()));
    scene.restart().await?;

    // The board came whole before: what it says of Bob stays known.
    let too_long = Reason::ServerAnswer { fault: AnswerError::Event };
    scene.shows(ServerState::Unreachable, &too_long).await?;
    scene.exchange().await?;
    let (memory, sent) = (peak_memory(scene.alice.process_id()?)?, scene.server.max_bytes_sent());
    ensure!(memory < MAX_MEMORY, "Alice's node held {memory} KiB");
    ensure!(sent < MAX_SENT, "{sent} bytes of one answer were sent");

    scene.recovers().await
}

/// A group of a thousand records, of people who are no contacts of Alice.
fn strangers() -> Result<Bytes> {
    let record = Record::from_bytes(&[VERSION; RECORD])?;
    Ok(board::group(repeat_n(&record, 1_000)).into())
}

/// The peak memory of a process, in KiB.
fn peak_memory(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(peak.trim().trim_end_matches(" kB").parse()?)
}
