//! Several servers on one `PostgreSQL`: they agree, and the loss of one loses nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chive_shared::api::Code;
use chive_shared::record::Record;
use chive_tests::postgres::Postgres;

use crate::streams::Stream;
use crate::world::{Person, World, database, path};

/// The longest time from a put on one replica to the other's stream.
const SEEN: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_put_reaches_the_other_replica_within_a_second() {
    let one = World::postgres().await;
    let other = one.replica().await;
    let mut stream = Stream::from_now(&other).await;
    let mut times = Vec::new();
    for number in 0..20 {
        let record = Person::new(number).record(one.id(), one.now());
        one.put(&record).await.ok();
        let put = Instant::now();
        stream.brings(&record).await;
        times.push(put.elapsed());
    }

    // A busy machine may be late with one or two.
    times.sort_unstable();
    assert!(times[17] < SEEN, "{times:?}");
    assert_eq!(other.board().await.1.len(), 20);
    assert_eq!(one.board().await.0.cursor, other.board().await.0.cursor, "one cursor for both");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_highest_number_counts_on_both_replicas() {
    let one = World::postgres().await;
    let other = one.replica().await;
    let alice = Person::new(1);
    let [first, second, third] =
        [1, 2, 3].map(|number| alice.record_of(one.id(), one.now(), number));
    one.put(&second).await.ok();

    // The other may not know of it yet, but the database does.
    let problem = other.put(&first).await.is(Code::SequenceNotNewer);
    assert_eq!(problem.sequence, Some(second.sequence().0));
    other.put(&alice.record_of(one.id(), one.now(), 2)).await.is(Code::SequenceTaken);
    other.put(&second).await.ok();
    let mut stream = Stream::from_now(&one).await;
    other.put(&third).await.ok();

    // Until it knows of the third, it has the second, which may be put again.
    stream.brings(&third).await;
    one.put(&second).await.is(Code::SequenceNotNewer);
    for world in [&one, &other] {
        assert_eq!(world.board().await.1, [third]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_start_at_once_make_one_database() {
    let url = database().await;
    let starting: Vec<_> =
        (0..4).map(|_| tokio::spawn(World::with(Some(url.clone()), |_| {}))).collect();
    let mut generations = Vec::new();
    for world in starting {
        generations.push(world.await.unwrap().board().await.0.cursor.generation);
    }
    assert!(generations.iter().all(|generation| *generation == generations[0]), "{generations:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_stopped_under_load_loses_no_accepted_record() {
    let one = Arc::new(World::postgres().await);
    let mut other = one.replica().await;
    let to_other = other.running().tcp().unwrap();
    let writers: Vec<_> = (0..8u64)
        .map(|writer| {
            let (id, now) = (one.id(), one.now());
            tokio::spawn(async move { write_until_refused(to_other, writer, id, now).await })
        })
        .collect();
    let mut stream = Stream::from_now(&one).await;
    for _ in 0..10 {
        stream.next().await.unwrap();
    }

    other.stop().await;
    let mut accepted = Vec::new();
    for writer in writers {
        accepted.extend(writer.await.unwrap());
    }

    assert!(!accepted.is_empty());
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, records) = one.board().await;
        if accepted.iter().all(|record| records.contains(record)) {
            break;
        }
        assert!(Instant::now() < deadline, "accepted by one, but not on the other's board");
    }

    one.put(&Person::new(99).record(one.id(), one.now())).await.ok();
}

/// Puts one record of each of many people until the server is gone; gives the accepted ones.
async fn write_until_refused(
    to: std::net::SocketAddr,
    writer: u64,
    id: chive_shared::server::ServerId,
    now: i64,
) -> Vec<Record> {
    let mut accepted = Vec::new();
    let Ok(stream) = tokio::net::TcpStream::connect(to).await else { return accepted };
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(hyper_util::rt::TokioIo::new(stream)).await.unwrap();

    tokio::spawn(connection);
    for turn in 0..2_000 {
        let record = Person::new(1_000 * (writer + 1) + turn).record(id, now);
        let body = [&record.as_bytes()[..], &[0; 8]].concat();
        let request = hyper::Request::put(path(&record)).header("host", "server");
        let request = request.body(http_body_util::Full::new(bytes::Bytes::from(body))).unwrap();
        if sender.ready().await.is_err() {
            break;
        }
        match sender.send_request(request).await {
            Ok(answer) if answer.status().is_success() => accepted.push(record),
            _ => break,
        }
    }

    accepted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_outage_loses_nothing_and_readers_go_on() {
    let cluster =
        tokio::task::spawn_blocking(|| Arc::new(Postgres::start().unwrap())).await.unwrap();
    let url = cluster.database().unwrap();
    let world = World::with(Some(url), |config| config.limits.storage_seconds = 2).await;
    let before = Person::new(1).record(world.id(), world.now());

    world.put(&before).await.ok();
    let stopped = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || stopped.stop().unwrap()).await.unwrap();
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(10) {
        let answer = world.put(&Person::new(2).record(world.id(), world.now())).await;
        crate::world::hides_internals(&answer.is(Code::StorageUnavailable));
        assert_eq!(world.board().await.1, [before]);
        assert_eq!(world.admin().await.get("/readyz").await.status, 503);
    }

    let back = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || back.resume().unwrap()).await.unwrap();
    let after = Person::new(3).record(world.id(), world.now());
    let deadline = Instant::now() + Duration::from_secs(20);
    while !world.put(&after).await.status.is_success() {
        assert!(Instant::now() < deadline, "the server does not recover");
    }

    let (_, records) = world.board().await;
    assert!(records.contains(&before) && records.contains(&after));
    assert_eq!(world.admin().await.get("/readyz").await.status, 200);

    // Listening to other replicas works again, too.
    let other = world.replica().await;
    let mut stream = Stream::from_now(&world).await;
    let record = Person::new(4).record(world.id(), world.now());
    other.put(&record).await.ok();
    stream.brings(&record).await;
}
