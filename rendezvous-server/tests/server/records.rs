//! Presence records: put, found, refused, and expired in time.

use chive_shared::api::{BatchAnswer, Code};
use chive_shared::epoch::Epoch;
use chive_shared::limits::{DAY, EPOCH, MAX_RECORD_LIFE, MINUTE, RECORD, SECOND, SKEW};
use chive_shared::record::Record;
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::State;

use crate::on_both::on_both;
use crate::world::{Person, World, hides_internals, path};

on_both!(
    only_a_contact_reads_who_put_a_record,
    the_same_record_may_be_put_again,
    an_older_record_and_another_with_the_same_number_are_refused,
    no_sequence_number_locks_its_owner_out,
    records_of_the_past_and_of_the_future_are_refused,
    forged_records_are_refused,
    each_record_of_a_batch_is_judged_alone,
    a_record_expires_and_no_older_one_comes_back,
    a_far_expiry_is_capped,
    accepted_records_survive_a_restart,
    a_full_board_takes_no_more_addresses_and_still_renews,
    many_writers_at_once_are_all_answered,
);

async fn only_a_contact_reads_who_put_a_record(world: World) {
    let (alice, bob) = (Person::new(1), Person::new(2));
    let record = alice.record(world.id(), world.now());
    assert_eq!(world.put(&record).await.ok().status, 204);
    let found = world.client().await.get(&path(&record)).await.ok();
    assert_eq!(found.body, record.as_bytes()[..]);
    let (_, records) = world.board().await;
    assert_eq!(records, [record]);
    let seen = alice.reader(world.id(), world.now()).read(&records[0], world.now()).unwrap();
    assert_eq!(seen.state, State::Online);
    assert!(bob.reader(world.id(), world.now()).read(&records[0], world.now()).is_err());
    world.client().await.get(&path(&bob.record(world.id(), world.now()))).await.is(Code::Unknown);
    assert_eq!(world.info().await.records, 1);
}

async fn the_same_record_may_be_put_again(mut world: World) {
    let record = Person::new(1).record(world.id(), world.now());
    world.put(&record).await.ok();
    world.put(&record).await.ok();
    world.restart().await;
    world.put(&record).await.ok();
    assert_eq!(world.board().await.1.len(), 1);
}

async fn an_older_record_and_another_with_the_same_number_are_refused(world: World) {
    let alice = Person::new(1);
    let [first, second] = [1, 2].map(|number| alice.record_of(world.id(), world.now(), number));
    world.put(&second).await.ok();
    let problem = world.put(&first).await.is(Code::SequenceNotNewer);
    assert_eq!(problem.sequence, Some(second.sequence().0));
    let other = alice.record_of(world.id(), world.now(), 2);
    let problem = world.put(&other).await.is(Code::SequenceTaken);
    assert_eq!(problem.sequence, Some(second.sequence().0));
    assert_eq!(world.board().await.1, [second]);
}

async fn no_sequence_number_locks_its_owner_out(world: World) {
    let alice = Person::new(1);
    let with = |sequence| {
        alice.record_with(world.id(), world.now(), |draft| draft.sequence = Sequence(sequence))
    };
    for number in
        [u64::MAX, u64::MAX - 1, 1 << 63, Sequence::next(world.now() + SKEW + MINUTE, None).0]
    {
        world.put(&with(number)).await.is(Code::SequenceInFuture);
    }
    let highest = Sequence::next(world.now() + SKEW + MINUTE, None).0 - 1;
    world.put(&with(highest)).await.ok();
    world.advance(MINUTE);
    world.put(&with(highest + 1)).await.ok();
}

