//! Contacts who lie or send unreadable data: forged receipts, reused ids, unknown frames. The node
//! answers and stores nothing wrong.

use data_encoding::HEXLOWER;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::floods::ends;
use super::mallory::{Mallory, card};
use super::*;
use crate::limits::{MAX_TEXT, MAX_UNREADABLE};
use crate::link::session::Session;
use crate::wire::frame::{Frame, FrameError};
use crate::wire::message::{Content, MessageId, Text};

/// Says it, and waits for the receipt.
async fn says(mallory: &mut Mallory, session: &mut Session, id: MessageId, content: &Content) {
    session.write(&mallory.seals(content)).await.unwrap();
    mallory.is_receipted(session, id).await;
}

async fn is_alive(session: &mut Session) {
    session.write(&Frame::Ping(7)).await.unwrap();
    let pong = async { while session.read().await.unwrap() != Frame::Pong(7) {} };
    assert!(timeout(DEADLINE, pong).await.is_ok(), "no pong");
}

async fn texts_of(person: &Person, contact: &str) -> Vec<String> {
    person.history(contact).await.into_iter().map(|m| m.text).collect()
}

/// A page that cannot show a time would show nothing at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_time_that_nobody_can_show_is_when_the_message_came() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    for (created_at, kept) in
        [(i64::MAX, false), (-1, false), (9_000_000_000_000_000, false), (0, true)]
    {
        let text = Text { created_at, ..mallory.text("when?") };
        says(&mut mallory, &mut session, text.id, &Content::Text(text.clone())).await;
        let shown = alice.history("Mallory").await.pop().unwrap();
        assert_eq!(shown.created_at == created_at, kept, "{created_at}");
        assert!(kept || shown.created_at == shown.delivered_at.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reused_id_is_receipted_and_the_first_text_stays() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    let first = mallory.text("first");
    says(&mut mallory, &mut session, first.id, &Content::Text(first.clone())).await;
    let mut other = mallory.text("other");
    other.id = first.id;
    says(&mut mallory, &mut session, first.id, &Content::Text(other)).await;
    assert_eq!(texts_of(&alice, "Mallory").await, ["first"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn message_ids_are_unique_per_author() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut bob = Mallory::meets_as(&world, &alice, "Bob").await;
    let (mut to_mallory, mut to_bob) = (mallory.link().await, bob.link().await);
    let mine = alice.sends("Bob", "mine").await;
    let Content::Text(received) = bob.hears(&mut to_bob).await else { panic!() };

    // Mallory has learnt the ids of both, and is first.
    let bobs = bob.text("Bob's own");
    for id in [bobs.id, received.id] {
        let mut stolen = mallory.text("Mallory's");
        stolen.id = id;
        says(&mut mallory, &mut to_mallory, id, &Content::Text(stolen)).await;
    }

    says(&mut bob, &mut to_bob, bobs.id, &Content::Text(bobs.clone())).await;

    // An echo of what Alice wrote is nothing new.
    let mut echo = bob.text("an echo");
    echo.id = received.id;
    says(&mut bob, &mut to_bob, received.id, &Content::Text(echo)).await;
    let mut texts = texts_of(&alice, "Bob").await;
    texts.sort();
    assert_eq!(texts, ["Bob's own", "mine"]);
    assert_eq!(alice.node().message(&mine.id).await.unwrap().text, "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_receipt_delivers_nothing() {
    let world = World::new();
    let (alice, mut bob) = world.pair().await;
    bob.sleep().await;
    alice.waits_until("Bob to go", |p| async move { !p.is_online("Bob").await }).await;
    let waiting = alice.sends("Bob", "for Bob").await;
    let mut mallory = Mallory::meets(&world, &alice).await;

    // Written before there is a link, and so many that the last one is not sealed.
    let mut last = alice.sends("Mallory", "first").await;
    for _ in 0..100 {
        last = alice.sends("Mallory", "next").await;
    }

    let mut session = mallory.link().await;
    let id = |message: &Message| {
        MessageId(HEXLOWER.decode(message.id.as_bytes()).unwrap().try_into().unwrap())
    };
    let forged = Content::Receipt(vec![id(&waiting), id(&last), MessageId([9; 16])]);

    session.write(&mallory.seals(&forged)).await.unwrap();
    let text = mallory.text("done?");
    says(&mut mallory, &mut session, text.id, &Content::Text(text.clone())).await;
    assert_eq!(alice.state(&waiting.id).await, MessageState::Queued);
    assert_eq!(alice.state(&last.id).await, MessageState::Queued);
    bob.wake().await;
    bob.sees("Alice", "for Bob").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_after_eight_envelopes_that_do_not_open() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    for n in 1..MAX_UNREADABLE {
        // Not even an envelope; one that holds no MLS message; one of another epoch.
        let wrapped = mallory.wraps(b"no MLS message");
        let frame = if n % 2 == 0 { Frame::Envelope(vec![1; 1024]) } else { wrapped };
        session.write(&frame).await.unwrap();
        let complaint = timeout(DEADLINE, session.read()).await.unwrap().unwrap();
        assert_eq!(complaint, Frame::Error(FrameError::Undecryptable));
    }

    is_alive(&mut session).await;
    session.write(&Frame::Envelope(vec![])).await.unwrap();
    ends(&mut session).await;
    let mut session = mallory.link().await;
    let text = mallory.text("sorry");
    says(&mut mallory, &mut session, text.id, &Content::Text(text.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_content_and_its_repetitions_are_dropped() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    let mut contents = vec![];

    contents.push(mallory.text(&"x".repeat(MAX_TEXT + 1)));
    let mut far = mallory.text("from the end of time");
    far.clock = u64::MAX;
    let mut uncounted = mallory.text("no number");
    uncounted.counter = 0;
    let mut overcounted = mallory.text("too large a number");
    overcounted.counter = 1 << 63;
    let mut seen = mallory.text("has seen too much");
    seen.seen = vec![MessageId([1; 16]); 5];
    contents.extend([far, uncounted, overcounted, seen]);
    let mut frames: Vec<Frame> =
        contents.into_iter().map(|text| mallory.seals(&Content::Text(text))).collect();
    frames.push(mallory.seals(&Content::Receipt(vec![MessageId([1; 16]); 33])));
    for bytes in [&b""[..], &[0xff; 100], b"\xa2\x00\x01\x06\x61\xff"] {
        let mls = mallory.conversation.seal(bytes).unwrap();
        frames.push(mallory.wraps(&mls));
    }

    // As a sender does that gets no receipt: more often than a link bears what does not open.
    for _ in 0..4 {
        for frame in &frames {
            session.write(frame).await.unwrap();
        }
    }

    is_alive(&mut session).await;
    let good = mallory.text("but this");
    says(&mut mallory, &mut session, good.id, &Content::Text(good.clone())).await;
    let history = alice.history("Mallory").await;
    assert_eq!(history.iter().map(|m| m.text.as_str()).collect::<Vec<_>>(), ["but this"]);
    assert_eq!(history[0].missing_before, 5, "what was not shown is a gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_characters_in_text_and_name_do_nothing() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let hostile = "<img src=//evil>\0\u{202e}\u{200b}\u{1b}[2J";
    let mut mallory = Mallory::meets_as(&world, &alice, hostile).await;
    let contacts = alice.node().contacts().await.unwrap();

    assert_eq!(contacts[0].shared_name.as_deref(), Some(hostile), "kept as it is, for programs");
    let name = contacts[0].name.clone();
    assert!(!name.contains(['\0', '\u{202e}', '\u{200b}', '\u{1b}']), "{name:?}");
    let mut session = mallory.link().await;
    let text = mallory.text(&format!("{hostile}\u{feff}"));
    says(&mut mallory, &mut session, text.id, &Content::Text(text.clone())).await;
    assert_eq!(texts_of(&alice, &name).await, [text.text]);
    let id = MessageId([5; 16]);
    says(&mut mallory, &mut session, id, &Content::Card { id, card: card("\0", 2) }).await;
    assert_eq!(alice.contact(&name).await.unwrap().id, contacts[0].id);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_frames_and_contents_are_answered_and_change_nothing() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    let mut session = mallory.link().await;
    session.write(&Frame::Unknown(1 << 40)).await.unwrap();
    assert_eq!(session.read().await.unwrap(), Frame::Error(FrameError::UnknownFrame));

    // These have no place on a link of contacts.
    for frame in [
        Frame::Request(vec![1]),
        Frame::Accept(vec![1]),
        Frame::Refuse(crate::wire::frame::RejectReason::Used),
    ] {
        session.write(&frame).await.unwrap();
    }

    session.write(&Frame::Hello { version: 9, links: vec![[1; 8]; 8] }).await.unwrap();
    let id = MessageId([8; 16]);
    says(&mut mallory, &mut session, id, &Content::Unknown { id: Some(id) }).await;
    is_alive(&mut session).await;
    assert!(alice.history("Mallory").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_dial_gives_no_link_and_does_no_harm() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let before = *alice.node().newest_event().borrow();
    let mut mallory = Mallory::meets(&world, &alice).await;
    let (mut session, said) = mallory.recorded_link().await;

    is_alive(&mut session).await;
    for _ in 0..3 {
        let mut replay = mallory.stream(mallory.endpoint).await;
        replay.write_all(&said).await.unwrap();
        let mut answer = vec![];
        timeout(DEADLINE, replay.read_to_end(&mut answer))
            .await
            .expect("it is not closed")
            .unwrap();
        // The second message of the handshake and a hello, sealed with keys that only Mallory could
        // have made.
        assert_eq!(answer.len(), 2 + 48 + 2 + 1104);
    }

    is_alive(&mut session).await;
    let events = alice.node().events(before, 1000).await.unwrap();
    assert!(!events.iter().any(|event| matches!(event.what, What::KeyChanged { .. })));
    let text = mallory.text("it is me");
    says(&mut mallory, &mut session, text.id, &Content::Text(text.clone())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_of_this_version_or_higher_gives_a_link() {
    let world = World::new();
    let alice = world.person("Alice").await;
    let mut mallory = Mallory::meets(&world, &alice).await;
    for (first, works) in [
        (Frame::Hello { version: 0, links: vec![] }, false),
        (Frame::Ping(1), false),
        (Frame::Unknown(77), false),
        (Frame::Hello { version: u64::MAX, links: vec![] }, true),
    ] {
        let stream = mallory.stream(mallory.endpoint).await;
        let mut session = mallory.shakes_hands(stream).await;
        session.write(&first).await.unwrap();
        assert!(matches!(session.read().await.unwrap(), Frame::Hello { .. }));
        if works {
            is_alive(&mut session).await;
        } else {
            ends(&mut session).await;
        }
    }
}
