//! `replicas`: from putting a record on one of two servers until it is on the other's stream, while
//! both are written to.

use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use chive_shared::server::ServerId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::load::{Changes, Connection, Writers, cursor, records_of, submission};
use super::pinned::pinned;
use crate::bench::figures::{Figures, Samples, Summary};
use crate::bench::setup::Bench;
use crate::postgres::Postgres;

/// The number of measurements.
const PROBES: usize = 300;
/// Clients that write to each server meanwhile, as fast as they are answered.
const CROWD: u64 = 8;
/// People for whom each of these clients writes.
const PEOPLE: u64 = 1_000;
/// The limit of the 99th percentile, in milliseconds.
const SEEN: f64 = 500.0;

pub(in crate::bench) async fn run(bench: &Bench) -> Result<Figures> {
    let database = tokio::task::spawn_blocking(|| -> Result<_> {
        let cluster = Postgres::start()?;
        let url = cluster.database()?;
        Ok((cluster, url))
    });
    let (_cluster, url) = database.await??;
    let settings = format!("[database]\nurl = \"{url}\"");
    let (first, second) = (bench.home().join("first"), bench.home().join("second"));
    let mut one = pinned(&first, &settings).await?;
    std::fs::create_dir_all(second.join("data"))?;
    // Replicas behind one address share a key.
    std::fs::copy(first.join("data/onion.key"), second.join("data/onion.key"))?;
    let mut other = pinned(&second, &settings).await?;
    ensure!(one.address() == other.address(), "they have two addresses");

    let server: ServerId = one.address().parse()?;
    let (stop, mut crowd) = (CancellationToken::new(), JoinSet::new());
    for number in 1..=2 * CROWD {
        let to = if number % 2 == 0 { one.tcp()? } else { other.tcp()? };
        crowd.spawn(write(
            to,
            Writers::new(server, number * PEOPLE..(number + 1) * PEOPLE),
            stop.clone(),
        ));
    }
    let seen =
        probe(one.tcp()?, other.tcp()?, Writers::new(server, 0..1), bench.pairs(PROBES)).await?;
    stop.cancel();
    let mut written = 0;
    while let Some(wrote) = crowd.join_next().await {
        written += wrote??;
    }
    one.stop().await?;
    other.stop().await?;
    let summary = Summary::new("replicas", seen.percentile(99), SEEN, "ms");
    Ok(Figures::new(summary)
        .row("put on one → seen on the other's stream", "ms", seen)
        .note(format!(
            "{written} records were written to both meanwhile, by {} at a \
                      time",
            2 * CROWD
        ))
        .note(
            "both servers on one core, PostgreSQL and what asks them on the other; the JSON has \
              the 99th percentile",
        ))
}

/// Puts one record after the other on the first server, and measures when the second has it.
async fn probe(
    to: SocketAddr,
    from: SocketAddr,
    mut writer: Writers,
    times: usize,
) -> Result<Samples> {
    let mut connection = Connection::open(to).await?;
    let mut stream = Changes::follow(from, cursor(from).await?).await?;
    let mut seen = Samples::new();
    for _ in 0..times {
        let record = writer.next().next().context("there is no writer")?;
        let began = Instant::now();
        connection.put(submission(&[record])).await?;
        while !records_of(&stream.next().await?.1)?.contains(&record) {}
        seen.push_ms(began.elapsed());
    }
    Ok(seen)
}

/// Writes until it is stopped; gives the number of records.
async fn write(to: SocketAddr, mut writers: Writers, stop: CancellationToken) -> Result<usize> {
    let (mut connection, mut written) = (Connection::open(to).await?, 0);
    loop {
        for record in writers.next() {
            if stop.is_cancelled() {
                return Ok(written);
            }
            connection.put(submission(&[record])).await?;
            written += 1;
        }
    }
}
