//! `stream`: 64 MiB in messages of the largest size, compared with the same bytes over one raw
//! stream on the same circuit.

use std::time::{Duration, Instant};

use anyhow::Result;
use chive::api::types::NewMessage;
use chive::limits::MAX_TEXT;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::figures::{Figures, Samples, Summary};
use super::pair::Pair;
use super::setup::{Bench, fresh_id};

/// The size of all messages.
const BYTES: usize = 64 * 1024 * 1024;
/// The number of parts, measured in turns with the raw stream.
const ROUNDS: usize = 8;
/// Requests of the sender's program in flight.
const IN_FLIGHT: usize = 8;

pub(super) async fn run(bench: &Bench) -> Result<Figures> {
    let network = bench.network().await?;
    let pair = Pair::meet(&network, bench.home()).await?;
    let messages = BYTES.div_ceil(MAX_TEXT).div_ceil(ROUNDS);
    let bytes = messages * MAX_TEXT;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let before = pair.link.carried();
    for round in 0..ROUNDS {
        for first in [true, false] {
            if (round % 2 == 0) == first {
                ours.push(rate(bytes, of_messages(&pair, messages).await?));
            } else {
                theirs.push(rate(bytes, of_raw_bytes(&pair, bytes).await?));
            }
        }
    }

    let after = pair.link.carried();
    pair.still_linked()?;
    pair.stop().await?;
    let texts = bytes * ROUNDS;
    let summary = Summary::new("stream", ours.harmonic_mean(), theirs.harmonic_mean(), "MiB/s");

    Ok(Figures::new(summary)
        .row(format!("{messages} messages of {MAX_TEXT} bytes"), "MiB/s", ours.clone())
        .row("as many bytes over a raw stream", "MiB/s", theirs.clone())
        .row("each pair's ratio", "", ours.over(&theirs))
        .note(format!(
            "{texts} bytes of text on each side; the link carried {} bytes there and {} back",
            after.0 - before.0,
            after.1 - before.1
        ))
        .note("the line below has the rates of all rounds together"))
}

/// The time from the first message handed to the local API until the last one is reported
/// delivered.
async fn of_messages(pair: &Pair, messages: usize) -> Result<Duration> {
    let mut deliveries = pair.dialler.deliveries_by_api().await?;
    let began = Instant::now();
    let send = |_| async {
        let new = NewMessage { text: "x".repeat(MAX_TEXT), id: Some(fresh_id()), expires_in: None };
        pair.dialler.api.send(pair.other, &new).await.map(drop)
    };
    let sending =
        stream::iter(0..messages).map(send).buffer_unordered(IN_FLIGHT).try_collect::<()>();
    let delivered = async {
        let mut last = began;
        for _ in 0..messages {
            (_, last) = deliveries.next().await?;
        }
        anyhow::Ok(last)
    };
    let ((), last) = tokio::try_join!(async { Ok(sending.await?) }, delivered)?;

    Ok(last.duration_since(began))
}

/// The time from the first byte until the other end confirms the last.
async fn of_raw_bytes(pair: &Pair, bytes: usize) -> Result<Duration> {
    let mut raw = pair.raw(bytes as u64, 1).await?;
    let text = vec![b'x'; MAX_TEXT];
    let began = Instant::now();
    for _ in 0..bytes / MAX_TEXT {
        raw.write_all(&text).await?;
    }
    raw.flush().await?;
    raw.read_u8().await?;
    Ok(began.elapsed())
}

#[allow(clippy::cast_precision_loss, reason = "the count is below 2^53")]
fn rate(bytes: usize, took: Duration) -> f64 {
    bytes as f64 / 1024.0 / 1024.0 / took.as_secs_f64()
}
