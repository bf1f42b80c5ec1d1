//! An ordeal: two people write to each other all the time, while their processes are killed again
//! and again. In the end nothing may be lost, nothing doubled, and no state may have lied.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use chive::api::client::{Client, ClientError};
use chive::api::types::{Direction, ErrorCode, Message, MessageState, NewMessage, What};
use chive::profile::SOCKET;
use data_encoding::HEXLOWER;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::person::Person;

/// The largest page of a history.
const PAGE: u32 = 1000;
/// How soon a message is handed over again that no node took.
const TRY_AGAIN: Duration = Duration::from_millis(2);
/// The lengths of texts: some take several pages of the store.
const LENGTHS: Range<usize> = 1..6000;

/// How two people are tormented.
#[derive(Clone, Debug)]
pub struct Ordeal {
    /// How often each of the two is killed in one round; after each round states are compared.
    pub kills: u32,
    /// How many rounds there are.
    pub rounds: u32,
    /// Pauses between two messages of one writer.
    pub pause: Range<Duration>,
    /// How long a process that starts may live, when it is killed while it starts.
    pub start: Duration,
    /// How long a link is waited for, before a process is killed without one.
    pub link: Duration,
    /// All chance comes from it.
    pub seed: u64,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Processes that were killed.
    pub kills: u32,
    /// Those among them that had a link at that moment.
    pub linked: u32,
    /// Messages that were accepted, and arrived.
    pub messages: usize,
}

/// When to kill.
enum Moment {
    /// So long after the start of the process, ready or not.
    Starting(Duration),
    /// So long after its link is up.
    Talking(Duration),
}

impl Ordeal {
    /// Runs it over two people who are contacts and online. They are so again in the end.
    pub async fn run(&self, alice: &mut Person, bob: &mut Person) -> Result<Report> {
        let mut chance = StdRng::seed_from_u64(self.seed);
        let stop = CancellationToken::new();
        let [from_alice, from_bob] = [(&*alice, &*bob), (&*bob, &*alice)].map(|(from, to)| {
            let writer = Writer::new(from, to.name(), self.pause.clone(), chance.random());
            AbortOnDropHandle::new(tokio::spawn(writer.write(stop.clone())))
        });
        let mut report = Report::default();
        let (mut for_alice, mut for_bob) =
            (StdRng::from_rng(&mut chance), StdRng::from_rng(&mut chance));
        for _ in 0..self.rounds {
            let (one, two) = tokio::try_join!(
                self.torment(alice, &mut for_alice),
                self.torment(bob, &mut for_bob)
            )?;
            report.kills += 2 * self.kills;
            report.linked += one + two;
            delivered_is_true(alice, bob).await?;
            delivered_is_true(bob, alice).await?;
        }

        stop.cancel();
        let (from_alice, from_bob) = (from_alice.await??, from_bob.await??);

        tokio::try_join!(all_delivered(alice), all_delivered(bob))?;
        report.messages = from_alice.len() + from_bob.len();
        let (at_alice, at_bob) =
            (history(alice, bob.name()).await?, history(bob, alice.name()).await?);
        has_exactly(alice, &at_alice, &from_alice, &from_bob)?;
        has_exactly(bob, &at_bob, &from_bob, &from_alice)?;
        let order = |history: &[Message]| {
            history.iter().map(|message| message.id.clone()).collect::<Vec<_>>()
        };
        ensure!(order(&at_alice) == order(&at_bob), "the two see different orders");
        tokio::try_join!(shown_once(alice, &from_bob), shown_once(bob, &from_alice))?;

        Ok(report)
    }

    /// Kills somebody so many times; gives how often there was a link. The node runs in the end.
    async fn torment(&self, person: &mut Person, chance: &mut StdRng) -> Result<u32> {
        let mut linked = 0;
        for _ in 0..self.kills {
            linked += u32::from(client(person).status().await?.online > 0);
            person.kill().await?;
            match self.moment(chance) {
                // A start that is given up kills the process.
                Moment::Starting(after) => drop(timeout(after, person.start()).await),
                Moment::Talking(after) => {
                    person.start().await?;
                    let _ = timeout(
                        self.link,
                        person.until_status("linked", |status| status.online > 0),
                    )
                    .await;
                    sleep(after).await;
                }
            }

            if !person.is_running() {
                person.start().await?;
            }
        }

        Ok(linked)
    }

    fn moment(&self, chance: &mut StdRng) -> Moment {
        if chance.random_bool(0.2) {
            return Moment::Starting(self.start.mul_f64(chance.random()));
        }
        // From ten microseconds to a third of a second, each power of ten as likely as the others.
        Moment::Talking(Duration::from_secs_f64(10_f64.powf(chance.random_range(-5.0..-0.5))))
    }
}

/// What a writer handed over: ids and texts, in order.
type Written = Vec<(String, String)>;

/// Somebody who writes without end, and hands each message over until the node has taken it.
struct Writer {
    client: Client,
    to: String,
    pause: Range<Duration>,
    chance: StdRng,
}

