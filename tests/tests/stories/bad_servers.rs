//! A rendezvous server that answers late, wrongly, with an old board, with an endless one, or not
//! at all: messages go on as if there were none, and it is called what it is.

use std::fs;
use std::iter::repeat_n;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use chive::api::types::{AnswerFault, Presence, Reason, Server, ServerState};
use chive_shared::board::{self, HEAD};
use chive_shared::limits::RECORD;
use chive_shared::record::{Record, VERSION};
use chive_tests::liar::{Conduct, Liar};
use chive_tests::person::Person;
use hyper::StatusCode;

use crate::presence::{both_know, free_of_charge, sees_by_server, uses};
use crate::stage::{Stage, received_exactly};

/// The periods of C-tor in a network for tests, in minutes: 24 votes.
const PERIOD: u64 = 8;
/// Of how many relays in a row a descriptor is asked for: of all. The random value by which it is
/// placed is another in every period, too, and not everybody has it at once.
const SPREAD: u64 = 8;
/// How long a node waits for an answer before it says so: longer may take what is waited for here.
const SILENCE: Duration = Duration::from_mins(1);
const SILENT: Reason = Reason::ServerTimedOut;
/// The most that a node may ever hold in memory, in KiB: twice what was measured, of which 64 MiB
/// are Argon2id's.
const MOST_MEMORY: u64 = 192 * 1024;
/// The most that may be taken of an endless body: 7 MB that a client reads, and what is on its way.
const MOST_TAKEN: usize = 32 << 20;

/// Two contacts with the server on their cards.
struct Scene {
    server: Liar,
    alice: Person,
    bob: Person,
}

impl Scene {
    async fn set(stage: &Stage) -> Result<Self> {
        let network = stage.around.tor_config.as_deref().context("no Tor network")?;
        let (home, settings) = (stage.home.join("server"), free_of_charge()?);
        let stage = stage.with_parameter("hsdir_interval", PERIOD)?;
        let mut stage = stage.with_parameter("hsdir_spread_fetch", SPREAD)?;
        stage.around.patience += SILENCE;
        let (server, (alice, bob)) =
            tokio::try_join!(Liar::start(&home, network, settings), stage.alice_and_bob())?;
        tokio::try_join!(uses(&alice, server.address()), uses(&bob, server.address()))?;
        both_know(&alice, &bob).await?;
        Ok(Self { server, alice, bob })
    }

