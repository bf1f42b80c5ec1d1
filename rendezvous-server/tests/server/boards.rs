//! The board: whole, in buckets, and its changes since a cursor.

use chive_shared::api::Code;
use chive_shared::board::{self, Bucket};
use chive_shared::record::Record;

use crate::on_both::on_both;
use crate::world::{Person, World, hides_internals};

on_both!(
    an_unchanged_board_is_not_sent_again,
    changes_since_a_cursor_are_complete_and_exact,
    a_foreign_or_old_cursor_is_refused,
    a_large_board_is_read_in_buckets,
    a_malformed_query_is_refused,
);

async fn an_unchanged_board_is_not_sent_again(world: World) {
    let mut client = world.client().await;
    let tag = client.get("/v1/board").await.ok().header("etag").to_owned();
    assert_eq!(client.ask("GET", "/v1/board", &[("if-none-match", &tag)], "").await.status, 304);
    world.put(&Person::new(1).record(world.id(), world.now())).await.ok();
    let answer = client.ask("GET", "/v1/board", &[("if-none-match", &tag)], "").await;
    assert_eq!(board::parse(&answer.ok().body, 9).unwrap().1.len(), 1);
}

async fn changes_since_a_cursor_are_complete_and_exact(world: World) {
    let (alice, bob) = (Person::new(1), Person::new(2));
    world.put(&alice.record_of(world.id(), world.now(), 1)).await.ok();
    let cursor = world.board().await.0.cursor;
    let since = |cursor: board::Cursor| {
        let world = &world;
        async move {
            let answer =
                world.client().await.get(&format!("/v1/changes?after={cursor}")).await.ok();
            board::parse(&answer.body, 99).unwrap()
        }
    };

    assert_eq!(since(cursor).await.1, []);
    let newest = [alice.record_of(world.id(), world.now(), 3), bob.record(world.id(), world.now())];
    world.put(&alice.record_of(world.id(), world.now(), 2)).await.ok();
    for record in &newest {
        world.put(record).await.ok();
    }

    let (head, records) = since(cursor).await;
    assert_eq!(records, newest, "only the newest of each address");
    assert_eq!(since(head.cursor).await.1, []);
}

async fn a_foreign_or_old_cursor_is_refused(mut world: World) {
    world.config.limits.changes = 3;
    world.restart().await;
    let mut cursor = world.board().await.0.cursor;
    for number in 0..5 {
        world.put(&Person::new(number).record(world.id(), world.now())).await.ok();
    }

    let mut client = world.client().await;
    for path in ["changes", "stream"] {
        hides_internals(
            &client.get(&format!("/v1/{path}?after={cursor}")).await.is(Code::CursorExpired),
        );
    }

    cursor.change += 5;
    client.get(&format!("/v1/changes?after={cursor}")).await.ok();
    cursor.change += 1;
    client.get(&format!("/v1/changes?after={cursor}")).await.is(Code::CursorExpired);
    cursor.change -= 1;
    cursor.generation ^= 1;
    client.get(&format!("/v1/changes?after={cursor}")).await.is(Code::CursorExpired);
}

async fn a_large_board_is_read_in_buckets(mut world: World) {
    (world.config.limits.bucket_records, world.config.limits.board_records) = (4, 20);
    world.restart().await;
    let mut all: Vec<Record> =
        (0..40).map(|number| Person::new(number).record(world.id(), world.now())).collect();
    for record in &all {
        world.put(record).await.ok();
    }

    let bits = world.info().await.bucket_bits;
    assert_eq!(bits, 4, "40 records, 4 in a bucket on average");
    let mut client = world.client().await;

    assert_eq!(client.get("/v1/board").await.is(Code::BucketTooLarge).bucket_bits, Some(bits));
    let mut read = Vec::new();
    for number in 0..1 << bits {
        let answer = client.get(&format!("/v1/board?bits={bits}&bucket={number}")).await.ok();
        let (head, records) = board::parse(&answer.body, 40).unwrap();
        let bucket = Bucket::new(bits, number).unwrap();
        assert!(head.bucket == bucket && records.iter().all(|record| bucket.contains(record)));
        read.extend(records);
    }

    read.sort_by_key(Record::address);
    all.sort_by_key(Record::address);
    assert_eq!(read, all);
}

async fn a_malformed_query_is_refused(world: World) {
    let mut client = world.client().await;
    let paths = [
        "/v1/board?bits=9",
        "/v1/board?bits=1&bucket=2",
        "/v1/board?bits=-1",
        "/v1/board?x=1",
        "/v1/changes",
        "/v1/changes?after=",
        "/v1/changes?after=1",
        "/v1/stream?after=0000000000000000-99999999999999999999999",
        "/v1/records/00",
        "/v1/records/zz",
        &format!("/v1/records/{}", "A".repeat(64)),
        &format!("/v1/records/{}", "é".repeat(32)),
    ];
    for path in paths {
        let path = path.replace('é', "%C3%A9");
        hides_internals(&client.get(&path).await.is(Code::MalformedRequest));
    }

    hides_internals(&client.get("/v2/board").await.is(Code::NotFound));
    hides_internals(&client.ask("DELETE", "/v1/board", &[], "").await.is(Code::MethodNotAllowed));
}