impl Writer {
    fn new(from: &Person, to: &str, pause: Range<Duration>, seed: u64) -> Self {
        Self { client: client(from), to: to.to_owned(), pause, chance: StdRng::seed_from_u64(seed) }
    }

    async fn write(mut self, stop: CancellationToken) -> Result<Written> {
        let mut written = Vec::new();
        while !stop.is_cancelled() {
            let id = HEXLOWER.encode(&self.chance.random::<[u8; 16]>());
            let length =
                if self.chance.random_bool(0.1) { self.chance.random_range(LENGTHS) } else { 0 };
            let text = format!("{} {}", written.len(), "x".repeat(length));
            self.hand_over(&id, &text).await?;
            written.push((id, text));
            sleep(self.chance.random_range(self.pause.clone())).await;
        }
        Ok(written)
    }

    async fn hand_over(&self, id: &str, text: &str) -> Result<()> {
        let new = NewMessage { text: text.to_owned(), id: Some(id.to_owned()), expires_in: None };
        loop {
            match self.client.send(&self.to, &new).await {
                Ok(message) => {
                    ensure!(
                        message.id == id && message.text == text,
                        "another message was accepted"
                    );
                    return Ok(());
                }
                Err(ClientError::Problem(problem)) if problem.code != ErrorCode::Stopping => {
                    bail!("a message was refused: {}", problem.detail)
                }
                // Killed before, or in the middle of an answer: nobody knows whether it was
                // accepted.
                Err(_) => sleep(TRY_AGAIN).await,
            }
        }
    }
}

fn client(person: &Person) -> Client {
    Client::new(person.profile().join(SOCKET))
}

/// A whole conversation, oldest message first.
pub async fn history(person: &Person, with: &str) -> Result<Vec<Message>> {
    let client = client(person);
    let mut all: Vec<Message> = Vec::new();
    loop {
        let before = all.first().map(|message| message.id.clone());
        let mut page = client.history(with, PAGE, before.as_deref()).await?;
        let last = page.len() < PAGE as usize;
        page.append(&mut all);
        all = page;
        if last {
            return Ok(all);
        }
    }
}

/// What one side calls delivered, the other has stored.
async fn delivered_is_true(sender: &Person, reader: &Person) -> Result<()> {
    let sent = history(sender, reader.name()).await?;
    let stored: HashSet<String> =
        history(reader, sender.name()).await?.into_iter().map(|message| message.id).collect();
    let lie = sent
        .iter()
        .find(|message| message.state == MessageState::Delivered && !stored.contains(&message.id));
    ensure!(
        lie.is_none(),
        "{} calls {:?} delivered, and {} does not have it",
        sender.name(),
        lie,
        reader.name()
    );
    Ok(())
}

async fn all_delivered(person: &Person) -> Result<()> {
    while client(person).status().await?.waiting > 0 {
        person.until_status("without anything that waits", |status| status.waiting == 0).await?;
    }
    Ok(())
}

/// All that was written by either, once, whole, in its writer's order, with nothing between.
fn has_exactly(
    person: &Person,
    history: &[Message],
    ours: &Written,
    theirs: &Written,
) -> Result<()> {
    for (direction, state, written) in [
        (Direction::Sent, MessageState::Delivered, ours),
        (Direction::Received, MessageState::Received, theirs),
    ] {
        let kept = history.iter().filter(|message| message.direction == direction);
        let ids: Vec<(&str, &str)> =
            kept.clone().map(|m| (m.id.as_str(), m.text.as_str())).collect();
        let expected: Vec<(&str, &str)> =
            written.iter().map(|(id, text)| (id.as_str(), text.as_str())).collect();
        ensure!(
            ids == expected,
            "{} has {} messages, not {}",
            person.name(),
            ids.len(),
            expected.len()
        );
        let odd = kept.clone().find(|message| message.state != state || message.missing_before > 0);
        ensure!(odd.is_none(), "{} has {odd:?}", person.name());
    }

    Ok(())
}

/// Who follows the events sees each message come once.
async fn shown_once(person: &Person, received: &Written) -> Result<()> {
    let (last, _) = received.last().context("nothing was written")?;
    let comes = |what: &What| match what {
        What::Message { message } if message.direction == Direction::Received => {
            Some(message.id.clone())
        }
        _ => None,
    };

    person.event("the last message", |event| comes(&event.what).filter(|id| id == last)).await?;
    let mut shown: HashMap<String, u32> = HashMap::new();
    for id in person.all_events()?.iter().filter_map(|event| comes(&event.what)) {
        *shown.entry(id).or_default() += 1;
    }

    let wrong = received.iter().find(|(id, _)| shown.get(id) != Some(&1));
    ensure!(
        wrong.is_none(),
        "{} was shown a message {:?} times",
        person.name(),
        wrong.map(|(id, _)| shown.get(id))
    );

    Ok(())
}
