//! People who see each other at a rendezvous server, or find each other by a handle.

use std::fs;
use std::os::unix::fs::FileExt as _;

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{
    Contact, ContactState, Event, Handle, HandleState, MessageState, Presence, PresenceSource,
    Reason, Request, Server, ServerState, What,
};
use chive::invitation::Invitation;
use chive_tests::person::Person;
use chive_tests::server::RendezvousServer;
use toml::Table;

use crate::stage::{Stage, received_exactly};

/// A name that does not occur anywhere by chance.
const LONG_NAME: &str = "Wonderland 7";

async fn a_server(stage: &Stage, name: &str) -> Result<RendezvousServer> {
    let tor = stage.env.tor_config.as_deref().context("no Tor network")?;
    RendezvousServer::start(&stage.home.join(name), tor, free_of_charge()?).await
}

/// Settings of a server with almost no price of work.
pub(crate) fn free_of_charge() -> Result<Table> {
    Ok("[work]\nrecord = 4\nrecord_full = 8\nclaim = 8".parse()?)
}

pub(crate) async fn uses(person: &Person, address: &str) -> Result<()> {
    let added: Server = person.ask(["server", "add", address]).await?;
    ensure!(added.address == address, "another server was added: {added:?}");
    until_reachable(person).await
}

async fn until_reachable(person: &Person) -> Result<()> {
    person
        .until_server("a reachable server", |server| server.state == ServerState::Reachable)
        .await
        .map(drop)
}

/// Each gets the other's card, with the server on it.
pub(crate) async fn exchange_cards(alice: &Person, bob: &Person) -> Result<()> {
    alice.delivers("Bob", "my server is on my card").await?;
    bob.delivers("Alice", "so is mine").await?;
    Ok(())
}

pub(crate) async fn sees_by_server(person: &Person, name: &str, presence: Presence) -> Result<()> {
    person.until_presence_by(name, presence, Some(PresenceSource::Server)).await
}

pub(crate) async fn contacts_see_each_other_at_a_server_without_a_link(stage: Stage) -> Result<()> {
    let server = a_server(&stage, "server").await?;
    let (mut alice, mut bob) = stage.alice_and_bob().await?;
    uses(&bob, server.address()).await?;
    exchange_cards(&alice, &bob).await?;
    alice.stop().await?;
    bob.stop().await?;

    let (mut alice, mut bob) = (alice.with_links_when_needed(), bob.with_links_when_needed());
    alice.start().await?;
    bob.start().await?;
    sees_by_server(&alice, "Bob", Presence::Online).await?;
    let status = alice.status().await?;
    ensure!(status.online == 0, "there is a link");
    let contact = alice.contact("Bob").await?;
    ensure!(
        contact.presence_source == Some(PresenceSource::Server) && contact.since.is_some(),
        "{contact:?}"
    );

    bob.ask::<serde_json::Value>(["presence", "away"]).await?;
    sees_by_server(&alice, "Bob", Presence::Away).await?;
    bob.stop().await?;
    sees_by_server(&alice, "Bob", Presence::Offline).await?;
    ensure!(alice.status().await?.online == 0, "there was no link");

    // A message that waits is a reason to dial, as soon as the board shows him.
    let waits = alice.sends("Bob", "there you are").await?;
    bob.start().await?;
    alice.until(&waits, MessageState::Delivered).await?;
    received_exactly(&bob, "Alice", &["my server is on my card", "there you are"]).await?;
    no_refusal_was_reported(&bob)
}

/// After a restart the server has a record with a higher number: the client skips it, and reports
/// no refusal.
fn no_refusal_was_reported(person: &Person) -> Result<()> {
    let refused = |event: &Event| match &event.what {
        What::Server { server } => server.state == ServerState::Refused,
        _ => false,
    };
    let refusal = person.all_events()?.into_iter().find(refused);
    ensure!(refusal.is_none(), "{} is told {refusal:?}", person.name());
    Ok(())
}

