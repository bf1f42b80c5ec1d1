//! Logs and stolen disks: they give nothing away.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use chive::api::types::Contact;
use chive::identity::{Identity, PublicIdentity};
use chive::invitation::Invitation;
use chive::profile::key_file::KeyFile;
use chive::profile::{self, Passphrase};
use chive::store::contacts::{self, ContactKeys};
use chive::store::owner;
use chive_tests::person::Person;
use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, HEXLOWER};

use crate::stage::{Stage, meet};

/// The longest word of a log; a key or an address would be longer.
const MAX_WORD: usize = 50;

pub(crate) async fn nothing_in_logs_or_files_tells_who_talks_or_what(stage: Stage) -> Result<()> {
    let (alice, bob) = tokio::try_join!(stage.newcomer("Philomena"), stage.newcomer("Ignatius"))?;
    let (mut alice, mut bob) = (alice.with_full_log(), bob.with_full_log());
    tokio::try_join!(alice.start(), bob.start())?;
    meet(&alice, &bob).await?;
    let link = alice.invites().await?;
    alice.delivers("Ignatius", "the Xylophone of Zanzibar").await?;
    bob.delivers("Philomena", "the Bassoon of Byzantium").await?;
    // Failures are logged, and a machine that loses power leaves files on its disk.
    bob.kill().await?;
    let mut found = contents(&bob)?;
    alice.sends("Ignatius", "the Clavichord of Carthage").await?;
    alice.kill().await?;
    found.extend(contents(&alice)?);
    for kind in ["chive.db-wal", "ipts.json"] {
        ensure!(
            found.iter().any(|(name, content)| name.ends_with(kind) && !content.is_empty()),
            "there is no {kind}"
        );
    }
    tokio::try_join!(alice.start(), bob.start())?;
    bob.sees("the Clavichord of Carthage").await?;
    alice.fails(["add", &link]).await?;
    let renamed: Contact = bob.ask(["contact", "rename", "Philomena", "Wilhelmina"]).await?;
    alice.ask::<Contact>(["contact", "block", "Ignatius"]).await?;
    tokio::try_join!(alice.stop(), bob.stop())?;

    let mut secrets: Vec<Vec<u8>> = [
        "Philomena",
        "Ignatius",
        "Wilhelmina",
        "Xylophone",
        "Bassoon",
        "Clavichord",
        &renamed.id,
        &link,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    let invitation = Invitation::parse(&link)?;
    secrets.extend(
        spellings(&invitation.front_door.0).into_iter().chain(spellings(&invitation.secret.0)),
    );
    for person in [&alice, &bob] {
        secrets.extend(keys(person).await?);
    }
    for person in [&alice, &bob] {
        let log = person.log()?;
        ensure!(!log.is_empty(), "there is no log");
        holds_none(&log.to_lowercase().into_bytes(), &secrets).context("a log")?;
        let words = log.split(|c: char| !c.is_ascii_alphanumeric());
        let longest = words.max_by_key(|word| word.len()).unwrap_or_default();
        ensure!(longest.len() <= MAX_WORD, "a log has {longest}");
        found.extend(contents(person)?);
    }
    for (name, content) in found {
        holds_none(&content, &secrets).with_context(|| name.display().to_string())?;
    }
    Ok(())
}

/// The texts that bytes may be written as, and the bytes themselves.
fn spellings(bytes: &[u8]) -> Vec<Vec<u8>> {
    // The last digits depend on what follows.
    let base32 = BASE32_NOPAD.encode(bytes);
    let base64 = BASE64_NOPAD.encode(bytes);
    let texts = [
        HEXLOWER.encode(bytes),
        base32[..20].to_owned(),
        base64[..18].to_owned(),
        format!("{bytes:?}"),
    ];
    texts.into_iter().map(String::into_bytes).chain([bytes.to_vec()]).collect()
}

/// All keys of a stopped person, secret and public, those of their contacts, and all addresses.
async fn keys(person: &Person) -> Result<Vec<Vec<u8>>> {
    let passphrase = fs::read_to_string(person.passphrase_file())?;
    let store_key = KeyFile::open(&person.profile().join("key"), passphrase.as_bytes())?;
    let profile = profile::open(&person.profile(), &Passphrase::new(passphrase)).await?;
    let mut tx = profile.store.begin().await?;
    let (owner, services) = (owner::load(&mut tx).await?, owner::services(&mut tx).await?);
    let contacts = contacts::all(&mut tx).await?;

    drop(tx);
    profile.store.close().await;
    let identity = Identity::new(&owner.root);
    let PublicIdentity { link, presence } = identity.public();
    let mut keys = vec![
        *store_key,
        owner.root.0,
        owner.presence_secret,
        *identity.link_secret(),
        link,
        presence,
    ];
    keys.push(identity.peer_id().0);
    keys.extend(
        services.iter().flat_map(|service| [service.seed.0, service.seed.onion_address().0]),
    );
    for contact in contacts {
        let ContactKeys { identity: PublicIdentity { link, presence }, pair, address } =
            contact.keys()?.context("no keys")?;
        keys.extend([link, presence, pair, address.0, contact.peer_id.0]);
    }

    Ok(keys.iter().flat_map(|key| spellings(key)).collect())
}

/// Fails if a content has one of the secrets, in lower case.
fn holds_none(content: &[u8], secrets: &[Vec<u8>]) -> Result<()> {
    for secret in secrets {
        let secret = secret.to_ascii_lowercase();
        let found = content.windows(secret.len()).any(|window| window == secret);
        ensure!(!found, "holds {}", String::from_utf8_lossy(&secret));
    }
    Ok(())
}

/// The files of a profile now, in lower case.
fn contents(person: &Person) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    files(&person.profile())?
        .into_iter()
        .map(|file| Ok((file.clone(), fs::read(file)?.to_ascii_lowercase())))
        .collect()
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
