//! The server's identity: the seed of its onion service, in a file that only its user can read. The
//! file is not encrypted, because a server starts with no one there to type a passphrase. The seed
//! is never printed, and a key that cannot be read is never replaced.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use chive_shared::server::ServerId;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use rand::RngCore as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The file's name in the data directory.
const FILE: &str = "onion.key";

/// The Ed25519 seed of the server's onion service.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OnionSeed(pub [u8; 32]);

impl fmt::Debug for OnionSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnionSeed(…)")
    }
}

/// The reason that the key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or created.
    #[error("cannot use {}: {source}", path.display())]
    #[allow(missing_docs, reason = "the fields are what their names say")]
    File { path: PathBuf, source: io::Error },
    /// The file holds something that is not a key.
    #[error("{} is not a key: it has 64 hex digits; put it back from a backup, or remove it for a \
            new address", .0.display())]
    Damaged(PathBuf),
    /// Other users can read the file.
    #[error("{} can be read by others: chmod 600 it", .0.display())]
    Exposed(PathBuf),
}

impl OnionSeed {
    /// The public half: the server's onion address.
    #[must_use]
    pub fn server(&self) -> ServerId {
        ServerId(SigningKey::from_bytes(&self.0).verifying_key().to_bytes())
    }

    /// Reads the key in a data directory; creates one if there is none.
    pub fn open(data_dir: &Path) -> Result<Self, KeyError> {
        let path = data_dir.join(FILE);
        match Self::read(&path) {
            Err(KeyError::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Self::create(&path)
            }
            seed => seed,
        }
    }

    fn read(path: &Path) -> Result<Self, KeyError> {
        let wrong = |source| KeyError::File { path: path.to_owned(), source };
        let file = fs::File::open(path).map_err(wrong)?;
        if file.metadata().map_err(wrong)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Exposed(path.to_owned()));
        }
        let mut text = Zeroizing::new(String::with_capacity(128));
        file.take(100).read_to_string(&mut text).map_err(wrong)?;
        let bytes = HEXLOWER.decode(text.trim().as_bytes()).map(Zeroizing::new);
        let seed = bytes.ok().and_then(|bytes| bytes.as_slice().try_into().ok());
        seed.map(Self).ok_or_else(|| KeyError::Damaged(path.to_owned()))
    }

    /// Creates the file whole or not at all, and never over another: a server that dies halfway
    /// leaves no half key, and of two that start at once one reads the other's.
    fn create(path: &Path) -> Result<Self, KeyError> {
        let mut seed = Self([0; 32]);
        rand::rng().fill_bytes(&mut seed.0);
        let text = Zeroizing::new(HEXLOWER.encode(&seed.0) + "\n");
        let beside = path.with_extension(format!("new-{}", std::process::id()));
        let made = write_new(&beside, text.as_bytes()).and_then(|()| fs::hard_link(&beside, path));
        let _ = fs::remove_file(&beside);
        match made.and_then(|()| sync_directory(path)) {
            Ok(()) => Ok(seed),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Self::read(path),
            Err(source) => Err(KeyError::File { path: path.to_owned(), source }),
        }
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_directory(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_kept_for_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let first = OnionSeed::open(dir.path()).unwrap().server();
        assert_eq!(OnionSeed::open(dir.path()).unwrap().server(), first);
        let path = dir.path().join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(OnionSeed::open(dir.path()), Err(KeyError::Exposed(_))));
    }

    #[test]
    fn a_damaged_key_is_reported_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        for text in ["", "00", &"g".repeat(64), &"0".repeat(66)] {
            write_new(&path, text.as_bytes()).unwrap();
            assert!(matches!(OnionSeed::open(dir.path()), Err(KeyError::Damaged(_))), "{text}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }
}