pub(crate) async fn a_hidden_presence_is_hidden_from_that_contact_alone(
    stage: Stage,
) -> Result<()> {
    let server = a_server(&stage, "server").await?;
    let (mut alice, mut bob, mut carol) = stage.alice_bob_and_carol().await?;
    uses(&alice, server.address()).await?;
    let hidden: Contact = alice.ask(["contact", "presence", "Bob", "hide"]).await?;
    ensure!(hidden.presence_hidden, "{hidden:?}");
    alice.delivers("Bob", "hello").await?;
    alice.delivers("Carol", "hello").await?;
    for person in [&mut alice, &mut bob, &mut carol] {
        person.stop().await?;
    }

    let mut alice = alice.with_links_when_needed();
    let (mut bob, mut carol) = (bob.with_links_when_needed(), carol.with_links_when_needed());
    tokio::try_join!(bob.start(), carol.start())?;
    alice.start().await?;
    sees_by_server(&carol, "Alice", Presence::Online).await?;
    let contact = bob.contact("Alice").await?;
    ensure!(contact.presence == Presence::Unknown, "Bob sees {contact:?}");

    Ok(())
}

pub(crate) async fn a_removed_contact_loses_sight_and_another_keeps_it(
    mut stage: Stage,
) -> Result<()> {
    // A record for a single contact is put up to 45 s late on purpose, and later if a circuit
    // fails.
    stage.env.patience *= 2;
    let server = a_server(&stage, "server").await?;
    let (mut alice, mut bob, mut carol) = stage.alice_bob_and_carol().await?;

    uses(&alice, server.address()).await?;
    alice.delivers("Bob", "hello").await?;
    alice.delivers("Carol", "hello").await?;
    carol.stop().await?;
    bob.stop().await?;
    alice.ask::<serde_json::Value>(["contact", "remove", "Bob", "--yes"]).await?;
    alice.stop().await?;
    let mut alice = alice.with_links_when_needed();
    let (mut bob, mut carol) = (bob.with_links_when_needed(), carol.with_links_when_needed());
    alice.start().await?;
    until_reachable(&alice).await?;
    alice.until_logged("a server took another record").await?;

    // Carol gets no new card by a link: she has the old one, and finds the record for her alone.
    alice.freeze()?;
    tokio::try_join!(bob.start(), carol.start())?;
    sees_by_server(&carol, "Alice", Presence::Online).await?;
    let contact = bob.contact("Alice").await?;
    ensure!(contact.presence != Presence::Online, "Bob sees {contact:?}");
    alice.thaw()?;

    carol.delivers("Alice", "I found you").await.map(drop)
}

pub(crate) async fn a_person_found_by_a_handle_accepts_or_declines(stage: Stage) -> Result<()> {
    let server = a_server(&stage, "server").await?;
    let (alice, bob, carol) =
        tokio::try_join!(stage.person("Alice"), stage.person("Bob"), stage.person("Carol"))?;
    let handle = format!("alice.wonder@{}", server.address());
    let claimed: Handle = alice.ask(["handle", "claim", &handle]).await?;
    ensure!(claimed.state == HandleState::Claiming, "{claimed:?}");
    let active = |event: &Event| match &event.what {
        What::Handle { handle } if handle.state == HandleState::Active => Some(()),
        _ => None,
    };
    alice.event("the handle as hers", active).await?;

    let taken: Handle =
        carol.ask(["handle", "claim", &format!("a1ice.wonder@{}", server.address())]).await?;
    let failed = |event: &Event| match &event.what {
        What::Handle { handle } if handle.state == HandleState::Failed => {
            Some(handle.reason.clone())
        }
        _ => None,
    };
    let reason = carol.event("a look-alike refused", failed).await?;
    ensure!(reason == Some(Reason::HandleTaken), "{reason:?} for {taken:?}");

    let unknown = bob.fails(["add", &format!("nobody.here@{}", server.address())]).await?;
    ensure!(unknown.code == "unknown_handle", "{unknown:?}");
    let asked: Contact =
        bob.ask(["add", &handle, "--name", "Alice", "--message", "It is Bob"]).await?;
    ensure!(asked.state == ContactState::Requested, "{asked:?}");
    let request = |event: &Event| match &event.what {
        What::Request { request } => Some(request.clone()),
        _ => None,
    };
    let request: Request = alice.event("a request", request).await?;
    ensure!(
        request.message.as_deref() == Some("It is Bob") && request.name == "Bob",
        "{request:?}"
    );
    alice.ask::<serde_json::Value>(["request", "accept", &request.id]).await?;
    bob.until_contact("Alice", ContactState::Accepted).await?;
    bob.delivers("Alice", "found you").await?;

    carol.ask::<Contact>(["add", &handle, "--name", "Alice"]).await?;
    let second = |event: &Event| match &event.what {
        What::Request { request } if request.name == "Carol" => Some(request.id.clone()),
        _ => None,
    };
    let second = alice.event("Carol's request", second).await?;
    alice.ask::<serde_json::Value>(["request", "decline", &second]).await?;
    carol.until_contact("Alice", ContactState::Refused).await?;
    Ok(())
}

