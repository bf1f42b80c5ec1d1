//! Names, texts and requests that are made to do harm.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{Contact, ContactState, Problem};
use chive::profile::{self, Passphrase, SOCKET};
use chive_tests::person::{Answer, Person};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;

use crate::stage::Stage;

/// Clears the screen, sets the title, rings, goes back, reverses the text, and hides some of it.
const HOSTILE: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\rback\u{8}\u{7f} \
                       \u{202e}evil\u{2066} in\u{200b}visible\u{feff}";

/// Whether a terminal obeys a character, or a reader cannot see it.
fn is_harmful(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Checks that a command prints no harmful character, for people or as JSON.
async fn prints_harmlessly(person: &Person, command: &[&str]) -> Result<()> {
    let words = person.reads(command.iter().copied()).await?;
    let json = Answer::of(person.command(command), None).await?.text()?;
    for printed in [words, json] {
        ensure!(!printed.chars().any(is_harmful), "{command:?} prints {printed:?}");
        ensure!(printed.contains("evil"), "{command:?} does not print it at all: {printed:?}");
    }
    Ok(())
}

pub(crate) async fn hostile_texts_are_harmless_on_screen_and_intact_in_json(
    stage: Stage,
) -> Result<()> {
    let (alice, bob) = stage.alice_and_bob().await?;
    alice.delivers("Bob", HOSTILE).await?;
    bob.sees(HOSTILE).await?;
    let history = bob.history("Alice").await?;
    ensure!(history.last().is_some_and(|message| message.text == HOSTILE), "{history:?}");
    prints_harmlessly(&bob, &["history", "Alice"]).await?;
    prints_harmlessly(&alice, &["history", "Bob"]).await?;
    // A NUL cannot be an argument; it can be input.
    alice.types(["send", "Bob", "-"], "nul\0nul").await?.text()?;
    bob.sees("nul\0nul").await?;
    let shown = bob.reads(["history", "Alice"]).await?;
    ensure!(!shown.chars().any(is_harmful), "a NUL is printed");
    Ok(())
}

pub(crate) async fn a_hostile_name_is_harmless_on_screen_and_intact_in_json(
    stage: Stage,
) -> Result<()> {
    // `chive init` refuses such a name, but another program may not.
    let mut eve = Person::without_profile(&stage.env, &stage.home.join("Eve"), "Eve")?;
    let refused = eve.fails(["init", "--name", HOSTILE]).await?;
    ensure!((refused.exit, refused.code.as_str()) == (7, "invalid_name"), "{refused:?}");
    ensure!(!refused.detail.chars().any(is_harmful), "{:?}", refused.detail);
    let passphrase = std::fs::read_to_string(eve.passphrase_file())?;
    profile::create(&eve.profile(), HOSTILE, &Passphrase::new(passphrase)).await?;

    let (started, alice) = tokio::join!(eve.start(), stage.person("Alice"));
    let alice = started.and(alice)?;
    let link = alice.invites().await?;
    eve.adds(&link, "Alice").await?;
    eve.until_contact("Alice", ContactState::Accepted).await?;
    let contacts: Vec<Contact> = alice.list(["contacts"]).await?;
    let contact = contacts.first().context("Eve is not a contact")?;
    ensure!(contact.shared_name.as_deref() == Some(HOSTILE), "{contact:?}");
    ensure!(!contact.name.chars().any(is_harmful) && !contact.name.is_empty(), "{contact:?}");
    prints_harmlessly(&alice, &["contacts"]).await?;
    eve.delivers("Alice", "who am I? evil").await?;
    prints_harmlessly(&alice, &["history", &contact.name]).await
}

pub(crate) async fn malformed_requests_get_problems_and_the_node_survives(
    stage: Stage,
) -> Result<()> {
    let alice = stage.person("Alice").await?;
    let socket = alice.profile().join(SOCKET);
    let deep = format!("{{\"link\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let long = format!("{{\"link\":\"{}\"}}", "x".repeat(200 << 10));
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("null", 422),
        ("{}", 422),
        ("{\"link\":1}", 422),
        ("{\"link\":\"chive:\",\"more\":true}", 422),
        ("{\"link\":\"\\ud800\"}", 400),
        (&deep, 422),
        (&long, 413),
        ("{\"link\":\"nonsense\"}", 422),
    ] {
        is_a_problem(&socket, "POST /v1/contacts", "application/json", body.as_bytes(), status)
            .await?;
    }

    is_a_problem(&socket, "POST /v1/contacts", "application/json", b"{\"link\":\"\xff\xfe\"}", 400)
        .await?;
    is_a_problem(&socket, "POST /v1/contacts", "text/plain", b"{}", 415).await?;
    is_a_problem(&socket, "GET /v1/nothing", "application/json", b"", 404).await?;
    is_a_problem(&socket, "PUT /v1/status", "application/json", b"", 405).await?;
    is_a_problem(&socket, "GET /v1/contacts/%ff", "application/json", b"", 400).await?;
    is_a_problem(&socket, "GET /v1/contacts/Eve", "application/json", b"", 404).await?;
    is_a_problem(&socket, "GET /v1/events?after=x", "application/json", b"", 400).await?;
    is_a_problem(&socket, "DELETE /v1/messages/nonsense", "application/json", b"", 400).await?;
    is_a_problem(&socket, "POST /v1/wipe", "application/json", b"{\"confirm\":false}", 400).await?;

    // Not even HTTP.
    let endless = vec![0xff; 100_000];
    for nonsense in [&b"\0\x01\x02\r\n\r\n"[..], b"GET\r\n\r\n", &endless] {
        exchange(&socket, nonsense).await?;
    }

    ensure!(alice.status().await?.name == "Alice", "the node is another");

    Ok(())
}

/// Sends a request, and checks that the answer is a problem as in RFC 9457.
async fn is_a_problem(
    socket: &Path,
    line: &str,
    kind: &str,
    body: &[u8],
    status: u16,
) -> Result<()> {
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \
        {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    let answer = exchange(socket, &[head.as_bytes(), body].concat()).await?;
    let request = format!("{line} with {:.40}", String::from_utf8_lossy(body));
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .with_context(|| format!("{request}: no answer but {answer:?}"))?;

    ensure!(
        head.starts_with(&format!("HTTP/1.1 {status} ")),
        "{request}: not {status} but {answer}"
    );
    ensure!(
        head.to_lowercase().contains("content-type: application/problem+json"),
        "{request}: {answer}"
    );
    let problem: Problem =
        serde_json::from_str(body).with_context(|| format!("{request}: {answer}"))?;
    ensure!(problem.status == status && !problem.detail.is_empty(), "{request}: {problem:?}");

    Ok(())
}

/// Sends bytes; gives the answer until the node closes the connection.
async fn exchange(socket: &Path, request: &[u8]) -> Result<String> {
    let mut stream = UnixStream::connect(socket).await?;
    // The node may close before it has read all: its answer counts.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
