//! How many records a second a server makes last, beside how many signatures a core verifies.
//!
//! `cargo run --release -p chive-rendezvous --example speed -- [SECONDS] [PER_REQUEST] [CONNECTIONS]`, pinned to one core with
//! `taskset -c 0`: server and generator share it then, so what it prints is less than a server alone would reach. The records
//! are made before the time begins.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use chive_rendezvous::clock::Clock;
use chive_rendezvous::config::Config;
use chive_rendezvous::run::Running;
use chive_shared::blinding::{PresenceSecret, Signer};
use chive_shared::epoch::Epoch;
use chive_shared::limits::MAX_RECORD_LIFE;
use chive_shared::record::{Draft, Record};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{State, Status};
use ed25519_dalek::SigningKey;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;

const NOW: i64 = 1_764_001_800_000;

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|number| number.parse().ok()).collect();
    let seconds = numbers.first().copied().unwrap_or(5);
    let per_request = numbers.get(1).copied().unwrap_or(1);
    let connections = numbers.get(2).copied().unwrap_or(64);
    tokio::runtime::Runtime::new()?.block_on(measure(seconds, per_request, connections))
}

#[allow(clippy::print_stdout, clippy::cast_precision_loss)]
async fn measure(seconds: usize, per_request: usize, connections: usize) -> Result<()> {
    let dir = std::env::temp_dir().join(format!("chive-speed-{}", std::process::id()));
    let mut config = Config { data_dir: dir.clone(), ..Config::default() };
    config.onion.enabled = false;
    config.listen.tcp = Some("127.0.0.1:0".parse()?);
    (config.work.record, config.work.record_full) = (0, 0);
    let running = Running::start(&config, Clock::new(|| NOW)).await?;
    let to = running.tcp().unwrap_or_else(|| ([127, 0, 0, 1], 0).into());
    let records = records(running.id(), 20_000 * seconds);
    let raw = verified(&records, running.id());
    let batches: Vec<Bytes> = records.chunks(per_request).map(submissions).collect();
    let (batches, next) = (Arc::new(batches), Arc::new(AtomicUsize::new(0)));
    let (began, end) = (Instant::now(), Duration::from_secs(seconds as u64));
    let writers: Vec<_> = (0..connections)
        .map(|_| tokio::spawn(write(to, Arc::clone(&batches), Arc::clone(&next), began + end)))
        .collect();
    let mut stored = 0;
    for writer in writers {
        stored += writer.await??;
    }
    let rate = stored as f64 / began.elapsed().as_secs_f64();
    println!("verify_strict {raw:.0}/s · stored {rate:.0}/s, {per_request} a request · ratio {:.2}", rate / raw);
    running.stop().await;
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

fn records(server: ServerId, count: usize) -> Vec<Record> {
    let secret = PresenceSecret([2; 32]);
    let status = Status { state: State::Online, since: NOW, hint: None };
    let signers: Vec<Signer> = (0..1_000u64)
        .map(|number| {
            let mut seed = [0; 32];
            seed[..8].copy_from_slice(&number.to_be_bytes());
            Signer::new(&SigningKey::from_bytes(&seed), &secret, Epoch::at(NOW), &server)
        })
        .collect();
    let make = |number: usize| {
        let sequence = Sequence(Sequence::next(NOW, None).0 + (number / signers.len()) as u64);
        let draft = Draft { epoch: Epoch::at(NOW), sequence, expires: NOW + MAX_RECORD_LIFE, status };
        Record::make(&signers[number % signers.len()], &secret, &server, draft, [7; 24])
    };
    (0..count).map(make).collect()
}

#[allow(clippy::cast_precision_loss)]
fn verified(records: &[Record], server: ServerId) -> f64 {
    let (began, count) = (Instant::now(), records.len().min(20_000));
    let good = records[..count].iter().filter(|record| record.verify(&server).is_ok()).count();
    good as f64 / began.elapsed().as_secs_f64()
}

fn submissions(records: &[Record]) -> Bytes {
    records.iter().flat_map(|record| record.as_bytes().iter().chain(&[0; 8])).copied().collect::<Vec<u8>>().into()
}

async fn write(to: SocketAddr, batches: Arc<Vec<Bytes>>, next: Arc<AtomicUsize>, until: Instant) -> Result<usize> {
    let stream = tokio::net::TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut stored = 0;
    while Instant::now() < until
        && let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed))
    {
        let one = batch.len() == 225;
        let path = if one {
            format!("/v1/records/{}", data_encoding::HEXLOWER.encode(&batch[1..33]))
        } else {
            "/v1/records".into()
        };
        let request = Request::builder().method(if one { "PUT" } else { "POST" }).uri(path).header("host", "server");
        sender.ready().await?;
        let answer = sender.send_request(request.body(Full::new(batch.clone()))?).await?;
        let good = answer.status().is_success();
        answer.into_body().collect().await?;
        stored += if good { batch.len() / 225 } else { 0 };
    }
    Ok(stored)
}