async fn records_of_the_past_and_of_the_future_are_refused(world: World) {
    let (alice, id, now) = (Person::new(1), world.id(), world.now());
    let of_epoch = |epoch: u32| alice.record_with(id, now, |draft| draft.epoch = Epoch(epoch));
    let Epoch(current) = Epoch::at(now);

    // Half an hour from either end.
    for epoch in [0, current - 2, current - 1, current + 1, u32::MAX] {
        hides_internals(&world.put(&of_epoch(epoch)).await.is(Code::WrongEpoch));
    }

    world
        .put(&alice.record_with(id, now, |draft| draft.expires = now - MINUTE))
        .await
        .is(Code::Expired);
    world.put(&alice.record_with(id, now, |draft| draft.expires = 0)).await.is(Code::Expired);
    let old = Sequence::next(now - SKEW - 2 * MINUTE, None);

    world.put(&alice.record_with(id, now, |draft| draft.sequence = old)).await.is(Code::Stale);
    world.advance(EPOCH / 2 - SKEW);
    let early = alice.record_with(id, world.now() + SKEW, |_| {});
    assert_eq!(early.epoch(), Epoch(current + 1));
    world.put(&early).await.ok();
    assert!(world.board().await.1.len() == 1);
}

async fn forged_records_are_refused(world: World) {
    let (alice, mallory) = (Person::new(1), Person::new(2));
    let good = alice.record(world.id(), world.now());
    let changed = |at: usize, bit: u8| {
        let mut bytes = *good.as_bytes();
        bytes[at] ^= bit;
        Record::from_bytes(&bytes).unwrap()
    };
    for at in [44, 48, 49, 152, 153, 190, 216] {
        world.put(&changed(at, 1)).await.is(Code::InvalidSignature);
    }

    // Another person's address over the attacker's own signature.
    let mut bytes = *mallory.record(world.id(), world.now()).as_bytes();
    bytes[1..33].copy_from_slice(&good.address().0);
    world.put(&Record::from_bytes(&bytes).unwrap()).await.is(Code::InvalidSignature);

    // A record for another server.
    world.put(&alice.record(ServerId([9; 32]), world.now())).await.is(Code::InvalidSignature);

    // Points of low order, and encodings that are not canonical; R = neutral, S = 0.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut not_canonical = [0xff; 32];

    (not_canonical[0], not_canonical[31]) = (0xee, 0x7f);
    for address in [[0; 32], neutral, not_canonical, [0xff; 32]] {
        let mut bytes = *good.as_bytes();
        bytes[1..33].copy_from_slice(&address);
        bytes[153..185].copy_from_slice(&neutral);
        bytes[185..].fill(0);
        world.put(&Record::from_bytes(&bytes).unwrap()).await.is(Code::InvalidKey);
    }

    let mut bytes = *good.as_bytes();
    bytes[153..185].copy_from_slice(&neutral);
    world.put(&Record::from_bytes(&bytes).unwrap()).await.is(Code::InvalidSignature);
    assert_eq!(world.board().await.1.len(), 0);
    let elsewhere = path(&mallory.record(world.id(), world.now()));
    world
        .client()
        .await
        .ask("PUT", &elsewhere, &[], world.submission(&good, 0))
        .await
        .is(Code::WrongPlace);
}

async fn each_record_of_a_batch_is_judged_alone(world: World) {
    let (id, now) = (world.id(), world.now());
    let people: Vec<Person> = (0..5).map(Person::new).collect();
    let mut forged = *people[1].record(id, now).as_bytes();

    forged[100] ^= 1;
    let records = [
        people[0].record_of(id, now, 1),
        Record::from_bytes(&forged).unwrap(),
        people[0].record_of(id, now, 3),
        people[0].record_of(id, now, 2),
        people[2].record_with(id, now, |draft| draft.expires = 0),
        people[3].record(id, now),
    ];
    let body: Vec<u8> = records.iter().flat_map(|record| world.submission(record, 0)).collect();
    let answer: BatchAnswer =
        world.client().await.ask("POST", "/v1/records", &[], body.clone()).await.ok().json();
    let codes: Vec<_> = answer.results.iter().map(|result| result.code).collect();
    let expected = [
        None,
        Some(Code::InvalidSignature),
        None,
        Some(Code::SequenceNotNewer),
        Some(Code::Expired),
        None,
    ];
    assert_eq!(codes, expected);
    assert_eq!(answer.results[3].sequence, Some(records[2].sequence().0));
    let (_, on_board) = world.board().await;
    assert_eq!(on_board.len(), 2);
    assert!(on_board.contains(&records[2]) && on_board.contains(&records[5]));
    for body in [vec![], body[1..].to_vec(), vec![0; RECORD]] {
        world.client().await.ask("POST", "/v1/records", &[], body).await.is(Code::MalformedRecord);
    }
}

