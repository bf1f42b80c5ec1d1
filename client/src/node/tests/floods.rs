//! Floods from strangers and from contacts: none keeps others out, delays them, or leaves anything
//! behind.

use futures::FutureExt;
use futures::future::join_all;
use rand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Instant;

use super::mallory::{Mallory, card};
use super::*;
use crate::invitation::Invitation;
use crate::limits::{
    HANDSHAKE_DEADLINE, MAX_CONTACT_HANDSHAKES, MAX_IN_FLIGHT_BYTES, MAX_STRANGERS,
    PREFACE_DEADLINE,
};
use crate::link::session::Session;
use crate::transport::{Destination, IsolationToken, OnionAddress, Stream, Transport};
use crate::wire::frame::Frame;
use crate::wire::message::{Content, MessageId};

/// Half-open connections, to each address.
const FLOOD: usize = 1000;

/// Connections that say nothing, or a part of a preface.
async fn flood(world: &World, to: OnionAddress) -> Vec<Stream> {
    let transport = world.network.transport(mpsc::channel(1).0);
    let mut streams = vec![];
    for n in 0..FLOOD {
        let mut stream =
            transport.dial(Destination::Peer(to.into()), IsolationToken(0), 0).await.unwrap();
        stream.write_all(&[1; 33][..n % 34]).await.unwrap();
        streams.push(stream);
    }
    streams
}

/// What is there without waiting.
fn at_once<F: Future>(future: F) -> Option<F::Output> {
    tokio::task::unconstrained(future).now_or_never()
}