    /// Both start again and have no link: what is known of the other is known by the server.
    async fn again(&mut self) -> Result<()> {
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

    /// Alice says what is wrong with the server, and that therefore nothing is known of Bob.
    async fn is_called(&self, state: ServerState, reason: Reason) -> Result<()> {
        self.is_told(state, &reason).await?;
        let bob = self.alice.contact("Bob").await?;
        let why = Reason::PresenceServer { cause: reason.boxed() };
        ensure!(
            bob.presence == Presence::Unknown && bob.presence_reason == Some(why),
            "Alice sees {bob:?}"
        );
        Ok(())
    }

    /// Alice says what is wrong with the server.
    async fn is_told(&self, state: ServerState, reason: &Reason) -> Result<()> {
        let named =
            |server: &Server| server.state == state && server.reason.as_ref() == Some(reason);
        self.alice.until_server(&format!("a server {state:?} because {reason:?}"), named).await?;
        let listed = self.alice.reads(["server", "list"]).await?;
        ensure!(listed.contains(" ("), "for people: {listed}");
        ensure!(self.alice.status().await?.servers_reachable == 0, "a server is called reachable");
        Ok(())
    }

    /// Messages get through both ways.
    async fn talk(&self) -> Result<()> {
        let Self { alice, bob, .. } = self;
        alice.delivers("Bob", "no server is needed").await?;
        bob.delivers("Alice", "for this either").await?;
        received_exactly(bob, "Alice", &["my server is on my card", "no server is needed"]).await?;
        received_exactly(alice, "Bob", &["so is mine", "for this either"]).await
    }

    async fn is_good_again(&self) -> Result<()> {
        self.server.turns(Conduct::Honest);
        let good =
            |server: &Server| server.state == ServerState::Reachable && server.reason.is_none();
        tokio::try_join!(
            self.alice.until_server("a good server", good),
            self.bob.until_server("a good server", good)
        )?;
        Ok(())
    }
}

pub(crate) async fn a_server_that_never_answers_is_unreachable_and_changes_nothing_for_messages(
    stage: Stage,
) -> Result<()> {
    let mut scene = Scene::set(&stage).await?;
    scene.server.turns(Conduct::Mute);
    scene.again().await?;
    scene.is_called(ServerState::Unreachable, SILENT).await?;
    scene.talk().await
}

pub(crate) async fn a_server_that_answers_late_is_unreachable_until_it_does_not_and_changes_nothing_for_messages(
    stage: Stage,
) -> Result<()> {
    let mut scene = Scene::set(&stage).await?;
    scene.server.turns(Conduct::Late);
    scene.again().await?;
    scene.is_called(ServerState::Unreachable, SILENT).await?;
    scene.talk().await?;
    scene.is_good_again().await
}

pub(crate) async fn a_server_that_answers_wrongly_is_told_by_its_fault_and_changes_nothing_for_messages(
    stage: Stage,
) -> Result<()> {
    let mut scene = Scene::set(&stage).await?;
    scene.again().await?;
    scene.see_each_other().await?;
    let board = scene.server.board().await?;
    let page = Bytes::from_static(b"<!DOCTYPE html><title>Bad Gateway</title>");
    let ok = StatusCode::OK;

    scene.server.turns(Conduct::Says("/", StatusCode::BAD_GATEWAY, page.clone()));
    scene.again().await?;
    let no_json = Reason::ServerAnswer { fault: AnswerFault::NotJson };
    scene.is_called(ServerState::Unreachable, no_json).await?;
    scene.server.turns(Conduct::Says("/v1/board", ok, page));
    let no_board = Reason::ServerAnswer { fault: AnswerFault::BoardVersion };
    scene.is_called(ServerState::Unreachable, no_board).await?;
    scene.server.turns(Conduct::Says("/v1/board", ok, board.slice(..HEAD)));
    let cut = Reason::ServerAnswer { fault: AnswerFault::BoardCut };
    scene.is_called(ServerState::Unreachable, cut).await?;
    scene.server.turns(Conduct::Says("/v1/board", ok, forged(&board)?));
    scene.is_called(ServerState::Untrusted, Reason::ServerForgedRecord).await?;

    scene.talk().await
}

/// The same records with other signatures.
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

pub(crate) async fn a_server_that_shows_an_old_board_is_believed_no_more_and_changes_nothing_for_messages(
    stage: Stage,
) -> Result<()> {
    let mut scene = Scene::set(&stage).await?;
    scene.again().await?;
    scene.see_each_other().await?;
    let (alice, bob) = (&scene.alice, &scene.bob);
    let old = scene.server.board().await?;
    bob.ask::<serde_json::Value>(["presence", "away"]).await?;
    sees_by_server(alice, "Bob", Presence::Away).await?;
    scene.server.turns(Conduct::Says("/v1/board", StatusCode::OK, old));
    scene.is_called(ServerState::Untrusted, Reason::ServerOlderRecord).await?;
    let listed = alice.reads(["server", "list"]).await?;
    ensure!(listed.contains("NOT TRUSTED"), "for people: {listed}");

    // Whatever it does from now on.
    scene.server.turns(Conduct::Honest);
    bob.ask::<serde_json::Value>(["presence", "on"]).await?;
    alice.ask::<serde_json::Value>(["presence", "away"]).await?;
    sees_by_server(bob, "Alice", Presence::Away).await?;
    scene.is_called(ServerState::Untrusted, Reason::ServerOlderRecord).await?;

    scene.talk().await
}

pub(crate) async fn of_an_endless_answer_little_is_read_and_held_and_nothing_changes_for_messages(
    stage: Stage,
) -> Result<()> {
    let mut scene = Scene::set(&stage).await?;
    let head = scene.server.board().await?.slice(..HEAD);

    scene.server.turns(Conduct::Drones("/v1/board", head, strangers()?));
    scene.again().await?;
    let too_many = Reason::ServerAnswer { fault: AnswerFault::BoardTooLong };
    scene.is_called(ServerState::Unreachable, too_many).await?;
    scene.server.turns(Conduct::Drones(
        "/v1/info",
        Bytes::from_static(b"{"),
        vec![b' '; 1 << 16].into(),
    ));
    let too_long = Reason::ServerAnswer { fault: AnswerFault::TooLong };
    scene.is_called(ServerState::Unreachable, too_long).await?;
    let event = Bytes::from_static(b"event: changes\ndata: ");
    scene.server.turns(Conduct::Drones("/v1/stream", event, vec![b'A'; 1 << 16].into()));
    scene.again().await?;

    // Before it, the board came whole: what that says of Bob holds.
    let too_long = Reason::ServerAnswer { fault: AnswerFault::Event };
    scene.is_told(ServerState::Unreachable, &too_long).await?;
    scene.talk().await?;
    let (memory, taken) = (most_memory(scene.alice.process_id()?)?, scene.server.most_taken());
    ensure!(memory < MOST_MEMORY, "Alice's node held {memory} KiB");
    ensure!(taken < MOST_TAKEN, "{taken} bytes of one answer were taken");

    scene.is_good_again().await
}

/// A group of a thousand records, of people whom nobody knows.
fn strangers() -> Result<Bytes> {
    let record = Record::from_bytes(&[VERSION; RECORD])?;
    Ok(board::group(repeat_n(&record, 1_000)).into())
}

/// The most that a process of ours has ever held in memory, in KiB.
fn most_memory(process: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
    Ok(peak.trim().trim_end_matches(" kB").parse()?)
}
