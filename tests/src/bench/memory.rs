//! `memory`: the memory of an idle client, compared with an idle tor with one onion service.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::{sleep, timeout};

use super::c_tor::EchoTor;
use super::figures::{Figures, Samples, Summary};
use super::fill::{PASSPHRASE, fill};
use super::pair::PATIENCE;
use super::setup::{Bench, env_on};
use crate::person::Person;

const CONTACTS: usize = 100;
const MESSAGES: usize = 10_000;
/// How long both have been idle before anything is measured.
const IDLE: Duration = Duration::from_mins(2);
/// How often both are measured.
const LOOKS: usize = 12;
/// The pause between two measurements.
const STEP: Duration = Duration::from_secs(5);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let network = bench.network().await?;
    let mut alice =
        Person::without_profile(&env_on(&network)?, &bench.home().join("alice"), "Alice")?;

    alice.chooses_passphrase(PASSPHRASE)?;
    fill(&alice.profile(), "Alice", CONTACTS, MESSAGES).await?;
    let service = EchoTor::service(&network, &bench.home().join("service")).await?;
    let client = EchoTor::client(&network, &bench.home().join("client"))?;
    alice.start().await?;
    alice.until_status("connected to Tor", |status| status.tor.ready).await?;
    let reached = async { client.echoes(&service.address().await?).await };
    timeout(network.patience(PATIENCE), reached)
        .await
        .context("the onion service is not reached")??;
    drop(client);
    let mut looks = [const { (Samples::new(), Samples::new()) }; 2];
    sleep(IDLE).await;
    for _ in 0..bench.pairs(LOOKS) {
        for ((resident, proportional), process) in
            looks.iter_mut().zip([alice.process_id()?, service.process_id()])
        {
            let (rss, pss) = held_by(process)?;
            resident.push(rss);
            proportional.push(pss);
        }
        sleep(STEP).await;
    }

    let contacts = alice.status().await?.contacts as usize;
    ensure!(contacts == CONTACTS, "there are {contacts} contacts");
    let [(ours, ours_proportional), (theirs, theirs_proportional)] = looks;

    Ok(Figures::new(Summary::new("memory", ours.median(), theirs.median(), "MiB"))
        .row("chive: resident", "MiB", ours)
        .row("chive: proportional share", "MiB", ours_proportional)
        .row("tor: resident", "MiB", theirs)
        .row("tor: proportional share", "MiB", theirs_proportional)
        .note(format!(
            "{CONTACTS} contacts whom nobody hosts, {MESSAGES} messages; idle for {} s",
            IDLE.as_secs()
        )))
}

/// The resident size of a process, and its proportional share, in MiB.
fn held_by(process: u32) -> Result<(f64, f64)> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let field = |name: &str| -> Result<f64> {
        let line = rollup.lines().find_map(|line| line.strip_prefix(name));
        let kib: f64 = line
            .and_then(|line| line.split_whitespace().next())
            .context("no such field")?
            .parse()?;
        Ok(kib / 1024.0)
    };
    Ok((field("Rss:")?, field("Pss:")?))
}
