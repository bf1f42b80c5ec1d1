//! A profile: one directory with a key file, an encrypted store, and a lock against a second
//! process. Creates, opens and destroys it, and changes its passphrase.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{CryptoRng, SeedableRng};
use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::identity::RootSecret;
use crate::model::{ServiceKind, UnixMillis};
use crate::profile::key_file::KeyFile;
use crate::store::{Store, StoreError, owner};
use crate::transport::ServiceKey;

pub mod backup;
mod directory;
mod error;
mod files;
pub mod key_file;
mod passphrase;

pub use error::{BackupError, ProfileError};
pub use files::SOCKET;
pub use passphrase::Passphrase;

use directory::make;
use files::{KEY_FILE, LOCK, STORE, TOR, gone, remove_unfinished};

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

/// Unlocks a profile, and locks it against other processes until it is dropped.
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
    remove_unfinished(directory)?;
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
    remove_unfinished(directory)?;
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
    async fn a_profile_without_key_or_store_is_left_alone() {
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
