//! Hostile clients: too large, too slow, too many, malformed. None of them may harm another.

use std::time::{Duration, Instant};

use chive_shared::api::Code;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::within;
use crate::streams::Stream;
use crate::world::{Person, World, hides_internals, path};

async fn raw(world: &World, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(world.running().tcp().unwrap()).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    stream
}

async fn answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    let _ = within(stream.read_to_end(&mut text)).await;
    String::from_utf8_lossy(&text).into_owned()
}

/// A server with short timeouts.
async fn impatient() -> World {
    World::with(None, |config| {
        config.limits.head_seconds = 5;
        config.limits.request_seconds = 5;
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_oversized_body_is_refused_and_not_read() {
    let world = World::sqlite().await;
    let too_long = vec![0; 1_001 * 225];
    let answer = world.client().await.ask("POST", "/v1/records", &[], too_long).await;
    hides_internals(&answer.is(Code::TooLarge));
    let head = "POST /v1/records HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000000\r\n\r\n";
    let mut stream = raw(&world, head).await;
    let mut first = [0; 64];
    let length = within(stream.read(&mut first)).await.unwrap();
    assert!(String::from_utf8_lossy(&first[..length]).starts_with("HTTP/1.1 413"));
}

/// Of any length, even or odd, and of any letters: such a path once made its handler panic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_that_are_not_64_hex_digits_are_refused() {
    let world = World::sqlite().await;
    let mut client = world.client().await;
    let lengths = (1..=70).filter(|length| *length != 64);
    let hex = lengths.clone().map(|length| "0".repeat(length));
    let other = [1, 2, 63, 64, 65]
        .into_iter()
        .flat_map(|length| ["g", "A", "%00", "%C3%A9"].map(|c| c.repeat(length)));
    for segment in hex.chain(other) {
        for (method, path) in
            [("GET", "handles"), ("PUT", "handles"), ("DELETE", "handles"), ("PUT", "records")]
        {
            let answer = client.ask(method, &format!("/v1/{path}/{segment}"), &[], "").await;
            assert!(
                answer.status.is_client_error(),
                "{method} {path}/{segment}: {}",
                answer.status
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_truncated_or_slow_body_ends_in_time() {
    let world = impatient().await;
    let path = path(&Person::new(1).record(world.id(), world.now()));
    let head = format!("PUT {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 225\r\n\r\n");
    let mut slow = raw(&world, &(head.clone() + "abc")).await;
    let began = Instant::now();
    assert!(answer(&mut slow).await.starts_with("HTTP/1.1 504"));
    assert!(began.elapsed() < Duration::from_secs(30));
    let mut cut = raw(&world, &(head + "abc")).await;
    cut.shutdown().await.unwrap();
    let _ = answer(&mut cut).await;
    assert_eq!(world.board().await.1, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_or_endless_head_ends_in_time() {
    let world = impatient().await;
    let mut slow = raw(&world, "GET / HTT").await;
    let began = Instant::now();
    let _ = answer(&mut slow).await;
    assert!(began.elapsed() < Duration::from_secs(30));
    let many = "x-many: y\r\n".repeat(1_000);
    let mut endless = raw(&world, &format!("GET /v1/info HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(answer(&mut endless).await.starts_with("HTTP/1.1 431"));
    let mut garbage = raw(&world, "\0\x16\x03\x01 what is this\r\n\r\n").await;
    assert!(answer(&mut garbage).await.starts_with("HTTP/1.1 400"));
    assert_eq!(world.info().await.records, 0);
}

/// Each takes two sockets, so the limit of open files decides how many there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_connections_keep_no_one_out() {
    let (_, hard) = raise_file_limit();
    let crowd = usize::try_from(hard.unwrap_or(u64::MAX) / 2)
        .unwrap_or(usize::MAX)
        .saturating_sub(500)
        .min(10_000);
    let world = World::with(None, |config| {
        config.limits.connections = 1_000;
        config.limits.streams = 100;
    })
    .await;
    let mut stream = Stream::from_now(&world).await;
    let mut idle = Vec::new();
    for _ in 0..crowd {
        idle.push(TcpStream::connect(world.running().tcp().unwrap()).await.unwrap());
    }

    let record = Person::new(1).record(world.id(), world.now());
    world.put(&record).await.ok();
    stream.brings(&record).await;
    assert_eq!(idle.len(), crowd);
    let text = String::from_utf8(world.admin().await.get("/metrics").await.body.to_vec()).unwrap();
    let open = text
        .lines()
        .find_map(|line| line.strip_prefix("chive_rendezvous_connections_open "))
        .unwrap();
    assert!(open.parse::<u32>().unwrap() <= 1_001, "{open}");
}

fn raise_file_limit() -> (Option<u64>, Option<u64>) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    (current, maximum)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unread_stream_is_closed_and_delays_no_other() {
    let world = World::with(None, |config| config.limits.write_seconds = 1).await;
    let cursor = world.board().await.0.cursor;
    let head = format!("GET /v1/stream?after={cursor} HTTP/1.1\r\nhost: x\r\n\r\n");
    let lazy = raw(&world, &head).await;
    let mut eager = Stream::open(&world, &format!("after={cursor}")).await;

    // More than the kernel buffers for a client that does not read.
    for turn in 0..60 {
        let records: Vec<_> = (0..1_000)
            .map(|number| Person::new(number).record_of(world.id(), world.now(), turn))
            .collect();
        let body: Vec<u8> = records.iter().flat_map(|record| world.submission(record, 0)).collect();
        world.client().await.ask("POST", "/v1/records", &[], body).await.ok();
        eager.brings(records.last().unwrap()).await;
    }

    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let text =
            String::from_utf8(world.admin().await.get("/metrics").await.body.to_vec()).unwrap();
        if text.contains("chive_rendezvous_streams_open 1\n") {
            break;
        }
        assert!(Instant::now() < deadline, "{text}");
    }

    drop(lazy);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_streams_than_allowed_are_refused() {
    let world = World::with(None, |config| config.limits.streams = 2).await;
    let cursor = world.board().await.0.cursor;
    let _streams = [Stream::from_now(&world).await, Stream::from_now(&world).await];
    world.client().await.get(&format!("/v1/stream?after={cursor}")).await.is(Code::Busy);
    world.client().await.get("/v1/board").await.ok();
}
