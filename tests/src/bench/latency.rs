//! `latency`: from handing a message to the local API until the local API reports it as delivered,
//! compared with as many bytes there and back over a raw stream on the same circuit.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use chive::api::types::NewMessage;
use chive::transport::Stream;
use rand::Rng as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{sleep, timeout};

use super::figures::{Figures, Samples, Summary};
use super::pair::{Deliveries, PATIENCE, Pair};
use super::setup::{Bench, fresh_id};

/// Messages before the first one that is measured.
const WARM_UP: usize = 20;
/// Relays send cells at ticks. A random pause before each measurement keeps both sides from always
/// meeting the same tick.
const MAX_PAUSE: Duration = Duration::from_millis(40);

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let network = bench.network().await?;
    let pair = Pair::meet(&network, bench.home()).await?;
    let mut api =
        Sender { pair: &pair, deliveries: pair.dialler.deliveries_by_api().await?, by_api: true };
    for _ in 0..WARM_UP {
        api.sends().await?;
    }

    let (before, _) = (pair.link.carried(), api.sends().await?);
    let after = pair.link.carried();
    let (question, answer) = (after.0 - before.0, after.1 - before.1);
    let mut raw = Raw { stream: pair.raw(question, answer).await?, question, answer };
    for _ in 0..WARM_UP {
        raw.echoes().await?;
    }

    let (by_api, echo) = interleaved(bench.pairs(500), &mut api, &mut raw).await?;
    drop(api);
    let mut handle =
        Sender { pair: &pair, deliveries: pair.dialler.deliveries_by_handle(), by_api: false };
    let (by_handle, echo_beside) = interleaved(bench.pairs(500) / 2, &mut handle, &mut raw).await?;
    drop(handle);
    pair.still_linked()?;
    pair.stop().await?;
    let summary = Summary::new("latency", by_api.median(), echo.median(), "ms");

    Ok(Figures::new(summary)
        .row("message sent → receipt shown, local API", "ms", by_api.clone())
        .row("raw echo, paired with it", "ms", echo.clone())
        .row("each pair's ratio", "", by_api.over(&echo))
        .row("message sent → receipt shown, in the process", "ms", by_handle.clone())
        .row("raw echo, paired with it", "ms", echo_beside.clone())
        .row("each pair's ratio", "", by_handle.over(&echo_beside))
        .note(format!(
            "{question} bytes there and {answer} back, on one circuit: no rendezvous \
                      between the two"
        )))
}

/// Measures both in turns, each of them first equally often.
async fn interleaved(
    pairs: usize,
    sender: &mut Sender<'_>,
    raw: &mut Raw,
) -> Result<(Samples, Samples)> {
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    for turn in 0..pairs {
        for first in [true, false] {
            let pause = rand::rng().random_range(Duration::ZERO..MAX_PAUSE);
            sleep(pause).await;
            if (turn % 2 == 0) == first {
                ours.push_ms(sender.sends().await?);
            } else {
                theirs.push_ms(raw.echoes().await?);
            }
        }
    }
    Ok((ours, theirs))
}

struct Sender<'a> {
    pair: &'a Pair,
    deliveries: Deliveries,
    by_api: bool,
}

impl Sender<'_> {
    async fn sends(&mut self) -> Result<Duration> {
        let id = fresh_id();
        let new =
            NewMessage { text: "Are you there?".into(), id: Some(id.clone()), expires_in: None };
        let began = Instant::now();
        let dialler = &self.pair.dialler;
        if self.by_api {
            dialler.api.send(self.pair.other, &new).await?;
        } else {
            dialler.node.send(self.pair.other, new).await?;
        }
        Ok(self.deliveries.of(&id).await?.duration_since(began))
    }
}

struct Raw {
    stream: Stream,
    question: u64,
    answer: u64,
}

impl Raw {
    async fn echoes(&mut self) -> Result<Duration> {
        let question = vec![7; self.question.try_into()?];
        let mut answer = vec![0; self.answer.try_into()?];
        ensure!(!answer.is_empty(), "no receipt came");
        let began = Instant::now();
        self.stream.write_all(&question).await?;
        self.stream.flush().await?;
        timeout(PATIENCE, self.stream.read_exact(&mut answer)).await??;
        Ok(began.elapsed())
    }
}
