//! The key file: the store's random key, sealed under the passphrase.
//!
//! JSON: `{"version":1,"kdf":{"name":"argon2id","memory_kib":…,"passes":…,"lanes":…,"salt":hex},
//! "nonce":hex,"sealed":hex,"check":hex}`. The check, the SHA-256 of all before it, tells a damaged
//! file from a wrong passphrase; a file without one is fine. The passphrase goes through Argon2id
//! (RFC 9106, version 0x13) to 32 bytes, which seal the key with XChaCha20-Poly1305. Changing the
//! passphrase replaces this file alone, in one step.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Mutex;

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const VERSION: u32 = 1;
/// What one guess at a passphrase costs: memory in KiB, and passes. 64 MiB, three passes: about 0.2
/// s on a small machine. Unit tests make and open thousands of profiles, at next to none.
const COST: (u32, u32) = if cfg!(test) { (64, 1) } else { (64 * 1024, 3) };
/// A changed file must not make us take all memory or time: 1 GiB, 64 passes, 16 lanes.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 64;
const MAX_LANES: u32 = 16;
const MAX_FILE: u64 = 4096;
const AAD: &[u8] = b"chive/v1/key-file";

/// Two changes at once must not share the temporary file.
static CHANGE: Mutex<()> = Mutex::new(());

/// Why the key cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The passphrase does not open it.
    #[error("wrong passphrase")]
    WrongPassphrase,
    /// It is not a key file.
    #[error("the key file is damaged: {0}")]
    Damaged(String),
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The JSON of a key file. Byte strings are hex.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFile {
    version: u32,
    kdf: Kdf,
    nonce: String,
    sealed: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    check: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: String,
}

/// The random key that encrypts the store, wiped on drop.
pub type StoreKey = Zeroizing<[u8; 32]>;

impl KeyFile {
    /// Makes a random key and its file.
    pub fn create(
        path: &Path,
        passphrase: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<StoreKey, KeyFileError> {
        let mut key = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *key);
        Self::write(path, &key, passphrase, rng)?;
        Ok(key)
    }

    /// Reads the file and unseals its key. Argon2id makes this slow.
    pub fn open(path: &Path, passphrase: &[u8]) -> Result<StoreKey, KeyFileError> {
        if fs::metadata(path)?.len() > MAX_FILE {
            return Err(damaged("too long"));
        }
        let opened = Self::unseal(&fs::read(path)?, AAD, passphrase)?;
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(opened.get(..32).ok_or_else(|| damaged("key"))?);
        Ok(key)
    }

    /// Opens what [`KeyFile::seal`] made.
    pub(super) fn unseal(
        json: &[u8],
        aad: &[u8],
        passphrase: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
        let mut file: Self = serde_json::from_slice(json).map_err(damaged)?;
        if let Some(check) = file.check.take()
            && check != file.digest()?
        {
            return Err(damaged("it is not as it was written"));
        }
        if file.version != VERSION || file.kdf.name != "argon2id" {
            return Err(damaged("another version"));
        }
        let nonce: [u8; 24] = unhex(&file.nonce)?.try_into().map_err(|_| damaged("nonce"))?;
        let cipher = file.kdf.cipher(passphrase)?;
        let opened =
            cipher.decrypt(&XNonce::from(nonce), Payload { msg: &unhex(&file.sealed)?, aad });
        Ok(Zeroizing::new(opened.map_err(|_| KeyFileError::WrongPassphrase)?))
    }

    /// Seals the key under another passphrase: the old file, or the new one, whole.
    pub fn change(
        path: &Path,
        old: &[u8],
        new: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), KeyFileError> {
        let _alone = CHANGE.lock();
        Self::write(path, &Self::open(path, old)?, new, rng)
    }