async fn a_record_expires_and_no_older_one_comes_back(world: World) {
    let alice = Person::new(1);
    let (id, now) = (world.id(), world.now());
    let older = alice.record_of(id, now, 1);
    let short = alice.record_with(id, now, |draft| {
        draft.sequence = Sequence(older.sequence().0 + 1);
        draft.expires = now + MINUTE;
    });

    world.put(&older).await.ok();
    world.put(&short).await.ok();
    world.advance(2 * MINUTE);
    assert_eq!(world.board().await.1, []);
    world.client().await.get(&path(&short)).await.is(Code::Unknown);
    for _ in 0..4 {
        // It has not expired, and would be accepted if the newer one were forgotten.
        world.put(&older).await.is(Code::SequenceNotNewer);
        world.advance(2 * MINUTE);
    }

    world.advance(5 * MINUTE);
    let problem: chive_shared::api::Problem = world.put(&older).await.json();
    assert!(matches!(problem.code, Code::Stale | Code::Expired), "{problem:?}");
}

async fn a_far_expiry_is_capped(mut world: World) {
    let now = world.now();
    let far = Person::new(1).record_with(world.id(), now, |draft| draft.expires = now + 365 * DAY);
    world.put(&far).await.ok();
    world.advance(MAX_RECORD_LIFE - SECOND);
    assert_eq!(world.board().await.1.len(), 1);
    world.restart().await;
    assert_eq!(world.board().await.1.len(), 1);
    world.advance(2 * SECOND);
    assert_eq!(world.board().await.1.len(), 0);
}

async fn accepted_records_survive_a_restart(mut world: World) {
    let people: Vec<Person> = (0..50).map(Person::new).collect();
    let mut records: Vec<Record> = Vec::new();
    for person in &people {
        world.put(&person.record_of(world.id(), world.now(), 1)).await.ok();
        let newer = person.record_of(world.id(), world.now(), 2);
        world.put(&newer).await.ok();
        records.push(newer);
    }

    let cursor = world.board().await.0.cursor;
    world.restart().await;
    let (head, mut kept) = world.board().await;
    kept.sort_by_key(Record::address);
    records.sort_by_key(Record::address);
    assert_eq!(kept, records);
    assert_eq!(head.cursor, cursor, "cursors stay valid");
    world.put(&people[0].record_of(world.id(), world.now(), 1)).await.is(Code::SequenceNotNewer);
}

async fn a_full_board_takes_no_more_addresses_and_still_renews(mut world: World) {
    world.config.limits.records = 3;
    world.restart().await;
    for number in 0..3 {
        world.put(&Person::new(number).record_of(world.id(), world.now(), 1)).await.ok();
    }
    let answer = world.put(&Person::new(9).record(world.id(), world.now())).await;
    answer.is(Code::Full);
    assert!(answer.headers.contains_key("retry-after"));
    world.put(&Person::new(1).record_of(world.id(), world.now(), 2)).await.ok();
}

async fn many_writers_at_once_are_all_answered(world: World) {
    let world = std::sync::Arc::new(world);
    let tasks: Vec<_> = (0..32u64)
        .map(|writer| {
            let world = std::sync::Arc::clone(&world);
            tokio::spawn(async move {
                let mut client = world.client().await;
                for turn in 0..20 {
                    let record = Person::new(writer).record_of(world.id(), world.now(), turn);
                    let body = world.submission(&record, 0);
                    client.ask("PUT", &path(&record), &[], body).await.ok();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }

    let (head, records) = world.board().await;
    assert_eq!((records.len(), head.cursor.change), (32, 640));
}
