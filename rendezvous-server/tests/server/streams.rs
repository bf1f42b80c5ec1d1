//! Streams of changes: what they bring, how they continue, and how they end.

use chive_shared::board::{self, Head};
use chive_shared::record::Record;
use data_encoding::BASE64;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::client::{Client, within};
use crate::on_both::on_both;
use crate::world::{Person, World};

on_both!(
    a_stream_brings_what_is_put,
    a_stream_of_a_bucket_brings_that_bucket_alone,
    a_stream_goes_on_where_it_was_cut,
    a_stream_ends_cleanly_when_the_server_stops,
    a_silent_stream_shows_that_it_is_alive,
);

/// An open stream of events, read as they arrive.
pub(crate) struct Stream {
    _client: Client,
    body: Incoming,
    text: String,
}

impl Stream {
    pub(crate) async fn open(world: &World, query: &str) -> Self {
        let mut client = world.client().await;
        let response = client.open("GET", &format!("/v1/stream?{query}"), &[], "").await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"text/event-stream".parse().unwrap())
        );
        Self { _client: client, body: response.into_body(), text: String::new() }
    }

    pub(crate) async fn from_now(world: &World) -> Self {
        let cursor = world.board().await.0.cursor;
        Self::open(world, &format!("after={cursor}")).await
    }

    /// The next event or comment; `None` at the end.
    async fn next_block(&mut self) -> Option<String> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(block);
            }
            let frame = self.body.frame().await?.expect("the stream ends cleanly");
            self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    /// The next changes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<(Head, Vec<Record>)> {
        loop {
            let block = within(self.next_block()).await?;
            if block.starts_with(':') {
                continue;
            }
            let lines: Vec<&str> = block.lines().collect();
            assert_eq!(lines[1], "event: changes");
            let bytes = BASE64.decode(lines[2].strip_prefix("data: ").unwrap().as_bytes()).unwrap();
            let (head, records) = board::parse(&bytes, 100_000).unwrap();
            assert_eq!(lines[0], format!("id: {}", head.cursor));
            return Some((head, records));
        }
    }

    /// Reads until a record has arrived.
    pub(crate) async fn brings(&mut self, record: &Record) -> Head {
        loop {
            let (head, records) = self.next().await.expect("the record before the end");
            if records.contains(record) {
                return head;
            }
        }
    }
}

async fn a_stream_brings_what_is_put(world: World) {
    let mut stream = Stream::from_now(&world).await;
    for number in 0..5 {
        let record = Person::new(number).record(world.id(), world.now());
        world.put(&record).await.ok();
        assert_eq!(stream.brings(&record).await.cursor.change, number + 1);
    }
}

async fn a_stream_of_a_bucket_brings_that_bucket_alone(world: World) {
    let cursor = world.board().await.0.cursor;
    let mut stream = Stream::open(&world, &format!("after={cursor}&bits=1&bucket=1")).await;
    let records: Vec<Record> =
        (0..20).map(|number| Person::new(number).record(world.id(), world.now())).collect();
    for record in &records {
        world.put(record).await.ok();
    }

    let mut expected: Vec<&Record> =
        records.iter().filter(|record| record.address().bucket(1) == 1).collect();
    while !expected.is_empty() {
        let (_, came) = stream.next().await.unwrap();
        for record in came {
            assert_eq!(record, *expected.remove(0));
        }
    }
}

async fn a_stream_goes_on_where_it_was_cut(mut world: World) {
    let mut stream = Stream::from_now(&world).await;
    let [first, second, third] =
        [1, 2, 3].map(|number| Person::new(number).record(world.id(), world.now()));
    world.put(&first).await.ok();
    let cursor = stream.brings(&first).await.cursor;
    drop(stream);
    world.put(&second).await.ok();
    world.restart().await;
    world.put(&third).await.ok();
    let mut stream = Stream::open(&world, &format!("after={cursor}")).await;
    assert!(stream.next().await.unwrap().1.contains(&second));
}

async fn a_stream_ends_cleanly_when_the_server_stops(mut world: World) {
    let mut stream = Stream::from_now(&world).await;
    let record = Person::new(1).record(world.id(), world.now());
    world.put(&record).await.ok();
    stream.brings(&record).await;
    within(world.stop()).await;
    assert!(stream.next().await.is_none());
}

async fn a_silent_stream_shows_that_it_is_alive(mut world: World) {
    world.config.limits.heartbeat_seconds = 1;
    world.restart().await;
    let mut stream = Stream::from_now(&world).await;
    let blocks =
        [within(stream.next_block()).await.unwrap(), within(stream.next_block()).await.unwrap()];
    assert_eq!(blocks, [": connected", ": alive"]);
}
