//! `board`: how fast clients read a board of 100,000 records, and how fast others follow its
//! changes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use chive_shared::board::Cursor;
use chive_shared::limits::RECORD;
use chive_shared::record::Record;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::load::{Changes, Connection, Writers, cursor, length, records_of, submission};
use super::pinned::pinned;
use crate::bench::figures::{Figures, Samples, Summary};
use crate::bench::setup::Bench;
use crate::server::RendezvousServer;

const RECORDS: u64 = 100_000;
/// Records of one request while the board is filled.
const BATCH: usize = 1_000;
/// Clients that read the whole board at the same time, and for how long.
const READERS: usize = 4;
const READING: Duration = Duration::from_secs(20);
/// Clients that follow it.
const STREAMS: usize = 1_000;
/// Changes while they follow, and the time between two changes.
const CHANGES: usize = 1_000;
const EVERY: Duration = Duration::from_millis(10);
/// The limits: a board in ms, a change until all have it in ms, memory in MB.
const BOARD: f64 = 50.0;
const CHANGE: f64 = 1_000.0;
const MEMORY: f64 = 256.0;

pub(in crate::bench) async fn run(bench: &Bench) -> Result<Figures> {
    let mut server =
        pinned(&bench.home().join("server"), "[limits]\nstreams = 2000\nconnections = 4096")
            .await?;
    let to = server.tcp()?;
    let mut writers = Writers::new(server.address().parse()?, 0..RECORDS);
    let mut connection = Connection::open(to).await?;
    let records: Vec<Record> = writers.next().collect();
    for batch in records.chunks(BATCH) {
        connection.put(submission(batch)).await?;
    }

    let filled = resident(&server, "VmRSS:")?;
    let boards = boards(to).await?;
    let changes: Vec<Record> = writers.next().take(CHANGES).collect();
    let delays = followed(to, cursor(to).await?, changes).await?;
    let (with_streams, highest) = (resident(&server, "VmRSS:")?, resident(&server, "VmHWM:")?);
    server.stop().await?;
    let board = 1_000.0 / boards;
    let slowest = delays.percentile(100);
    let figures =
        [("board", board, BOARD), ("change", slowest, CHANGE), ("memory", highest, MEMORY)];
    let one = |value| Samples::from_iter([value]);

    Ok(Figures::new(Summary::of_several("board", &figures, "ms, MB"))
        .row(format!("whole boards to {READERS} readers"), "1/s", one(boards))
        .row(format!("a change until one of {STREAMS} streams has it"), "ms", delays)
        .row("the slowest of these", "ms", one(slowest))
        .row("resident, with the board alone", "MB", one(filled))
        .row("resident, with all streams", "MB", one(with_streams))
        .row("resident, at most", "MB", one(highest))
        .note(format!(
            "{RECORDS} records; {CHANGES} changes, one every {EVERY:?}; the figures are \
                      what each takes"
        ))
        .note("the server has one core, what asks it has the other one"))
}

/// Whole boards per second.
async fn boards(to: SocketAddr) -> Result<f64> {
    let (began, mut reading) = (Instant::now(), JoinSet::new());
    for _ in 0..READERS {
        reading.spawn(async move {
            let (mut connection, mut boards) = (Connection::open(to).await?, 0_u32);
            while began.elapsed() < READING {
                let bytes = length(connection.get("/v1/board").await?).await?;
                ensure!(bytes >= RECORD * usize::try_from(RECORDS)?, "a board of {bytes} bytes");
                boards += 1;
            }
            Ok(boards)
        });
    }

    let mut boards = 0;
    while let Some(read) = reading.join_next().await {
        boards += read??;
    }

    Ok(f64::from(boards) / began.elapsed().as_secs_f64())
}

/// The time from each change until each stream has it.
async fn followed(to: SocketAddr, cursor: Cursor, changes: Vec<Record>) -> Result<Samples> {
    let (announced, announcements) = watch::channel(vec![]);
    let mut following = JoinSet::new();
    for number in 0..STREAMS {
        let stream = Changes::follow(to, cursor).await?;
        following.spawn(follow(
            stream,
            cursor.change,
            announcements.clone(),
            (number == 0).then(|| changes.clone()),
        ));
    }

    let mut connection = Connection::open(to).await?;
    let mut turn = interval(EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for change in &changes {
        turn.tick().await;
        announced.send_modify(|times: &mut Vec<Instant>| times.push(Instant::now()));
        connection.put(submission(&[*change])).await?;
    }

    let mut delays = Samples::new();
    while let Some(followed) = following.join_next().await {
        followed??.into_iter().for_each(|delay| delays.push_ms(delay));
    }

    Ok(delays)
}

/// Follows until all changes have arrived, and compares them to the expected ones, if given.
async fn follow(
    mut stream: Changes,
    first: u64,
    announced: watch::Receiver<Vec<Instant>>,
    expected: Option<Vec<Record>>,
) -> Result<Vec<Duration>> {
    let (mut delays, mut seen) = (Vec::with_capacity(CHANGES), vec![]);
    while delays.len() < CHANGES {
        let (change, event) = stream.next().await?;
        let up_to = usize::try_from(change - first)?;
        let announced = announced.borrow();
        ensure!(up_to <= announced.len(), "a change that was not made");
        delays.extend(announced[delays.len()..up_to].iter().map(Instant::elapsed));
        drop(announced);
        if expected.is_some() {
            seen.extend(records_of(&event)?);
        }
    }
    ensure!(expected.is_none_or(|expected| expected == seen), "it brought other records");
    Ok(delays)
}

/// A field of a process's status, in MB.
fn resident(server: &RendezvousServer, field: &str) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.process_id()?))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field")?;
    let kib: f64 = line.split_whitespace().next().context("no number")?.parse()?;
    Ok(kib * 1_024.0 / 1_000_000.0)
}
