//! A client without a Tor network.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{ContactState, Invitation, MessageState};
use chive_tests::person::Env;

use crate::stage::Stage;

/// How soon a person is shown that Tor has stalled.
const STALL_DEADLINE: Duration = Duration::from_mins(2);

pub(crate) async fn without_a_tor_network_chive_says_why_and_commands_work(
    stage: Stage,
) -> Result<()> {
    let link = stage.person("Carol").await?.invites().await?;
    let network = stage.env.tor_config.as_ref().context("no private network")?;
    // The same network at an address where nothing listens.
    let dead = stage.home.join("dead.toml");
    fs::write(&dead, fs::read_to_string(network)?.replace("127.0.0.1:", "127.0.0.2:"))?;
    let stage = Stage::new(&stage.home, Env { tor_config: Some(dead), ..stage.env.clone() });
    let began = Instant::now();
    let mut alice = stage.person("Alice").await?;

    // At once, with no network: the link, a contact, and a message that says what it waits for.
    let invitation: Invitation = alice.ask(["invite"]).await?;
    ensure!(invitation.link.is_some(), "no link without Tor");
    let carol = alice.adds(&link, "Carol").await?;
    ensure!(carol.state == ContactState::Requested, "Carol is {:?}", carol.state);
    let message = alice.sends("Carol", "are you there?").await?;
    ensure!(message.state == MessageState::Queued && message.reason.is_some(), "{message:?}");
    ensure!(began.elapsed() < STALL_DEADLINE, "commands wait for Tor");

    let stalled = alice.until_status("stalled", |status| status.tor.stalled.is_some()).await?;
    ensure!(began.elapsed() < STALL_DEADLINE, "told only after {:?}", began.elapsed());
    let why = stalled.tor.stalled;
    let shown = alice.reads(["status"]).await?;
    ensure!(!stalled.tor.ready && shown.contains("stalled: "), "{shown}");
    let history = alice.history("Carol").await?;
    ensure!(history[0].reason.is_some(), "{history:?}; {why:?}");
    alice.stop().await
}
