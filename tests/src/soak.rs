//! A soak test: two people write to each other all the time, while their processes are killed again
//! and again. In the end nothing may be lost or duplicated, and no state may have been wrong. How
//! the two are connected is up to the caller.

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
/// The pause before a message is handed over again that no node accepted.
const RETRY: Duration = Duration::from_millis(2);
/// The lengths of texts: some take several pages of the store.
const LENGTHS: Range<usize> = 1..6000;

/// How often and when processes are killed.
#[derive(Clone, Debug)]
pub struct SoakTest {
    /// How often each of the two is killed in a round; states are compared after each round.
    pub kills: u32,
    /// The number of rounds.
    pub rounds: u32,
    /// Pauses between two messages of one writer.
    pub pause: Range<Duration>,
    /// How long a process that starts may live, when it is killed while it starts.
    pub start: Duration,
    /// How long to wait for a link before a process is killed without one.
    pub link: Duration,
    /// The seed of everything random.
    pub seed: u64,
}

/// The result of a soak test.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoakReport {
    /// Processes that were killed.
    pub kills: u32,
    /// Kills of a process that had a link at that moment.
    pub linked: u32,
    /// Messages that were accepted and delivered.
    pub messages: usize,
}

/// When the process is killed next.
enum KillMoment {
    /// This long after the process was started, ready or not.
    Starting(Duration),
    /// This long after its link is up.
    Talking(Duration),
}

impl SoakTest {
    /// Runs the test with two people who are contacts and online, as they are again at the end.
    pub async fn run(&self, alice: &mut Person, bob: &mut Person) -> Result<SoakReport> {
        let mut rng = StdRng::seed_from_u64(self.seed);
        let stop = CancellationToken::new();
        let [from_alice, from_bob] = [(&*alice, &*bob), (&*bob, &*alice)].map(|(from, to)| {
            let writer = Writer::new(from, to.name(), self.pause.clone(), rng.random());
            AbortOnDropHandle::new(tokio::spawn(writer.write(stop.clone())))
        });
        let mut report = SoakReport::default();
        let (mut for_alice, mut for_bob) = (StdRng::from_rng(&mut rng), StdRng::from_rng(&mut rng));
        for _ in 0..self.rounds {
            let (one, two) = tokio::try_join!(
                self.kill_repeatedly(alice, &mut for_alice),
                self.kill_repeatedly(bob, &mut for_bob)
            )?;
            report.kills += 2 * self.kills;
            report.linked += one + two;
            check_delivered(alice, bob).await?;
            check_delivered(bob, alice).await?;
        }

        stop.cancel();
        let (from_alice, from_bob) = (from_alice.await??, from_bob.await??);

        tokio::try_join!(all_delivered(alice), all_delivered(bob))?;
        report.messages = from_alice.len() + from_bob.len();
        let (at_alice, at_bob) =
            (history(alice, bob.name()).await?, history(bob, alice.name()).await?);
        check_history(alice, &at_alice, &from_alice, &from_bob)?;
        check_history(bob, &at_bob, &from_bob, &from_alice)?;
        let order = |history: &[Message]| {
            history.iter().map(|message| message.id.clone()).collect::<Vec<_>>()
        };
        ensure!(order(&at_alice) == order(&at_bob), "the two see different orders");
        tokio::try_join!(check_shown_once(alice, &from_bob), check_shown_once(bob, &from_alice))?;

        Ok(report)
    }

    /// Kills a person's node again and again; gives how often it had a link. The node runs at the
    /// end.
    async fn kill_repeatedly(&self, person: &mut Person, rng: &mut StdRng) -> Result<u32> {
        let mut linked = 0;
        for _ in 0..self.kills {
            linked += u32::from(client(person).status().await?.online > 0);
            person.kill().await?;
            match self.moment(rng) {
                // A start that is given up kills the process.
                KillMoment::Starting(after) => drop(timeout(after, person.start()).await),
                KillMoment::Talking(after) => {
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

    fn moment(&self, rng: &mut StdRng) -> KillMoment {
        if rng.random_bool(0.2) {
            return KillMoment::Starting(self.start.mul_f64(rng.random()));
        }
        // From ten microseconds to a third of a second, each power of ten as likely as the others.
        KillMoment::Talking(Duration::from_secs_f64(10_f64.powf(rng.random_range(-5.0..-0.5))))
    }
}

/// Ids and texts that a writer handed over, in order.
type Written = Vec<(String, String)>;

/// Writes without end, and hands each message over until the node has accepted it.
struct Writer {
    client: Client,
    to: String,
    pause: Range<Duration>,
    rng: StdRng,
}

impl Writer {
    fn new(from: &Person, to: &str, pause: Range<Duration>, seed: u64) -> Self {
        Self { client: client(from), to: to.to_owned(), pause, rng: StdRng::seed_from_u64(seed) }
    }

    async fn write(mut self, stop: CancellationToken) -> Result<Written> {
        let mut written = Vec::new();
        while !stop.is_cancelled() {
            let id = HEXLOWER.encode(&self.rng.random::<[u8; 16]>());
            let length = if self.rng.random_bool(0.1) { self.rng.random_range(LENGTHS) } else { 0 };
            let text = format!("{} {}", written.len(), "x".repeat(length));
            self.hand_over(&id, &text).await?;
            written.push((id, text));
            sleep(self.rng.random_range(self.pause.clone())).await;
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
                // The node was killed, perhaps after it had accepted the message.
                Err(_) => sleep(RETRY).await,
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

/// Checks that the reader has stored every message that the sender calls delivered.
async fn check_delivered(sender: &Person, reader: &Person) -> Result<()> {
    let sent = history(sender, reader.name()).await?;
    let stored: HashSet<String> =
        history(reader, sender.name()).await?.into_iter().map(|message| message.id).collect();
    let missing = sent
        .iter()
        .find(|message| message.state == MessageState::Delivered && !stored.contains(&message.id));
    ensure!(
        missing.is_none(),
        "{} calls {:?} delivered, and {} does not have it",
        sender.name(),
        missing,
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

/// Checks that a history has exactly what both wrote: once, whole, and in each writer's order.
fn check_history(
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

/// Checks that a person who follows the events sees each message arrive once.
async fn check_shown_once(person: &Person, received: &Written) -> Result<()> {
    let (last, _) = received.last().context("nothing was written")?;
    let arrived = |what: &What| match what {
        What::Message { message } if message.direction == Direction::Received => {
            Some(message.id.clone())
        }
        _ => None,
    };

    person.event("the last message", |event| arrived(&event.what).filter(|id| id == last)).await?;
    let mut shown: HashMap<String, u32> = HashMap::new();
    for id in person.all_events()?.iter().filter_map(|event| arrived(&event.what)) {
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
