//! A profile: one directory with a key file, an encrypted store, and a lock against a second
//! process. It is only ever unlocked whole.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{CryptoRng, RngCore, SeedableRng};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::identity::RootSecret;
use crate::model::{ServiceKind, UnixMillis};
use crate::profile::key_file::{KeyFile, KeyFileError};
use crate::store::{Store, StoreError, owner};
use crate::transport::ServiceKey;

pub mod backup;
pub mod key_file;

/// The local API's socket, in the profile's directory.
pub const SOCKET: &str = "api.sock";
const KEY_FILE: &str = "key";
const STORE: &str = "chive.db";
const LOCK: &str = "lock";
const TOR: &str = "tor";

/// A passphrase. It does not print, and is wiped on drop.
#[derive(Clone)]
pub struct Passphrase(Zeroizing<String>);

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

impl Passphrase {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// An empty passphrase protects nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Why a profile cannot be made, opened or destroyed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is something in the directory already.
    #[error(
        "there is a profile in {0} already: use it, choose another directory with --profile, or \
        destroy it with `chive wipe`"
    )]
    Exists(PathBuf),
    /// There is no profile.
    #[error("there is no profile in {0}: make one with `chive init`")]
    Missing(PathBuf),
    /// Another process has it open.
    #[error("the profile is in use by another process: stop the other `chive run` first")]
    InUse,
    /// The passphrase does not open the key file.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// An empty passphrase was given.
    #[error("the passphrase is empty: choose one")]
    EmptyPassphrase,
    /// Something in it cannot be read. It is left as it is.
    #[error("the profile is damaged and was left as it is: {0}")]
    Damaged(String),
    /// The file is no backup that can be restored.
    #[error(transparent)]
    Backup(#[from] backup::BackupError),
    /// The store cannot be opened or used.
    #[error(transparent)]
    Store(StoreError),
    /// The file system says no.
    #[error("the profile cannot be read or written: {0}")]
    Io(#[from] io::Error),
}

impl From<StoreError> for ProfileError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged { what, .. } => Self::Damaged(format!("{STORE}: {what}")),
            error => Self::Store(error),
        }
    }
}

impl From<KeyFileError> for ProfileError {
    fn from(error: KeyFileError) -> Self {
        match error {
            KeyFileError::WrongPassphrase => Self::WrongPassphrase,
            KeyFileError::Io(error) => Self::Io(error),
            damaged @ KeyFileError::Damaged(_) => Self::Damaged(damaged.to_string()),
        }
    }
}

/// An unlocked profile, locked against others until it is dropped.
pub struct Profile {
    /// The directory with the key file, the store and the socket.
    pub directory: PathBuf,
    /// The open store, which nobody else can open meanwhile.
    pub store: Store,
    _lock: File,
}

impl Profile {
    /// Where the local API listens.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join(SOCKET)
    }

    /// Where Tor keeps its state: guards and caches, no key.
    #[must_use]
    pub fn tor_directory(&self) -> PathBuf {
        self.directory.join(TOR)
    }
}

/// Makes a profile. The directory appears whole, or not at all.
pub async fn create(
    directory: &Path,
    name: &str,
    passphrase: &Passphrase,
) -> Result<(), ProfileError> {
    make(directory, passphrase, async |unfinished, rng| {
        fill(unfinished, name, passphrase, rng).await
    })
    .await
}

/// Makes a directory with what `fill` puts into it. It appears whole, or not at all.
async fn make<T>(
    directory: &Path,
    passphrase: &Passphrase,
    fill: impl AsyncFnOnce(&Path, &mut StdRng) -> Result<T, ProfileError>,
) -> Result<T, ProfileError> {
    if passphrase.is_empty() {
        return Err(ProfileError::EmptyPassphrase);
    }

    if directory.exists() && fs::read_dir(directory)?.next().is_some() {
        return Err(ProfileError::Exists(directory.to_owned()));
    }

    let mut rng = StdRng::from_os_rng();
    let parent = directory
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));

    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let unfinished = parent.join(format!(".chive-{:016x}", rng.next_u64()));
    DirBuilder::new().mode(0o700).create(&unfinished)?;
    let made = fill(&unfinished, &mut rng).await;
    let made = made.and_then(|made| {
        fs::rename(&unfinished, directory).map(|()| made).map_err(ProfileError::Io)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }

    let made = made?;
    File::open(parent)?.sync_all()?;

    Ok(made)
}

