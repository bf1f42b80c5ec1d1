//! Backups: one file, encrypted under a passphrase of its own, from which a profile can be
//! restored.
//!
//! `"chive-backup" ‖ version 2 ‖ length 2 ‖ header ‖ database`. The header has the form of the key
//! file, and seals the database's random key, length and SHA-256: no byte of a backup can be
//! changed, cut off, added or taken from another one. `SQLCipher` encrypts the database.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{CryptoRng, RngCore, SeedableRng};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::directory::make;
use super::error::{BackupError, ProfileError};
use super::files::{KEY_FILE, STORE, UNFINISHED, remove_unfinished};
use super::key_file::{KeyFile, KeyFileError};
use super::passphrase::Passphrase;
use crate::clock::Clock;
use crate::limits::{MAX_BACKUP, MAX_BACKUP_HEADER};
use crate::store::backup::{self, BackupContents};
use crate::store::{Store, StoreError};

const MAGIC: &[u8; 12] = b"chive-backup";
const VERSION: u16 = 1;
const AAD: &[u8] = b"chive/v1/backup";
/// Key 32, length 8, hash 32, time 8.
const SEALED: usize = 80;

/// One backup at a time: they share the unfinished file.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A backup on its way out: nothing of it is left in the profile.
pub struct Backup {
    /// Everything before the database: magic, version, length, header.
    pub head: Vec<u8>,
    /// The encrypted database, to be read from its beginning.
    pub database: File,
    /// The length of the whole backup, in bytes.
    pub length: u64,
}

/// What a backup held that was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made, Unix milliseconds.
    pub made_at: i64,
    /// The owner's name, and counts of what was restored.
    pub contents: BackupContents,
}

/// Makes a backup of an open store in `directory`, which goes on meanwhile.
pub async fn make_backup(
    store: &Store,
    directory: &Path,
    passphrase: &Passphrase,
) -> Result<Backup, ProfileError> {
    if passphrase.is_empty() {
        return Err(ProfileError::EmptyPassphrase);
    }

    let _alone = ALONE.lock().await;
    remove_unfinished(directory)?;
    let unfinished = Unfinished(directory.to_owned());
    let file = directory.join(UNFINISHED);
    let mut rng = StdRng::from_os_rng();
    let mut key = Zeroizing::new([0; 32]);

    rng.fill_bytes(&mut *key);
    let copy = Store::open(&file, &key, true).await?;
    let copied = backup::copy(store, &copy).await;
    copy.close().await;
    copied?;
    let passphrase = passphrase.clone();
    let sealed =
        tokio::task::spawn_blocking(move || seal(&file, &key, &passphrase, &mut rng)).await;
    drop(unfinished);

    sealed.map_err(|error| io::Error::other(error.to_string()))?
}

fn seal(
    file: &Path,
    key: &[u8; 32],
    passphrase: &Passphrase,
    rng: &mut StdRng,
) -> Result<Backup, ProfileError> {
    let mut database = File::open(file)?;
    let (length, hash) = measure(&mut database, &mut io::sink())?;
    let mut sealed = Zeroizing::new(Vec::with_capacity(SEALED));
    sealed.extend_from_slice(key);
    sealed.extend_from_slice(&length.to_be_bytes());
    sealed.extend_from_slice(&hash);
    sealed.extend_from_slice(&Clock::system().now().0.to_be_bytes());
    let header = KeyFile::seal(&sealed, AAD, passphrase.0.as_bytes(), rng)?;
    let too_long = |_| ProfileError::Backup(BackupError::Damaged("its header"));
    let header_length = u16::try_from(header.len()).map_err(too_long)?;
    let head = [&MAGIC[..], &VERSION.to_be_bytes(), &header_length.to_be_bytes(), &header].concat();
    database.rewind()?;
    let length = length + head.len() as u64;
    Ok(Backup { head, database, length })
}

impl Backup {
    /// Writes the whole backup, head and database.
    pub fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(&self.head)?;
        io::copy(&mut self.database, out).map(drop)
    }
}

/// Removes the unfinished database when it is dropped.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = remove_unfinished(&self.0) {
            tracing::error!(%error, "an unfinished backup could not be removed");
        }
    }
}

