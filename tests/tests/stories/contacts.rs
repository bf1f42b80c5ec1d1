//! Contacts that are blocked or removed.

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{Contact, ContactState, MessageState, Presence};
use chive::model::ServiceKind;
use chive::profile::{self, Passphrase};
use chive::store::{contacts, owner};
use chive::transport::OnionAddress;
use chive_tests::person::Person;

use crate::stage::{Stage, received_exactly};

pub(crate) async fn a_blocked_contact_is_silent_until_it_is_unblocked(stage: Stage) -> Result<()> {
    let (alice, bob) = stage.alice_and_bob().await?;
    bob.delivers("Alice", "one").await?;
    let blocked: Contact = alice.ask(["contact", "block", "Bob"]).await?;
    ensure!(blocked.state == ContactState::Blocked, "Bob is {:?}", blocked.state);
    bob.until_presence("Alice", Presence::Offline).await?;
    let waiting = bob.sends("Alice", "two").await?;
    let refused = alice.fails(["send", "Bob", "no"]).await?;
    ensure!((refused.exit, refused.code.as_str()) == (7, "contact_blocked"), "{refused:?}");
    // Bob tries, and does not get through.
    let tried =
        bob.fails(["send", "Alice", "three", "--wait", "delivered", "--timeout", "5s"]).await?;
    ensure!((tried.exit, tried.code.as_str()) == (8, "timeout"), "{tried:?}");
    received_exactly(&alice, "Bob", &["one"]).await?;

    let back: Contact = alice.ask(["contact", "unblock", "Bob"]).await?;
    ensure!(back.state == ContactState::Accepted, "Bob is {:?}", back.state);
    bob.until(&waiting, MessageState::Delivered).await?;
    alice.sees("three").await?;
    alice.delivers("Bob", "welcome back").await?;
    received_exactly(&alice, "Bob", &["one", "two", "three"]).await
}

pub(crate) async fn a_removed_contact_is_left_behind_and_another_follows(
    stage: Stage,
) -> Result<()> {
    let (mut alice, mut bob, mut carol) = stage.alice_bob_and_carol().await?;
    bob.delivers("Alice", "from Bob").await?;
    let done: serde_json::Value = alice.ask(["contact", "remove", "Bob", "--yes"]).await?;
    ensure!(done["done"] == true, "removing answered {done}");
    let unknown = alice.fails(["history", "Bob"]).await?;
    ensure!((unknown.exit, unknown.code.as_str()) == (6, "unknown_contact"), "{unknown:?}");
    bob.until_presence("Alice", Presence::Offline).await?;
    let tried =
        bob.fails(["send", "Alice", "hello?", "--wait", "delivered", "--timeout", "5s"]).await?;
    ensure!((tried.exit, tried.code.as_str()) == (8, "timeout"), "{tried:?}");
    // Carol's receipt shows that she was told the new address, which came before on the same link.
    alice.delivers("Carol", "I have moved").await?;

    alice.stop().await?;
    carol.until_presence("Alice", Presence::Offline).await?;
    carol.stop().await?;
    bob.stop().await?;
    let new = endpoint_of(&alice).await?;
    ensure!(endpoint_known_to(&carol).await? == new, "Carol was not told the new address");
    ensure!(endpoint_known_to(&bob).await? != new, "Bob was told the new address");

    tokio::try_join!(alice.start(), carol.start(), bob.start())?;
    carol.delivers("Alice", "I follow you").await?;
    received_exactly(&alice, "Carol", &["I follow you"]).await?;
    let contacts: Vec<Contact> = alice.list(["contacts"]).await?;
    ensure!(contacts.len() == 1, "Bob is back: {contacts:?}");
    Ok(())
}

async fn open(person: &Person) -> Result<profile::Profile> {
    let passphrase = std::fs::read_to_string(person.passphrase_file())?;
    Ok(profile::open(&person.profile(), &Passphrase::new(passphrase)).await?)
}

/// The address that contacts of a stopped person are told now.
async fn endpoint_of(person: &Person) -> Result<OnionAddress> {
    let profile = open(person).await?;
    let mut tx = profile.store.begin().await?;
    let services = owner::services(&mut tx).await?;
    drop(tx);
    profile.store.close().await;
    let current = services
        .iter()
        .find(|service| service.kind == ServiceKind::Contacts && service.closes_at.is_none());
    Ok(current.context("no endpoint")?.seed.onion_address())
}

/// Where a stopped person believes Alice to be.
async fn endpoint_known_to(person: &Person) -> Result<OnionAddress> {
    let profile = open(person).await?;
    let mut tx = profile.store.begin().await?;
    let alice = contacts::by_name(&mut tx, "Alice").await?.context("no Alice")?;
    drop(tx);
    profile.store.close().await;
    Ok(alice.keys()?.context("no keys")?.address)
}