    /// The content of such a file, around any secret. `aad` says what it is for.
    pub(super) fn seal(
        secret: &[u8],
        aad: &[u8],
        passphrase: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<Vec<u8>, KeyFileError> {
        let (mut salt, mut nonce) = ([0; 16], [0; 24]);
        rng.fill_bytes(&mut salt);
        rng.fill_bytes(&mut nonce);

        let (memory_kib, passes) = COST;
        let kdf = Kdf {
            name: "argon2id".into(),
            memory_kib,
            passes,
            lanes: 1,
            salt: HEXLOWER.encode(&salt),
        };
        let sealed =
            kdf.cipher(passphrase)?.encrypt(&XNonce::from(nonce), Payload { msg: secret, aad });
        let sealed = HEXLOWER.encode(&sealed.map_err(|_| damaged("cannot seal"))?);
        let mut file =
            Self { version: VERSION, kdf, nonce: HEXLOWER.encode(&nonce), sealed, check: None };
        file.check = Some(file.digest()?);

        serde_json::to_vec(&file).map_err(damaged)
    }

    fn write(
        path: &Path,
        key: &StoreKey,
        passphrase: &[u8],
        rng: &mut dyn CryptoRng,
    ) -> Result<(), KeyFileError> {
        let json = Self::seal(&**key, AAD, passphrase, rng)?;
        let temporary = path.with_extension("new");
        let mut out =
            File::options().create(true).truncate(true).write(true).mode(0o600).open(&temporary)?;
        out.write_all(&json)?;
        out.sync_all()?;
        fs::rename(&temporary, path)?;
        let directory = path.parent().ok_or_else(|| damaged("no directory"))?;
        Ok(File::open(directory)?.sync_all()?)
    }

    /// What the check says; the check itself is not in it.
    fn digest(&self) -> Result<String, KeyFileError> {
        Ok(HEXLOWER.encode(&Sha256::digest(serde_json::to_vec(self).map_err(damaged)?)))
    }

    /// Overwrites the file, and what an interrupted change may have left, with noise; removes them.
    pub fn destroy(path: &Path, rng: &mut dyn CryptoRng) -> Result<(), KeyFileError> {
        let _alone = CHANGE.lock();
        for path in [path.to_owned(), path.with_extension("new")] {
            let mut noise = [0; 1024];
            rng.fill_bytes(&mut noise);
            let mut out = match File::options().write(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            out.write_all(&noise)?;
            out.sync_all()?;
            fs::remove_file(&path)?;
        }
        Ok(())
    }
}

impl Kdf {
    fn cipher(&self, passphrase: &[u8]) -> Result<XChaCha20Poly1305, KeyFileError> {
        if self.memory_kib > MAX_MEMORY_KIB || self.passes > MAX_PASSES || self.lanes > MAX_LANES {
            return Err(damaged("parameters out of range"));
        }
        let params =
            Params::new(self.memory_kib, self.passes, self.lanes, Some(32)).map_err(damaged)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase, &unhex(&self.salt)?, &mut *key)
            .map_err(damaged)?;
        Ok(XChaCha20Poly1305::new((&*key).into()))
    }
}

fn damaged(error: impl std::fmt::Display) -> KeyFileError {
    KeyFileError::Damaged(error.to_string())
}

fn unhex(text: &str) -> Result<Vec<u8>, KeyFileError> {
    HEXLOWER.decode(text.as_bytes()).map_err(damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_parameters_are_refused_before_memory_is_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");

        KeyFile::create(&path, b"x", &mut rand::rng()).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for (from, to) in [
            ("\"memory_kib\":64", "\"memory_kib\":4294967295"),
            ("\"passes\":1", "\"passes\":4000000000"),
            ("\"lanes\":1", "\"lanes\":99999"),
        ] {
            assert!(text.contains(from));
            fs::write(&path, text.replace(from, to)).unwrap();
            assert!(matches!(KeyFile::open(&path, b"x"), Err(KeyFileError::Damaged(_))), "{to}");
        }

        let flipped = text.replace("\"sealed\":\"", "\"sealed\":\"0");
        for changed in [flipped.as_str(), &text.replace("\"version\":1", "\"version\":2")] {
            fs::write(&path, changed).unwrap();
            assert!(
                matches!(KeyFile::open(&path, b"x"), Err(KeyFileError::Damaged(_))),
                "{changed}"
            );
        }

        fs::write(&path, &text[..text.len() / 2]).unwrap();
        assert!(matches!(KeyFile::open(&path, b"x"), Err(KeyFileError::Damaged(_))));
        fs::write(&path, &text).unwrap();
        assert!(KeyFile::open(&path, b"x").is_ok());
    }
}
