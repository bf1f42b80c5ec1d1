//! Disks that are full or read-only: each a small tmpfs.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use chive::api::types::{Contact, Direction, Message, MessageState};
use chive_tests::person::{Person, Refused};

use crate::stage::{Stage, all_delivered, meet};

/// Of the whole disk: Tor's directory of relays, and some megabytes.
const SIZE: &str = "size=24m";
/// A text that needs new pages, and so room.
const LONG: usize = 60_000;
/// The log that the store writes to first is used again and again: it has room for so many at most.
const ROOM_LEFT: usize = 400;
/// What a node logs that had no room for something that came.
const NO_ROOM: &str = "could not be stored";

/// A small disk, in a mount namespace of the stories' own; gone when it is dropped.
struct Disk(PathBuf);

impl Disk {
    /// In the place of a directory, with what is in it.
    fn under(directory: &Path) -> Result<Self> {
        let aside = directory.with_extension("aside");
        fs::rename(directory, &aside)?;
        fs::create_dir(directory)?;
        do_as_root(
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

    fn make(&self, access: &str) -> Result<()> {
        do_as_root("mount", &["-o", &format!("remount,{access}")], &self.0)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = do_as_root("umount", &["--lazy"], &self.0);
    }
}

fn do_as_root(program: &str, arguments: &[&str], at: &Path) -> Result<()> {
    let done = std::process::Command::new(program).args(arguments).arg(at).output()?;
    ensure!(
        done.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    Ok(())
}

fn is(refused: &Refused, code: &str, word: &str) -> Result<()> {
    ensure!((refused.exit, refused.code.as_str()) == (9, code), "{refused:?}");
    ensure!(refused.detail.contains(word), "{code} does not say {word:?}: {}", refused.detail);
    Ok(())
}

/// Writes long texts until there is no room; gives those that were accepted, and the refusal.
async fn writes_until_refused(person: &Person, to: &str) -> Result<(Vec<Message>, Refused)> {
    let mut accepted = Vec::new();
    for number in 0..ROOM_LEFT {
        let text = format!("{number} {}", "x".repeat(LONG));
        let answer = person.types(["send", to, "-"], &text).await?;
        if answer.code != 0 {
            return Ok((accepted, answer.refused()?));
        }
        accepted.push(answer.object()?);
    }
    bail!("there is always room")
}

/// Ids of what one wrote and the other has, in order.
async fn ids(person: &Person, with: &str, direction: Direction) -> Result<Vec<String>> {
    let history = person.history(with).await?;
    Ok(history
        .into_iter()
        .filter(|message| message.direction == direction)
        .map(|message| message.id)
        .collect())
}

pub(crate) async fn on_a_full_disk_nothing_accepted_is_lost_and_all_goes_on_when_there_is_room(
    stage: Stage,
) -> Result<()> {
    let (alice, mut bob) = tokio::try_join!(stage.person("Alice"), stage.newcomer("Bob"))?;
    let disk = Disk::under(&bob.profile())?;
    bob.start().await?;
    meet(&alice, &bob).await?;
    alice.delivers("Bob", "there is room").await?;

    disk.fill()?;
    let (accepted, refused) = writes_until_refused(&bob, "Alice").await?;
    is(&refused, "disk_full", "free some space")?;
    // What comes now cannot be stored, and so is not receipted.
    let too_long =
        alice.types(["send", "Bob", "-"], &"y".repeat(LONG)).await?.object::<Message>()?;
    bob.until_logged(NO_ROOM).await?;
    ensure!(
        alice
            .history("Bob")
            .await?
            .iter()
            .all(|m| m.id != too_long.id || m.state != MessageState::Delivered)
    );
    // What is there can be read.
    ensure!(
        bob.history("Alice").await?.iter().any(|message| message.text == "there is room"),
        "Bob cannot read"
    );
    ensure!(
        bob.status().await?.contacts == 1 && bob.list::<Contact>(["contacts"]).await?.len() == 1
    );

    disk.free()?;
    // Without a new start.
    all_delivered(&bob, &accepted).await?;
    alice.until(&too_long, MessageState::Delivered).await?;
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
        "a new start changes what Bob wrote"
    );
    Ok(())
}

pub(crate) async fn a_full_or_read_only_disk_is_named_at_the_start_and_nothing_is_changed(
    stage: Stage,
) -> Result<()> {
    let mut alice = stage.newcomer("Alice").await?;
    let disk = Disk::under(&alice.profile())?;
    disk.make("ro")?;
    is(&alice.is_refused(["run"]).await?, "disk_read_only", "ead-only")?;
    is(&alice.is_refused(["wipe", "--yes"]).await?, "disk_read_only", "ead-only")?;
    disk.make("rw")?;
    alice.start().await?;
    alice.stop().await?;

    disk.fill()?;
    let change = ["passphrase", "change", "--new-passphrase-file"];
    let new = alice.passphrase_file();
    let new = new.to_str().context("a path")?;
    is(&alice.is_refused(change.into_iter().chain([new])).await?, "disk_full", "pace")?;
    is(&alice.is_refused(["run"]).await?, "disk_full", "pace")?;
    disk.free()?;
    alice.start().await?;
    let name = alice.status().await?.name;
    ensure!(name == "Alice", "the profile is {name}'s");
    drop(alice);

    // Nothing half made is left by a profile that finds no room.
    let bob = Person::without_profile(&stage.around, &stage.home.join("Bob"), "Bob")?;
    let small = Disk::under(&stage.home.join("Bob"))?;
    small.fill()?;
    is(&bob.is_refused(["init"]).await?, "disk_full", "pace")?;
    let mut left: Vec<_> =
        fs::read_dir(&small.0)?.flatten().map(|entry| entry.file_name()).collect();
    left.sort();
    ensure!(left == ["filler", "passphrase"], "a failed init leaves {left:?}");
    Ok(())
}