/// Copies to the end, and says how much it was, and its hash.
fn measure(from: &mut impl Read, to: &mut impl Write) -> io::Result<(u64, [u8; 32])> {
    let (mut hash, mut length) = (Sha256::new(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok((length, hash.finalize().into()));
        }
        hash.update(&buffer[..read]);
        to.write_all(&buffer[..read])?;
        length += read as u64;
    }
}

/// What a header seals.
struct OpenedBackup {
    key: Zeroizing<[u8; 32]>,
    length: u64,
    hash: [u8; 32],
    made_at: i64,
}

/// Restores a profile: its directory appears whole, or not at all. It opens with the backup's
/// passphrase.
pub async fn restore(
    file: &Path,
    passphrase: &Passphrase,
    directory: &Path,
) -> Result<Restored, ProfileError> {
    make(directory, passphrase, async |unfinished, rng| {
        fill(file, passphrase, unfinished, rng).await
    })
    .await
}

async fn fill(
    file: &Path,
    passphrase: &Passphrase,
    directory: &Path,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<Restored, ProfileError> {
    let mut file = File::open(file)?;
    let opened = open(&mut file, passphrase)?;
    let copy = directory.join(UNFINISHED);
    let mut out = File::options().create_new(true).write(true).mode(0o600).open(&copy)?;
    let (length, hash) = measure(&mut file.take(opened.length.saturating_add(1)), &mut out)?;
    drop(out);
    if length != opened.length || hash != opened.hash {
        return Err(BackupError::Damaged("it is not as it was written").into());
    }

    let from = Store::open(&copy, &opened.key, false).await.map_err(|error| match error {
        StoreError::Migration(_) => BackupError::Version.into(),
        StoreError::Damaged { what, .. } => BackupError::Damaged(what).into(),
        error => ProfileError::Store(error),
    })?;

    // Another key than the backup's: who has that must not have the profile's.
    let key = KeyFile::create(&directory.join(KEY_FILE), passphrase.0.as_bytes(), rng)?;
    let to = Store::open(&directory.join(STORE), &key, true).await?;
    let restored = async {
        backup::copy(&from, &to).await?;
        backup::restore(&to, Clock::system().now(), rng).await
    };
    let restored = restored.await;

    from.close().await;
    to.close().await;
    let contents = restored?;
    remove_unfinished(directory)?;

    Ok(Restored { made_at: opened.made_at, contents })
}

/// Reads the header; every length is checked first.
fn open(file: &mut File, passphrase: &Passphrase) -> Result<OpenedBackup, ProfileError> {
    let damaged = |what| ProfileError::Backup(BackupError::Damaged(what));
    let cut = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
        _ => ProfileError::Io(error),
    };
    let mut start = [0; MAGIC.len() + 4];
    file.read_exact(&mut start).map_err(cut)?;
    if start[..12] != *MAGIC {
        return Err(damaged("it does not begin as one"));
    }

    match u16::from_be_bytes([start[12], start[13]]) {
        VERSION => {}
        0 => return Err(damaged("its version")),
        _ => return Err(BackupError::Version.into()),
    }

    let length = usize::from(u16::from_be_bytes([start[14], start[15]]));
    if length > MAX_BACKUP_HEADER {
        return Err(damaged("its header is too long"));
    }

    let mut header = vec![0; length];
    file.read_exact(&mut header).map_err(cut)?;
    let sealed =
        KeyFile::unseal(&header, AAD, passphrase.0.as_bytes()).map_err(|error| match error {
            KeyFileError::Damaged(_) => damaged("its header is not as it was written"),
            error => error.into(),
        })?;
    let sealed: &[u8; SEALED] = sealed.as_slice().try_into().map_err(|_| damaged("its header"))?;
    let number = |at: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&sealed[at..at + 8]);
        u64::from_be_bytes(bytes)
    };
    let (mut key, mut hash) = (Zeroizing::new([0; 32]), [0; 32]);

    key.copy_from_slice(&sealed[..32]);
    hash.copy_from_slice(&sealed[40..72]);
    let length = number(32);
    if length > MAX_BACKUP {
        return Err(damaged("it is too long"));
    }

    Ok(OpenedBackup { key, length, hash, made_at: number(72).cast_signed() })
}

#[cfg(test)]
mod tests;