async fn fill(
    directory: &Path,
    name: &str,
    passphrase: &Passphrase,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), ProfileError> {
    let key = KeyFile::create(&directory.join(KEY_FILE), passphrase.0.as_bytes(), rng)?;
    let store = Store::open(&directory.join(STORE), &key, true).await?;
    move_in(&store, name, Clock::system().now(), rng).await?;
    store.close().await;
    Ok(())
}

/// Writes the owner of a fresh store, with its secrets and its onion services.
pub(crate) async fn move_in(
    store: &Store,
    name: &str,
    now: UnixMillis,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<(), StoreError> {
    // A revision that says nothing of how many came before.
    let card_revision = rng.next_u64() >> 24;
    let mut random = || {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        bytes
    };
    let owner = owner::Owner {
        root: RootSecret(*random()),
        presence_secret: *random(),
        name: name.to_owned(),
        card_revision,
    };
    let (front, endpoint) = (ServiceKey(*random()), ServiceKey(*random()));
    let mut tx = store.begin().await?;

    owner::create(&mut tx, &owner, now).await?;
    owner::add_service(&mut tx, ServiceKind::Requests, &front, now, now).await?;
    owner::add_service(&mut tx, ServiceKind::Contacts, &endpoint, now, now).await?;

    tx.commit().await
}

/// Unlocks a profile.
pub async fn open(directory: &Path, passphrase: &Passphrase) -> Result<Profile, ProfileError> {
    let lock = lock(directory)?;
    let (file, path) = (directory.join(STORE), directory.join(KEY_FILE));
    let passphrase = passphrase.clone();
    let key =
        tokio::task::spawn_blocking(move || KeyFile::open(&path, passphrase.0.as_bytes())).await;
    let key = key.map_err(|error| ProfileError::Damaged(error.to_string()))??;
    if !file.exists() {
        return Err(ProfileError::Damaged(format!("{STORE} is missing")));
    }
    backup::remove_unfinished(directory)?;
    let store = Store::open(&file, &key, false).await?;
    Ok(Profile { directory: directory.to_owned(), store, _lock: lock })
}

/// Whether there is a profile, or what is left of one.
#[must_use]
pub fn exists(directory: &Path) -> bool {
    directory.join(KEY_FILE).exists() || directory.join(STORE).exists()
}

/// Whether this is the passphrase. A node may run on the profile.
pub async fn check_passphrase(
    directory: &Path,
    passphrase: &Passphrase,
) -> Result<(), ProfileError> {
    let (path, passphrase) = (directory.join(KEY_FILE), passphrase.clone());
    let opened = tokio::task::spawn_blocking(move || {
        KeyFile::open(&path, passphrase.0.as_bytes()).map(drop)
    })
    .await;
    Ok(opened.map_err(|error| ProfileError::Damaged(error.to_string()))??)
}

/// Replaces the passphrase of a profile that no node runs on.
pub fn change_passphrase(
    directory: &Path,
    old: &Passphrase,
    new: &Passphrase,
) -> Result<(), ProfileError> {
    let _lock = lock(directory)?;
    rewrap(directory, old, new)
}

pub(crate) fn rewrap(
    directory: &Path,
    old: &Passphrase,
    new: &Passphrase,
) -> Result<(), ProfileError> {
    if new.is_empty() {
        return Err(ProfileError::EmptyPassphrase);
    }
    Ok(KeyFile::change(
        &directory.join(KEY_FILE),
        old.0.as_bytes(),
        new.0.as_bytes(),
        &mut StdRng::from_os_rng(),
    )?)
}

/// Destroys a profile that no node runs on. Needs no passphrase, and goes on where an earlier try
/// was interrupted.
pub fn wipe(directory: &Path) -> Result<(), ProfileError> {
    if !directory.join(KEY_FILE).exists() && !directory.join(LOCK).exists() {
        return Err(ProfileError::Missing(directory.to_owned()));
    }
    let _lock = take_lock(directory)?;
    destroy(directory)
}

/// The key file goes first: without it, what is left of the store is noise.
pub(crate) fn destroy(directory: &Path) -> Result<(), ProfileError> {
    destroy_key(directory)?;
    for file in [STORE, "chive.db-wal", "chive.db-shm", SOCKET] {
        gone(fs::remove_file(directory.join(file)))?;
    }
    backup::remove_unfinished(directory)?;
    gone(fs::remove_dir_all(directory.join(TOR)))?;
    gone(fs::remove_file(directory.join(LOCK)))?;
    // Something that is not ours may be in there: then the directory stays.
    let _ = fs::remove_dir(directory);
    Ok(())
}

/// Makes the store unreadable for ever.
pub(crate) fn destroy_key(directory: &Path) -> Result<(), ProfileError> {
    Ok(KeyFile::destroy(&directory.join(KEY_FILE), &mut StdRng::from_os_rng())?)
}

/// What is not there need not be removed.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn lock(directory: &Path) -> Result<File, ProfileError> {
    if !directory.join(KEY_FILE).exists() {
        return Err(if directory.join(STORE).exists() {
            ProfileError::Damaged(format!(
                "the file {KEY_FILE} is missing, and without it nothing can be read"
            ))
        } else {
            ProfileError::Missing(directory.to_owned())
        });
    }
    take_lock(directory)
}

