//! `load`: 100 contacts write to one node, one of them as fast as it can, compared with the same
//! without that one.
//!
//! The node is the real client without Tor, in a process of its own with a core of its own. Its
//! contacts share this process and the other core, see [`contact`], so the figures are those of the
//! node and not of a hundred stores on the same disk.

mod contact;
mod node;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::api::types::NewInvitation;
use chive::invitation::Invitation;
use chive::limits::MAX_IN_FLIGHT;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, sleep_until};

use super::figures::{Figures, Samples, Summary};
use super::machine::{keep_to_own_core, overwrites};
use super::setup::Bench;
use crate::loopback::Loopback;
use contact::Contact;
use node::{Node, Spent, Usage};

/// The number of contacts that write to the node.
const CONTACTS: usize = 100;
/// How many become contacts at the same time.
const MEETING: usize = 4;
/// How often each kind of load is measured, in turns.
const ROUNDS: usize = 6;
/// The length of one measurement.
const TIME: Duration = Duration::from_secs(8);
/// How long one of the others waits before the next message, on average.
const PAUSE: Duration = Duration::from_secs(4);
/// Messages that each contact has in flight when all write as fast as they can: enough to keep the
/// node busy, few enough to come to an end.
const WINDOW: usize = 4;
/// The share of a core from which on it counts as busy.
const BUSY: f64 = 0.9;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    keep_to_own_core().await?;
    let network = bench.home().join("network");
    std::fs::create_dir(&network)?;
    let node = Node::start(&bench.home().join("node"), &network).await?;
    let transport = Loopback::new(&network, mpsc::channel(1).0);
    let mut crowd = Crowd::meet(&node, &transport).await?;

    let (mut calm, mut flooded) = (Measured::default(), Measured::default());
    for round in 0..bench.pairs(ROUNDS) {
        for first in [true, false] {
            let with_flood = (round % 2 == 0) != first;
            let measured = if with_flood { &mut flooded } else { &mut calm };
            measured.push(crowd.converses(&node, with_flood).await?);
        }
    }
    let full = crowd.all_flood(&node, bench.home()).await?;
    node.stop().await?;

    // A round that other work on this machine has disturbed does not decide.
    let (alone, beside) = (calm.p99.median(), flooded.p99.median());
    let one = |value| Samples::from_iter([value]);
    Ok(Figures::new(Summary::new("load", beside, alone, "ms"))
        .row("99 contacts: message handed over → receipt there", "ms", calm.took)
        .row("the same, beside one that writes as fast as it can", "ms", flooded.took)
        .row("each round's ratio of 99th percentiles", "", flooded.p99.over(&calm.p99))
        .row("messages through the node: 99 contacts", "1/s", calm.messages)
        .row("the same, with the fast one", "1/s", flooded.messages)
        .row("all as fast as they can", "1/s", one(full.messages))
        .row("commits: 99 contacts", "1/s", calm.commits)
        .row("the same, with the fast one", "1/s", flooded.commits)
        .row("all as fast as they can", "1/s", one(full.spent.commits))
        .note(format!(
            "each of the 99 writes every {PAUSE:?} on average; a text has {} bytes",
            contact::TEXT.len()
        ))
        .note("the last line has the medians of the rounds' 99th percentiles")
        .note(format!(
            "the fast one always has {MAX_IN_FLIGHT} messages on its way, as a client may"
        ))
        .note(full.limit()))
}

/// The result of one measurement.
struct Period {
    took: Samples,
    messages: f64,
    commits: f64,
}

/// The results of all measurements of a kind.
#[derive(Default)]
struct Measured {
    took: Samples,
    p99: Samples,
    messages: Samples,
    commits: Samples,
}

impl Measured {
    fn push(&mut self, period: Period) {
        self.p99.push(period.took.percentile(99));
        self.messages.push(period.messages);
        self.commits.push(period.commits);
        self.took.extend(period.took);
    }
}

/// The result of all contacts writing as fast as they can.
struct Saturation {
    messages: f64,
    spent: Spent,
    contacts: Spent,
    /// The time of one commit on the disk, in milliseconds.
    disk: f64,
}

impl Saturation {
    /// A sentence that says what keeps the node from taking more.
    fn limit(&self) -> String {
        let (node, contacts) = (self.spent.cpu, self.contacts.cpu);
        // The node does one thing after the other.
        let disk = (self.spent.commits * self.disk / 1000.0).min(1.0 - node).max(0.0);
        let [node_percent, disk_percent, contacts_percent] =
            [node, disk, contacts].map(|part| part * 100.0);
        format!(
            "all as fast as they can: the node computes for {node_percent:.0} % of the time and \
            waits for the disk for \
             about {disk_percent:.0} % ({:.2} ms a commit); the contacts compute for \
             {contacts_percent:.0} %: the \
             limit is {}",
            self.disk,
            limit(node, disk, contacts)
        )
    }
}

