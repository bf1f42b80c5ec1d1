//! Messages are searched, read, and disappear.

use anyhow::{Result, ensure};
use chive::api::types::{Conversation, Event, Message, MessageState, Policy, What};
use chive_tests::person::Person;

use crate::stage::Stage;

pub(crate) async fn messages_are_found_read_and_disappear_as_agreed(stage: Stage) -> Result<()> {
    let (alice, bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", "this one stays").await?;
    for (person, other) in [(&alice, "Bob"), (&bob, "Alice")] {
        let _: Conversation = person.ask(["contact", "disappear", other, "20s"]).await?;
        let _: Conversation = person.ask(["contact", "receipts", other, "on"]).await?;
    }
    let both = Policy { disappear_after: 20, read_receipts: true };
    tokio::try_join!(agreed(&alice, both), agreed(&bob, both))?;
    let shown = alice.reads(["contact", "show", "Bob"]).await?;
    ensure!(shown.contains("messages disappear after  20s"), "not shown: {shown}");

    let secret = alice.sends("Bob", "Meet me at the harbour").await?;
    ensure!(secret.disappear_after == Some(20), "no timer: {secret:?}");
    bob.sees("Meet me at the harbour").await?;
    let found: Vec<Message> = bob.list(["search", "HARBOUR", "--in", "Alice"]).await?;
    ensure!(found.len() == 1 && found[0].id == secret.id, "Bob finds {found:?}");
    let read: Conversation = bob.ask(["read", "Alice"]).await?;
    ensure!(read.unread == 0, "still unread: {read:?}");
    alice.until(&secret, MessageState::Read).await?;

    tokio::try_join!(gone(&alice, &secret), gone(&bob, &secret))?;
    for person in [&alice, &bob] {
        let found: Vec<Message> = person.list(["search", "harbour"]).await?;
        ensure!(found.is_empty(), "{} finds {found:?}", person.name());
    }
    let left = bob.history("Alice").await?;
    ensure!(left.len() == 1 && left[0].text == "this one stays", "Bob has {left:?}");
    let too_short = alice.fails(["contact", "disappear", "Bob", "1s"]).await?;
    ensure!(
        (too_short.exit, too_short.code.as_str()) == (7, "out_of_range"),
        "one second: {too_short:?}"
    );
    Ok(())
}

async fn agreed(person: &Person, both: Policy) -> Result<()> {
    let agreed = |event: &Event| match &event.what {
        What::Conversation { conversation } => {
            let settings = conversation.settings;
            (settings.in_force == both && settings.confirmed).then_some(())
        }
        _ => None,
    };
    person.event("the agreement", agreed).await
}

async fn gone(person: &Person, message: &Message) -> Result<()> {
    let gone = |event: &Event| match &event.what {
        What::MessagesGone { messages, .. } => messages.contains(&message.id).then_some(()),
        _ => None,
    };
    person.event("the end of the message", gone).await
}