fn take_lock(directory: &Path) -> Result<File, ProfileError> {
    let file =
        File::options().create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ProfileError::InUse),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Passphrase {
        Passphrase::new(text.into())
    }

    #[tokio::test]
    async fn a_profile_opens_with_its_passphrase_only_and_once_only() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("alice");

        create(&directory, "Alice", &words("one")).await.unwrap();
        assert!(matches!(
            open(&directory, &words("two")).await,
            Err(ProfileError::WrongPassphrase)
        ));
        let profile = open(&directory, &words("one")).await.unwrap();
        assert!(matches!(open(&directory, &words("one")).await, Err(ProfileError::InUse)));
        assert!(matches!(wipe(&directory), Err(ProfileError::InUse)));
        rewrap(&directory, &words("one"), &words("three")).unwrap();
        drop(profile);
        assert!(matches!(
            open(&directory, &words("one")).await,
            Err(ProfileError::WrongPassphrase)
        ));
        open(&directory, &words("three")).await.unwrap();
        assert!(matches!(
            create(&directory, "Eve", &words("x")).await,
            Err(ProfileError::Exists(_))
        ));
    }

    #[tokio::test]
    async fn a_profile_without_its_key_or_its_store_is_damaged_and_left_alone() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("alice");
        assert!(matches!(open(&directory, &words("one")).await, Err(ProfileError::Missing(_))));
        create(&directory, "Alice", &words("one")).await.unwrap();
        fs::rename(directory.join(STORE), directory.join("kept")).unwrap();
        assert!(matches!(open(&directory, &words("one")).await, Err(ProfileError::Damaged(_))));
        assert!(!directory.join(STORE).exists());
        fs::rename(directory.join("kept"), directory.join(STORE)).unwrap();
        fs::remove_file(directory.join(KEY_FILE)).unwrap();
        assert!(matches!(open(&directory, &words("one")).await, Err(ProfileError::Damaged(_))));
    }

    #[tokio::test]
    async fn a_wipe_that_was_interrupted_can_be_repeated() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("alice");
        create(&directory, "Alice", &words("one")).await.unwrap();
        drop(open(&directory, &words("one")).await.unwrap());
        destroy_key(&directory).unwrap();
        assert!(matches!(open(&directory, &words("one")).await, Err(ProfileError::Damaged(_))));
        wipe(&directory).unwrap();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
        assert!(matches!(wipe(&directory), Err(ProfileError::Missing(_))));
    }

    #[tokio::test]
    async fn wiping_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("alice");
        create(&directory, "Alice", &words("one")).await.unwrap();
        fs::copy(directory.join(KEY_FILE), directory.join("key.new")).unwrap();
        wipe(&directory).unwrap();
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }
}