/// Waits until no more than so many are open: `is_open` looks at one. What gives way to another is
/// closed soon after.
async fn stay_open<T>(streams: &mut Vec<T>, most: usize, is_open: impl Fn(&mut T) -> bool) {
    let deadline = Instant::now() + PREFACE_DEADLINE / 2;
    loop {
        streams.retain_mut(&is_open);
        if streams.len() <= most {
            return;
        }
        assert!(Instant::now() < deadline, "{} are open", streams.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_half_open_streams_keep_nobody_out() {
    // Where the machine is so busy that the flood is over before others have come, nothing is
    // shown.
    for _ in 0..5 {
        let took = floods_both_doors().await;
        if took < PREFACE_DEADLINE {
            return;
        }
    }
    panic!("the flood is always over before others come in");
}

/// How long others needed to come in.
async fn floods_both_doors() -> Duration {
    let world = World::new();
    let (alice, carol) = (world.person("Alice").await, world.person("Carol").await);
    let mut mallory = Mallory::meets(&world, &alice).await;
    let link = alice.invitation().await;
    let began = Instant::now();
    let mut at_endpoint = flood(&world, mallory.endpoint).await;
    let mut at_front = flood(&world, Invitation::parse(&link).unwrap().front_door).await;
    let mut session = mallory.link().await;
    let text = mallory.text("let me through");

    session.write(&mallory.seals(&Content::Text(text.clone()))).await.unwrap();
    mallory.is_receipted(&mut session, text.id).await;
    carol.opens(&link).await.unwrap();
    carol.waits_until("Alice", |p| async move { p.is_online("Alice").await }).await;
    for streams in [&mut at_endpoint, &mut at_front] {
        stay_open(streams, MAX_STRANGERS, |stream| at_once(stream.read_u8()).is_none()).await;
    }

    let (took, open) = (began.elapsed(), at_endpoint.len().min(at_front.len()));
    assert!(took >= PREFACE_DEADLINE || open >= MAX_STRANGERS - 2, "{open} are open");

    took
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_handshakes_at_one_service_spare_the_other() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let link = Invitation::parse(&alice.invitation().await).unwrap();
    let _flood = flood(&world, link.front_door).await;
    let mut session = mallory.link().await;
    session.write(&Frame::Ping(1)).await.unwrap();
    assert_eq!(session.read().await.unwrap(), Frame::Pong(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_with_a_thousand_handshakes_blocks_only_themselves() {
    let world = World::new();
    let (alice, mut bob) = world.pair().await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut sessions = vec![];
    for _ in 0..FLOOD {
        // The other side waits for the hello.
        let stream = mallory.stream(mallory.endpoint).await;
        sessions.push(mallory.shakes_hands(stream).await);
    }

    for session in &mut sessions {
        assert!(matches!(session.read().await, Ok(Frame::Hello { .. })));
    }

    // After its own hello, nothing, or the end.
    stay_open(&mut sessions, MAX_CONTACT_HANDSHAKES, |session| at_once(session.read()).is_none())
        .await;
    bob.sleep().await;
    bob.wake().await;
    let sent = bob.sends("Alice", "I am no flood").await;
    bob.delivered(&sent).await;
    let mut session = mallory.link().await;
    session.write(&Frame::Ping(1)).await.unwrap();
    assert_eq!(session.read().await.unwrap(), Frame::Pong(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_reader_costs_one_window_and_delays_nobody() {
    const TEXTS: usize = 300;

    let world = World::new();
    let (alice, _bob) = world.pair().await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    alice.waits_until("Mallory", |p| async move { p.is_online("Mallory").await }).await;
    for n in 0..TEXTS {
        alice.sends("Mallory", &format!("{n} {}", "x".repeat(15_000))).await;
    }

    // Sealed is what was handed to the link, and at most the rest of a batch.
    let sealed = alice.counts("SELECT ifnull(sum(length(envelope)), 0) FROM outbox").await;
    let window = i64::try_from(MAX_IN_FLIGHT_BYTES + 8 * 16 * 1024).unwrap();
    assert!(sealed > 0 && sealed <= window, "{sealed} bytes are sealed for who does not read");
    let unsealed = alice.counts("SELECT count(*) FROM outbox WHERE envelope IS NULL").await;
    assert!(unsealed > 200, "{unsealed} wait unsealed");
    let began = Instant::now();
    let sent = alice.sends("Bob", "how are you?").await;
    alice.delivered(&sent).await;
    assert!(began.elapsed() < Duration::from_secs(30), "Bob waited for {:?}", began.elapsed());

    // It reads on, and has missed nothing.
    for n in 0..TEXTS {
        let Content::Text(text) = mallory.hears(&mut session).await else { panic!() };
        assert!(text.text.starts_with(&format!("{n} ")));
        session.write(&mallory.seals(&Content::Receipt(vec![text.id]))).await.unwrap();
    }

    alice
        .waits_until("all", |p| async move { p.node().status().await.unwrap().waiting == 0 })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_contact_can_say_without_a_text_leaves_nothing_behind() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    let rows = "SELECT (SELECT count(*) FROM received) + (SELECT count(*) FROM message) + (SELECT \
               count(*) FROM held) \
         + (SELECT count(*) FROM outbox)";
    let before = alice.counts(rows).await;
    for n in 0..300 {
        let ids = (0..32).map(|m| MessageId([u8::try_from((n + m) % 256).unwrap(); 16])).collect();
        session.write(&mallory.seals(&Content::Receipt(ids))).await.unwrap();
        session.write(&mallory.seals(&Content::CommitReceipt { epoch: n })).await.unwrap();
        session.write(&mallory.seals(&Content::Unknown { id: None })).await.unwrap();
        session.write(&Frame::Unknown(99)).await.unwrap();
        session.write(&Frame::Bye(crate::wire::frame::Bye::Superseded)).await.unwrap_or_default();
        session = mallory.link().await;
    }

    let text = mallory.text("and now?");
    let said = mallory.seals(&Content::Text(text.clone()));

    // A link of before may be noticed only now, and end this one.
    while session.write(&said).await.is_err()
        || !mallory.is_receipted_here(&mut session, text.id).await
    {
        session = mallory.link().await;
    }

    assert_eq!(alice.counts(rows).await, before + 2, "the text, and its envelope's name");
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_out_of_turn_end_the_link_and_change_nothing() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;

    // The first one is Mallory's right, the next ones are not.
    let commit = mallory.conversation.commit().unwrap();
    session.write(&mallory.wraps(&commit)).await.unwrap();
    let Content::CommitReceipt { epoch: 1 } = mallory.hears(&mut session).await else { panic!() };

    mallory.conversation.commit_receipted(1).unwrap();
    let before = mallory.conversation.take_changes().put;
    let state = alice.counts("SELECT sum(length(value)) FROM mls_value").await;
    for round in 0..10 {
        let commit = mallory.conversation.commit_out_of_turn().unwrap();
        mallory.conversation = chive_mls::Conversation::load(before.clone()).unwrap();
        for _ in 0..crate::limits::MAX_UNREADABLE {
            session.write(&mallory.wraps(&commit)).await.unwrap();
        }
        ends(&mut session).await;
        session = mallory.link().await;
        assert_eq!(
            alice.counts("SELECT sum(length(value)) FROM mls_value").await,
            state,
            "round {round}"
        );
    }

    let text = mallory.text("still friends?");
    session.write(&mallory.seals(&Content::Text(text.clone()))).await.unwrap();
    mallory.is_receipted(&mut session, text.id).await;
    let sent = alice.sends("Mallory", "yes").await;
    let Content::Text(answer) = mallory.hears(&mut session).await else { panic!() };
    assert_eq!(answer.text, "yes");
    session.write(&mallory.seals(&Content::Receipt(vec![answer.id]))).await.unwrap();
    alice.delivered(&sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_commit_a_hundred_times_is_answered_and_merged_once() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    let commit = mallory.conversation.commit().unwrap();
    session.write(&mallory.wraps(&commit)).await.unwrap();
    let Content::CommitReceipt { epoch: 1 } = mallory.hears(&mut session).await else { panic!() };
    let state = alice.counts("SELECT sum(length(value)) FROM mls_value").await;
    for _ in 0..100 {
        session.write(&mallory.wraps(&commit)).await.unwrap();
        assert!(matches!(session.read().await.unwrap(), Frame::Envelope(_)), "the receipt, again");
    }
    assert_eq!(alice.counts("SELECT sum(length(value)) FROM mls_value").await, state);
    assert_eq!(alice.counts("SELECT count(*) FROM held").await, 0);
}

/// Reads until the other side has closed the link.
pub(super) async fn ends(session: &mut Session) {
    let end = async { while session.read().await.is_ok() {} };
    assert!(timeout(DEADLINE, end).await.is_ok(), "the link does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_again_and_again_changes_neither_name_nor_who_it_is() {
    let world = World::new();
    let (alice, bob) = world.pair().await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    let before = alice.contact("Mallory").await.unwrap();
    for revision in 2..100 {
        let card = card("Bob", revision);
        let id = MessageId([u8::try_from(revision).unwrap(); 16]);
        session.write(&mallory.seals(&Content::Card { id, card })).await.unwrap();
        mallory.is_receipted(&mut session, id).await;
    }

    let after = alice.contact("Mallory").await.unwrap();
    assert_eq!((before.id, before.safety_number), (after.id, after.safety_number));
    assert_eq!(alice.node().contacts().await.unwrap().len(), 2);
    let sent = alice.sends("Bob", "is it you?").await;
    alice.delivered(&sent).await;
    assert!(bob.has("Alice", "is it you?").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_simultaneous_dials_leave_one_link_a_pair() {
    const PEOPLE: usize = 23;
    const ROUNDS: usize = 4;

    let world = World::new();
    let mut people = vec![];
    for n in 0..PEOPLE {
        people.push(world.person(Box::leak(format!("Person {n}").into_boxed_str())).await);
    }

    for (n, inviter) in people.iter().enumerate() {
        join_all(people[n + 1..].iter().map(|opener| opener.adds(inviter))).await;
    }

    let pairs = PEOPLE * (PEOPLE - 1) / 2;
    let mut rng = StdRng::from_seed([3; 32]);
    for round in 0..ROUNDS {
        join_all(people.iter_mut().map(Person::sleep)).await;
        world.has_streams(0).await;
        let profiles = join_all(people.iter().map(Person::unlocks)).await;
        for person in &mut people {
            // All have dialled before the first dial arrives.
            person.lag = Duration::from_millis(rng.random_range(300..600));
        }

        join_all(people.iter_mut().zip(profiles).map(|(person, profile)| person.starts(profile)))
            .await;
        let everybody = u32::try_from(PEOPLE - 1).unwrap();
        for person in &people {
            person
                .waits_until("everybody", |p| async move {
                    p.node().status().await.unwrap().online == everybody
                })
                .await;
        }

        let (first, rest) = people.split_first().unwrap();
        for other in rest {
            let sent = first.sends(other.name, &format!("round {round}")).await;
            first.delivered(&sent).await;
        }

        world.has_streams(pairs).await;
    }
}

/// In real time: as long as a handshake may take.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_a_minute_before_the_link_is_up_is_given_up_in_time() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let link = alice.invitation().await;
    let front = Invitation::parse(&link).unwrap().front_door;
    let (_, said) = mallory.recorded_link().await;
    let mut streams = vec![];
    for (to, words, limit) in [
        (front, &said[..0], PREFACE_DEADLINE),
        (mallory.endpoint, &said[..1], PREFACE_DEADLINE),
        (mallory.endpoint, &said[..33], PREFACE_DEADLINE),
        // The preface of a contact, half a message; a message, and then no hello, or half of one.
        (mallory.endpoint, &said[..50], HANDSHAKE_DEADLINE),
        (mallory.endpoint, &said[..34 + 2 + 48 + 9], HANDSHAKE_DEADLINE),
    ] {
        let mut stream = mallory.stream(to).await;
        stream.write_all(words).await.unwrap();
        streams.push((stream, limit));
    }

    let began = Instant::now();
    join_all(streams.into_iter().map(|(mut stream, limit)| async move {
        let end = timeout(limit + Duration::from_secs(20), stream.read_to_end(&mut vec![])).await;
        assert!(end.is_ok(), "still open after {:?}", began.elapsed());
        assert!(began.elapsed() > limit / 2, "closed after {:?}", began.elapsed());
    }))
    .await;
}
