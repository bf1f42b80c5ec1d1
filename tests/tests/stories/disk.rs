//! Disks that are full or read-only. Each is a small tmpfs in the stories' own mount namespace.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use chive::api::types::{Contact, Direction, Message, MessageState};
use chive_tests::person::{CommandError, Person};

use crate::stage::{Stage, all_delivered, meet};

/// The size of a disk: room for Tor's directory of relays, and some megabytes.
const SIZE: &str = "size=24m";
/// The length of a text that needs new pages.
const LONG: usize = 60_000;
/// How many texts fit at most, because the write-ahead log is reused.
const MAX_TEXTS: usize = 400;
/// The log message of a node that had no room for something it received.
const NO_ROOM: &str = "could not be stored";

/// A small disk; it is unmounted when this is dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it over a directory, and copies the directory's content.
    fn mount_over(directory: &Path) -> Result<Self> {
        let aside = directory.with_extension("aside");
        fs::rename(directory, &aside)?;
        fs::create_dir(directory)?;
        run_as_root(
            "mount",
            &["-t", "tmpfs", "-o", &format!("{SIZE},mode=0700"), "chive"],
            directory,
        )?;
        let disk = Self(directory.to_owned());
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .arg(aside.join("."))
            .arg(directory)
            .status()?;

        ensure!(copied.success(), "cp ended with {copied}");
        fs::remove_dir_all(aside)?;

        Ok(disk)
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves no byte free.
    fn fill(&self) -> Result<()> {
        let mut filler = File::options().create(true).append(true).open(self.filler())?;
        for size in [1 << 16, 1 << 10, 1] {
            loop {
                match filler.write(&vec![0; size]) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.filler())?)
    }

    fn remount(&self, access: &str) -> Result<()> {
        run_as_root("mount", &["-o", &format!("remount,{access}")], &self.0)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = run_as_root("umount", &["--lazy"], &self.0);
    }
}

fn run_as_root(program: &str, arguments: &[&str], at: &Path) -> Result<()> {
    let done = std::process::Command::new(program).args(arguments).arg(at).output()?;
    ensure!(
        done.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

fn check_error(error: &CommandError, code: &str, word: &str) -> Result<()> {
    ensure!((error.exit, error.code.as_str()) == (9, code), "{error:?}");
    ensure!(error.detail.contains(word), "{code} does not say {word:?}: {}", error.detail);
    Ok(())
}

/// Writes long texts until the disk is full; gives the accepted ones, and the error.
async fn write_until_full(person: &Person, to: &str) -> Result<(Vec<Message>, CommandError)> {
    let mut accepted = Vec::new();
    for number in 0..MAX_TEXTS {
        let text = format!("{number} {}", "x".repeat(LONG));
        let answer = person.types(["send", to, "-"], &text).await?;
        if answer.code != 0 {
            return Ok((accepted, answer.error()?));
        }
        accepted.push(answer.object()?);
    }
    bail!("there is always room")
}

/// The ids of a person's messages in one direction, in order.
async fn ids(person: &Person, with: &str, direction: Direction) -> Result<Vec<String>> {
    let history = person.history(with).await?;
    Ok(history
        .into_iter()
        .filter(|message| message.direction == direction)
        .map(|message| message.id)
        .collect())
}

pub(crate) async fn a_full_disk_loses_nothing_and_recovers_with_room(stage: Stage) -> Result<()> {
    let (alice, mut bob) = tokio::try_join!(stage.person("Alice"), stage.newcomer("Bob"))?;
    let disk = Disk::mount_over(&bob.profile())?;
    bob.start().await?;
    meet(&alice, &bob).await?;
    alice.delivers("Bob", "there is room").await?;

    disk.fill()?;
    let (accepted, error) = write_until_full(&bob, "Alice").await?;
    check_error(&error, "disk_full", "free some space")?;
    // A message that arrives now cannot be stored, and so gets no receipt.
    let unstored =
        alice.types(["send", "Bob", "-"], &"y".repeat(LONG)).await?.object::<Message>()?;
    bob.until_logged(NO_ROOM).await?;
    ensure!(
        alice
            .history("Bob")
            .await?
            .iter()
            .all(|m| m.id != unstored.id || m.state != MessageState::Delivered)
    );
    // Everything that is stored can be read.
    ensure!(
        bob.history("Alice").await?.iter().any(|message| message.text == "there is room"),
        "Bob cannot read"
    );
    ensure!(
        bob.status().await?.contacts == 1 && bob.list::<Contact>(["contacts"]).await?.len() == 1
    );

    disk.free()?;
    // Without a restart.
    all_delivered(&bob, &accepted).await?;
    alice.until(&unstored, MessageState::Delivered).await?;
    bob.delivers("Alice", "there is room again").await?;
    for (writer, reader) in [(&alice, &bob), (&bob, &alice)] {
        let (sent, received) = tokio::try_join!(
            ids(writer, reader.name(), Direction::Sent),
            ids(reader, writer.name(), Direction::Received)
        )?;
        ensure!(
            sent == received,
            "{} has {} messages of {}",
            reader.name(),
            received.len(),
            sent.len()
        );
    }
    let written = ids(&bob, "Alice", Direction::Sent).await?;
    let expected: Vec<_> = accepted.iter().map(|message| message.id.clone()).collect();
    ensure!(
        written.starts_with(&expected) && written.len() == accepted.len() + 1,
        "Bob wrote something else"
    );
    bob.kill().await?;
    bob.start().await?;
    ensure!(
        ids(&bob, "Alice", Direction::Sent).await? == written,
        "a restart changes what Bob wrote"
    );
    Ok(())
}

pub(crate) async fn a_full_or_read_only_disk_is_reported_and_left_alone(
    stage: Stage,
) -> Result<()> {
    let mut alice = stage.newcomer("Alice").await?;
    let disk = Disk::mount_over(&alice.profile())?;
    disk.remount("ro")?;
    check_error(&alice.fails(["run"]).await?, "disk_read_only", "ead-only")?;
    check_error(&alice.fails(["wipe", "--yes"]).await?, "disk_read_only", "ead-only")?;
    disk.remount("rw")?;
    alice.start().await?;
    alice.stop().await?;

    disk.fill()?;
    let change = ["passphrase", "change", "--new-passphrase-file"];
    let new = alice.passphrase_file();
    let new = new.to_str().context("a path")?;
    check_error(&alice.fails(change.into_iter().chain([new])).await?, "disk_full", "pace")?;
    check_error(&alice.fails(["run"]).await?, "disk_full", "pace")?;
    disk.free()?;
    alice.start().await?;
    let name = alice.status().await?.name;
    ensure!(name == "Alice", "the profile is {name}'s");
    drop(alice);

    // A profile that does not fit leaves nothing behind.
    let bob = Person::without_profile(&stage.env, &stage.home.join("Bob"), "Bob")?;
    let small = Disk::mount_over(&stage.home.join("Bob"))?;
    small.fill()?;
    check_error(&bob.fails(["init"]).await?, "disk_full", "pace")?;
    let mut left: Vec<_> =
        fs::read_dir(&small.0)?.flatten().map(|entry| entry.file_name()).collect();
    left.sort();
    ensure!(left == ["filler", "passphrase"], "a failed init leaves {left:?}");
    Ok(())
}
