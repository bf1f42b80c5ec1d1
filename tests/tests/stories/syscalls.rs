//! The system calls of a client, from its first command to its last.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use chive::api::types::Contact;
use chive_tests::person::Person;
use toml::{Table, Value};

use crate::stage::{Stage, meet};

/// Files that a process opens to resolve host names.
const NAME_FILES: [&str; 4] = ["resolv.conf", "/etc/hosts", "host.conf", "gai.conf"];
/// Where arti looks up the name of our user and its group: the one thing that it asks of the
/// system.
const USERS: &str = "/var/run/nscd/socket";

/// The connections in a person's traces.
#[derive(Debug, Default)]
struct Connections {
    relays: BTreeSet<u16>,
    own_sockets: usize,
}

/// One life, from `init` to `wipe`, twice at the same time.
pub(crate) async fn a_client_connects_only_to_relays_and_asks_no_dns(stage: Stage) -> Result<()> {
    let traced = |name: &str| {
        let home = stage.home.join(name);
        Person::without_profile(&stage.env, &home, name)?.with_traces(home.join("traces"))
    };
    let (mut alice, mut bob) = (traced("Alice")?, traced("Bob")?);
    for person in [&alice, &bob] {
        person.ask::<serde_json::Value>(["init", "--name", person.name()]).await?;
    }
    tokio::try_join!(alice.start(), bob.start())?;
    meet(&alice, &bob).await?;
    // A text that looks like an address is nothing but a text.
    alice.delivers("Bob", "http://example.org/picture.png https://example.com").await?;
    bob.delivers("Alice", "ftp://198.51.100.7/ example.net").await?;
    bob.kill().await?;
    bob.start().await?;
    bob.delivers("Alice", "I am back").await?;
    alice.history("Bob").await?;
    alice.fails(["add", "https://example.org/"]).await?;
    alice.ask::<Contact>(["contact", "block", "Bob"]).await?;
    alice.ask::<serde_json::Value>(["contact", "remove", "Bob", "--yes"]).await?;
    alice.stop().await?;
    bob.ask::<serde_json::Value>(["wipe", "--yes"]).await?;
    bob.ended().await?;
    alice.ask::<serde_json::Value>(["wipe", "--yes"]).await?;

    let ports = relay_ports(stage.env.tor_config.as_deref().context("no private network")?)?;
    for person in [&alice, &bob] {
        let seen = check_traces(&stage.home.join(person.name()), &ports)?;
        ensure!(
            !seen.relays.is_empty() && seen.own_sockets > 5,
            "{}: hardly anything was seen: {seen:?}",
            person.name()
        );
    }
    Ok(())
}

/// The ports at which the relays of a network listen.
fn relay_ports(config: &Path) -> Result<BTreeSet<u16>> {
    let config: Table = fs::read_to_string(config)?.parse()?;
    let caches = config["tor_network"]["fallback_caches"].as_array().context("no relays")?;
    let addresses = caches
        .iter()
        .filter_map(|cache| cache["orports"].as_array())
        .flatten()
        .filter_map(Value::as_str);
    addresses
        .map(|address| Ok(address.strip_prefix("127.0.0.1:").context("elsewhere")?.parse()?))
        .collect()
}

/// Fails if a person's traces have a call that Chive must not make.
fn check_traces(home: &Path, relays: &BTreeSet<u16>) -> Result<Connections> {
    let mut seen = Connections::default();
    for file in fs::read_dir(home.join("traces"))? {
        let calls = fs::read_to_string(file?.path())?;
        for call in calls.lines() {
            check_call(call, home, relays, &mut seen).with_context(|| call.to_owned())?;
        }
    }
    Ok(seen)
}

fn check_call(
    call: &str,
    home: &Path,
    relays: &BTreeSet<u16>,
    seen: &mut Connections,
) -> Result<()> {
    let (name, arguments) = call.split_once('(').unwrap_or((call, ""));
    match name {
        "socket" | "socketpair" => {
            let kind = arguments
                .split_once(", ")
                .map(|(family, rest)| (family, rest.starts_with("SOCK_STREAM")));
            ensure!(
                matches!(kind, Some(("AF_UNIX", _) | ("AF_INET", true))),
                "a socket of another kind"
            );
        }
        "connect" if arguments.contains("AF_UNIX") => {
            let own = is_own(arguments, home);
            ensure!(own || arguments.contains(USERS), "a socket of another program");
            seen.own_sockets += usize::from(own);
        }
        "connect" => {
            ensure!(arguments.contains("inet_addr(\"127.0.0.1\")"), "another machine");
            let port = arguments
                .split_once("htons(")
                .and_then(|(_, rest)| rest.split(')').next()?.parse().ok());
            let port = port.context("no port")?;
            ensure!(relays.contains(&port), "not a relay");
            seen.relays.insert(port);
        }
        "bind" => ensure!(
            arguments.contains("AF_UNIX") && is_own(arguments, home),
            "it listens elsewhere"
        ),
        "sendto" | "sendmsg" | "sendmmsg" => {
            ensure!(
                !arguments.contains("sa_family") && !arguments.contains("sin_"),
                "a packet to an address"
            );
        }
        "open" | "openat" => {
            ensure!(NAME_FILES.iter().all(|file| !arguments.contains(file)), "a look-up of names");
        }
        "listen" | "accept" | "accept4" | "recvfrom" | "recvmsg" | "recvmmsg" | "getsockopt"
        | "setsockopt" | "getsockname" | "getpeername" | "shutdown" => {}
        // A thread that was killed between two calls.
        "???" if arguments == " <detached ...>" => {}
        _ if name.starts_with("---") || name.starts_with("+++") || name.starts_with("<...") => {}
        _ => bail!("an unknown call"),
    }

    Ok(())
}

fn is_own(arguments: &str, home: &Path) -> bool {
    let path = arguments.split("sun_path=\"").nth(1).and_then(|rest| rest.split('"').next());
    path.is_some_and(|path| Path::new(path).starts_with(home))
}