/// The resource that is the bottleneck, from the shares of the time.
fn limit(node: f64, disk: f64, contacts: f64) -> &'static str {
    if node + disk >= BUSY {
        return if node > disk { "the node's core" } else { "the disk" };
    }
    if contacts >= BUSY { "the contacts' core, not the node" } else { "none of these" }
}

/// All contacts: one that can flood the node, and the others.
struct Crowd {
    fast: Contact,
    others: Vec<Contact>,
}

impl Crowd {
    async fn meet(node: &Node, transport: &Loopback) -> Result<Self> {
        let uses = Some(u32::try_from(CONTACTS)?);
        let link = node
            .api
            .invite(&NewInvitation { uses, expires_in: None })
            .await?
            .link
            .context("no link")?;
        let invitation = Invitation::parse(&link)?;
        let meeting = (0..CONTACTS).map(|number| Contact::meet(transport, &invitation, number));
        let mut others: Vec<Contact> =
            stream::iter(meeting).buffer_unordered(MEETING).try_collect().await?;
        let fast = others.pop().context("there are no contacts")?;
        node.until_online(CONTACTS).await?;
        Ok(Self { fast, others })
    }

    /// Lets the others converse, while the fast one floods the node or not.
    async fn converses(&mut self, node: &Node, with_flood: bool) -> Result<Period> {
        let (before, until) = (node.usage()?, Instant::now() + TIME);
        let mut conversing = JoinSet::new();
        for contact in self.others.drain(..) {
            conversing.spawn(converse(contact, until));
        }
        let flood = async {
            let receipts =
                if with_flood { flood(&mut self.fast, MAX_IN_FLIGHT, until).await? } else { 0 };
            sleep_until(until).await;
            anyhow::Ok((receipts, node.usage()?.since(&before)))
        };
        let (receipts, spent) = flood.await?;

        let mut took = Samples::new();
        while let Some(conversed) = conversing.join_next().await {
            let (contact, samples) = conversed??;
            self.others.push(contact);
            took.extend(samples);
        }
        self.fast.until_all_receipted().await?;
        let messages = rate(receipts + took.len(), TIME);
        Ok(Period { took, messages, commits: spent.commits })
    }

    /// Lets all flood the node. It ends with messages in flight.
    async fn all_flood(self, node: &Node, directory: &Path) -> Result<Saturation> {
        let (began, directory) = (Instant::now(), directory.to_owned());
        let (before, own_before) = (node.usage()?, Usage::of_this_process()?);
        let disk = spawn_blocking(move || overwrites(&directory, (began + TIME).into_std()));
        let mut flooding = JoinSet::new();
        for mut contact in self.others.into_iter().chain([self.fast]) {
            flooding.spawn(async move { flood(&mut contact, WINDOW, began + TIME).await });
        }

        let mut receipts = 0;
        while let Some(flooded) = flooding.join_next().await {
            receipts += flooded??;
        }

        let (spent, contacts) =
            (node.usage()?.since(&before), Usage::of_this_process()?.since(&own_before));
        let messages = rate(receipts, began.elapsed());

        Ok(Saturation { messages, spent, contacts, disk: disk.await??.mean() })
    }
}

/// Writes now and then, and waits for each receipt.
async fn converse(mut contact: Contact, until: Instant) -> Result<(Contact, Samples)> {
    let (mut rng, mut took) = (StdRng::from_os_rng(), Samples::new());
    loop {
        let next = Instant::now() + rng.random_range(Duration::ZERO..2 * PAUSE);
        if next >= until {
            return Ok((contact, took));
        }
        sleep_until(next).await;
        contact.write()?;
        took.push_ms(contact.receipt().await?);
    }
}

/// Keeps `window` messages in flight; gives the number of receipts.
async fn flood(contact: &mut Contact, window: usize, until: Instant) -> Result<usize> {
    let mut receipts = 0;
    while Instant::now() < until {
        while contact.in_flight() < window {
            contact.write()?;
        }
        contact.receipt().await?;
        receipts += 1;
    }
    Ok(receipts)
}

#[allow(clippy::cast_precision_loss, reason = "the count is small")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_the_busiest_resource() {
        assert_eq!(limit(0.95, 0.02, 0.99), "the node's core");
        assert_eq!(limit(0.3, 0.65, 0.5), "the disk");
        assert_eq!(limit(0.4, 0.1, 0.97), "the contacts' core, not the node");
        assert_eq!(limit(0.4, 0.1, 0.3), "none of these");
    }
}
