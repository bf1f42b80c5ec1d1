//! `presence`: how many records a server stores durably, compared with the signatures that a core
//! verifies.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use chive_shared::limits::{RECORD, SUBMISSION};
use chive_shared::record::Record;
use ed25519_dalek::{Signer as _, SigningKey};
use tokio::task::JoinSet;

use super::load::{Connection, Writers, submission};
use super::pinned::pinned;
use crate::bench::figures::{Figures, Samples, Summary};
use crate::bench::setup::Bench;

/// How often each kind is measured, in turns.
const ROUNDS: usize = 7;
/// The length of one measurement.
const TIME: Duration = Duration::from_secs(4);
/// People whose records are written in turn.
const PEOPLE: u64 = 5_000;
/// More records than can be verified in that time.
const ENOUGH: usize = 160_000;
/// Records per request, and open connections, for each kind.
const ONE: (usize, usize) = (1, 128);
const MANY: (usize, usize) = (500, 8);
/// Signatures verified in one measurement.
const VERIFIED: u32 = 20_000;
/// As many bytes as are signed for a record: a label, a server and the record without its
/// signature.
const MESSAGE: usize = 24 + 32 + RECORD - 64;

pub(in crate::bench) async fn run(bench: &Bench) -> Result<Figures> {
    let mut server = pinned(&bench.home().join("server"), "").await?;
    let mut writers = Writers::new(server.address().parse()?, 0..PEOPLE);
    let (mut raw, mut one, mut many) = (Samples::new(), Samples::new(), Samples::new());
    for _ in 0..bench.pairs(ROUNDS) {
        raw.push(verified()?);
        one.push(stored(&server.socket()?, writers.records(ENOUGH), ONE).await?);
        many.push(stored(&server.socket()?, writers.records(ENOUGH), MANY).await?);
    }

    server.stop().await?;
    let figures = [("one", one.median(), raw.median()), ("many", many.median(), raw.median())];

    Ok(Figures::new(Summary::at_least("presence", &figures, "1/s"))
        .row("verify_strict, one core", "1/s", raw.clone())
        .row("stored, one record a request", "1/s", one.clone())
        .row(format!("stored, {} records a request", MANY.0), "1/s", many.clone())
        .row("ratio, one", "", one.over(&raw))
        .row("ratio, many", "", many.over(&raw))
        .note(format!(
            "{} and {} connections to a Unix socket that are kept alive; SQLite, durable before \
            the answer",
            ONE.1, MANY.1
        ))
        .note("the server has one core, what asks it has the other one"))
}

/// Signatures per second that this core verifies with a prepared key.
fn verified() -> Result<f64> {
    let signer = SigningKey::from_bytes(&[1; 32]);
    let message = [7; MESSAGE];
    let (key, signature) = (signer.verifying_key(), signer.sign(&message));
    let began = Instant::now();
    for _ in 0..VERIFIED {
        key.verify_strict(std::hint::black_box(&message), &signature)?;
    }
    Ok(f64::from(VERIFIED) / began.elapsed().as_secs_f64())
}

/// Records per second that the server stores durably.
async fn stored(
    to: &Path,
    records: Vec<Record>,
    (size, connections): (usize, usize),
) -> Result<f64> {
    let requests: Arc<Vec<Bytes>> = Arc::new(records.chunks(size).map(submission).collect());
    let next = Arc::new(AtomicUsize::new(0));
    let mut open = vec![];
    for _ in 0..connections {
        open.push(Connection::open_local(to).await?);
    }

    let began = Instant::now();
    let mut writing = JoinSet::new();
    for connection in open {
        writing.spawn(write(connection, Arc::clone(&requests), Arc::clone(&next), began + TIME));
    }

    let mut stored = 0;
    while let Some(written) = writing.join_next().await {
        stored += written??;
    }

    let took = began.elapsed();
    ensure!(next.load(Ordering::Relaxed) < requests.len(), "there were not enough records");

    #[allow(clippy::cast_precision_loss, reason = "the count is small")]
    Ok(stored as f64 / took.as_secs_f64())
}

async fn write(
    mut connection: Connection,
    requests: Arc<Vec<Bytes>>,
    next: Arc<AtomicUsize>,
    until: Instant,
) -> Result<usize> {
    let mut stored = 0;
    while Instant::now() < until
        && let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed))
    {
        connection.put(request.clone()).await?;
        stored += request.len() / SUBMISSION;
    }
    Ok(stored)
}