pub(crate) async fn the_server_learns_no_name_no_address_and_no_handle(stage: Stage) -> Result<()> {
    let mut server = a_server(&stage, "server").await?;
    let (alice, bob) = stage.alice_and_bob().await?;

    uses(&alice, server.address()).await?;
    uses(&bob, server.address()).await?;
    let handle = format!("alice.wonder@{}", server.address());
    alice.ask::<Handle>(["handle", "claim", &handle]).await?;
    let active = |event: &Event| match &event.what {
        What::Handle { handle } if handle.state == HandleState::Active => Some(()),
        _ => None,
    };
    alice.event("the handle as hers", active).await?;
    bob.ask::<serde_json::Value>(["presence", "away"]).await?;
    bob.ask::<serde_json::Value>(["name", LONG_NAME]).await?;
    exchange_cards(&alice, &bob).await?;
    let secrets = secrets_of(&stage, &[&alice, &bob]).await?;
    let memory = memory_of(server.process_id()?)?;
    server.stop().await?;
    let mut files = vec![server.log()?.into_bytes()];
    for entry in fs::read_dir(server.data())?.flatten().filter(|entry| entry.path().is_file()) {
        files.push(fs::read(entry.path())?);
    }

    for (name, secret) in &secrets {
        ensure!(!has(&memory, secret), "the server's memory has {name}");
        ensure!(files.iter().all(|file| !has(file, secret)), "the server's files have {name}");
    }

    ensure!(has(&memory, server.address().as_bytes()), "the memory was read");

    Ok(())
}

/// Bytes that a server must never have in clear, each with a description.
async fn secrets_of(stage: &Stage, people: &[&Person]) -> Result<Vec<(String, Vec<u8>)>> {
    let mut secrets = vec![("a handle".to_owned(), b"alice.wonder".to_vec())];
    for person in people {
        let invitation = Invitation::parse(&person.invites().await?)?;
        let name = person.name();
        secrets.push((format!("the peer id of {name}"), invitation.peer_id.0.to_vec()));
        secrets.push((format!("the front door of {name}"), invitation.front_door.0.to_vec()));
    }
    secrets.push(("a name".to_owned(), LONG_NAME.as_bytes().to_vec()));
    ensure!(stage.home.exists(), "the story's directory is gone");
    Ok(secrets)
}

/// The writable memory of a process.
fn memory_of(process: u32) -> Result<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{process}/maps"))?;
    let memory = fs::File::open(format!("/proc/{process}/mem"))?;
    let mut all = vec![];
    for line in maps
        .lines()
        .filter(|line| line.split_whitespace().nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) = line
            .split_whitespace()
            .next()
            .and_then(|range| range.split_once('-'))
            .context("no range")?;
        let (from, to) = (u64::from_str_radix(from, 16)?, u64::from_str_radix(to, 16)?);
        let mut part = vec![0; usize::try_from(to - from)?];
        // The kernel does not let some be read.
        if memory.read_exact_at(&mut part, from).is_ok() {
            all.extend(part);
        }
    }

    Ok(all)
}

fn has(haystack: &[u8], needle: &[u8]) -> bool {
    memchr::memmem::find(haystack, needle).is_some()
}
