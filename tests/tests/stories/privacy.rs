//! What a log or a stolen disk gives away: nothing.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use chive::api::types::Contact;
use chive::invitation::Invitation;
use chive::profile::{self, Passphrase};
use chive::store::owner;
use chive_tests::person::Person;
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, HEXLOWER};

use crate::stage::{Stage, meet};

/// No word of a log is longer, so no key or address can be in it.
const LONGEST_WORD: usize = 50;

pub(crate) async fn nothing_in_logs_or_files_tells_who_talks_or_what(stage: Stage) -> Result<()> {
    let (alice, bob) = tokio::try_join!(stage.newcomer("Philomena"), stage.newcomer("Ignatius"))?;
    let (mut alice, mut bob) = (alice.with_full_log(), bob.with_full_log());
    tokio::try_join!(alice.start(), bob.start())?;
    meet(&alice, &bob).await?;
    let link = alice.invites().await?;
    alice.delivers("Ignatius", "the Xylophone of Zanzibar").await?;
    bob.delivers("Philomena", "the Bassoon of Byzantium").await?;
    // Things that are logged when they go wrong.
    bob.kill().await?;
    alice.sends("Ignatius", "the Clavichord of Carthage").await?;
    bob.start().await?;
    bob.sees("the Clavichord of Carthage").await?;
    alice.is_refused(["add", &link]).await?;
    let renamed: Contact = bob.ask(["contact", "rename", "Philomena", "Wilhelmina"]).await?;
    alice.ask::<Contact>(["contact", "block", "Ignatius"]).await?;
    tokio::try_join!(alice.stop(), bob.stop())?;

    let mut secrets: Vec<Vec<u8>> =
        ["Philomena", "Ignatius", "Wilhelmina", "Xylophone", "Bassoon", "Clavichord", &renamed.id, &link]
            .map(|text| text.as_bytes().to_vec())
            .to_vec();
    let invitation = Invitation::parse(&link)?;
    secrets.extend(spellings(&invitation.front_door.0).into_iter().chain(spellings(&invitation.secret.0)));
    for person in [&alice, &bob] {
        secrets.extend(keys(person).await?);
    }
    for person in [&alice, &bob] {
        let log = person.log()?;
        ensure!(!log.is_empty(), "there is no log");
        holds_none(&log.to_lowercase().into_bytes(), &secrets).context("a log")?;
        let words = log.split(|c: char| !c.is_ascii_alphanumeric());
        let longest = words.max_by_key(|word| word.len()).unwrap_or_default();
        ensure!(longest.len() <= LONGEST_WORD, "a log has {longest}");
        for file in files(&person.profile())? {
            let content = fs::read(&file)?.to_ascii_lowercase();
            holds_none(&content, &secrets).with_context(|| file.display().to_string())?;
        }
    }
    Ok(())
}

/// All ways in which bytes may be written, and the bytes themselves.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    // The last digits depend on what follows.
    let base32 = BASE32_NOPAD.encode(bytes);
    let base64 = BASE64_NOPAD.encode(bytes);
    let texts = [HEXLOWER.encode(bytes), base32[..20].to_owned(), base64[..18].to_owned(), format!("{bytes:?}")];
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec()]).collect()
}

/// The addresses and the seeds of a stopped person's services, and its root secret.
async fn keys(person: &Person) -> Result<Vec<Vec<u8>>> {
    let passphrase = fs::read_to_string(person.passphrase_file())?;
    let profile = profile::open(&person.profile(), &Passphrase::new(passphrase)).await?;
    let mut tx = profile.store.begin().await?;
    let (owner, services) = (owner::load(&mut tx).await?, owner::services(&mut tx).await?);
    drop(tx);
    profile.store.close().await;
    let mut keys = spellings(&owner.root.0);
    for service in services {
        keys.extend(spellings(&service.seed.0));
        keys.extend(spellings(&service.seed.address().0));
    }
    Ok(keys)
}

/// Fails if one of the secrets is in it, in lower case.
fn holds_none(content: &[u8], secrets: &[Vec<u8>]) -> Result<()> {
    for secret in secrets {
        let secret = secret.to_ascii_lowercase();
        let found = content.windows(secret.len()).any(|window| window == secret);
        ensure!(!found, "holds {}", String::from_utf8_lossy(&secret));
    }
    Ok(())
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        match entry.file_type()? {
            kind if kind.is_dir() => files.extend(self::files(&entry.path())?),
            kind if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    Ok(files)
}
