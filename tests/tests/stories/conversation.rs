//! Two people become contacts, and talk.

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{ContactState, Message, MessageState, Presence};

use crate::stage::{Stage, received_exactly};

pub(crate) async fn two_people_become_contacts_by_a_link_and_talk_both_ways(
    stage: Stage,
) -> Result<()> {
    let (alice, bob) = stage.alice_and_bob().await?;
    let hello = alice.sends("Bob", "hello").await?;
    let seen = bob.sees("hello").await?;
    ensure!(
        (seen.id, seen.conversation_name.as_str()) == (hello.id.clone(), "Alice"),
        "Bob sees another message"
    );
    let receipt = alice.until(&hello, MessageState::Delivered).await?;
    ensure!(receipt.sent_at.is_some() && receipt.delivered_at.is_some(), "a receipt without times");

    let answer = bob.sends("Alice", "hello yourself").await?;
    alice.sees("hello yourself").await?;
    bob.until(&answer, MessageState::Delivered).await?;
    // Both write at once, many times, so that the order is not obvious.
    for round in 0..5 {
        let (from_alice, from_bob) = (format!("Alice's {round}"), format!("Bob's {round}"));
        tokio::try_join!(alice.sends("Bob", &from_alice), bob.sends("Alice", &from_bob))?;
    }
    tokio::try_join!(alice.delivers("Bob", "bye"), bob.delivers("Alice", "bye bye"))?;

    let (at_alice, at_bob) = tokio::try_join!(alice.history("Bob"), bob.history("Alice"))?;
    let order =
        |history: &[Message]| history.iter().map(|message| message.id.clone()).collect::<Vec<_>>();
    ensure!(at_alice.len() == 14, "Alice has {} messages", at_alice.len());
    ensure!(order(&at_alice) == order(&at_bob), "the two see different orders");

    let numbers =
        (alice.contact("Bob").await?.safety_number, bob.contact("Alice").await?.safety_number);
    ensure!(
        numbers.0.is_some() && numbers.0 == numbers.1,
        "the safety numbers differ: {numbers:?}"
    );
    ensure!(alice.status().await?.waiting == 0, "something waits that was delivered");
    Ok(())
}

pub(crate) async fn an_invitation_of_an_offline_inviter_succeeds_later(stage: Stage) -> Result<()> {
    let (mut alice, mut bob) = tokio::try_join!(stage.person("Alice"), stage.newcomer("Bob"))?;

    // The link exists before anything was uploaded, and stays valid after Alice has left.
    let link = alice.invites().await?;
    alice.stop().await?;
    bob.start().await?;
    let asked = bob.adds(&link, "Alice").await?;
    ensure!(asked.state == ContactState::Requested, "the contact is {:?}", asked.state);
    bob.sends("Alice", "when you are back").await?;

    // Bob is not there when Alice comes back, either.
    bob.until_status("connected", |status| status.tor.ready).await?;
    bob.kill().await?;
    alice.start().await?;
    bob.start().await?;
    alice.sees("when you are back").await?;
    tokio::try_join!(
        alice.until_contact("Bob", ContactState::Accepted),
        bob.until_contact("Alice", ContactState::Accepted)
    )?;
    alice.delivers("Bob", "I am").await?;

    Ok(())
}

pub(crate) async fn each_line_piped_into_chat_is_a_message(stage: Stage) -> Result<()> {
    let (alice, bob) = stage.alice_and_bob().await?;
    let answer = alice.types(["chat", "Bob"], "one\n\ntwo\r\nthree").await?;
    ensure!(answer.code == 0, "chat ended with {}: {}", answer.code, answer.stderr);
    bob.sees("three").await?;
    received_exactly(&bob, "Alice", &["one", "two", "three"]).await?;
    let unknown = bob.types(["chat", "Eve"], "hello\n").await?.error()?;
    ensure!(unknown.exit == 6, "chat with an unknown contact ended with {}", unknown.exit);
    Ok(())
}

pub(crate) async fn a_message_is_cancelled_before_it_leaves_and_another_expires(
    stage: Stage,
) -> Result<()> {
    let (alice, mut bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "first").await?;
    bob.stop().await?;
    alice.until_presence("Bob", Presence::Offline).await?;

    let regretted = alice.sends("Bob", "regretted").await?;
    ensure!(
        regretted.state == MessageState::Queued && regretted.reason.is_some(),
        "it does not wait: {regretted:?}"
    );
    let cancelled: Message = alice.ask(["cancel", &regretted.id]).await?;
    ensure!(cancelled.state == MessageState::Cancelled, "the message is {:?}", cancelled.state);
    let late =
        alice.fails(["send", "Bob", "urgent", "--expires", "1s", "--wait", "delivered"]).await?;
    ensure!((late.exit, late.code.as_str()) == (8, "expired"), "an expired message: {late:?}");
    let patient =
        alice.fails(["send", "Bob", "second", "--wait", "delivered", "--timeout", "1s"]).await?;
    ensure!(
        (patient.exit, patient.code.as_str()) == (8, "timeout"),
        "a waiting message: {patient:?}"
    );

    bob.start().await?;
    bob.sees("second").await?;
    alice.delivers("Bob", "third").await?;
    received_exactly(&bob, "Alice", &["first", "second", "third"]).await?;
    let history = alice.history("Bob").await?;
    let third = history.last().context("no message")?;
    let gone = alice.fails(["cancel", &third.id]).await?;
    ensure!(
        (gone.exit, gone.code.as_str()) == (8, "already_sent"),
        "cancelling a delivered one: {gone:?}"
    );
    Ok(())
}
