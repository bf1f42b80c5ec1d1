//! STUB, to be replaced: the profile on disk. It has the signatures that the command line calls.
#![allow(clippy::unused_async, unused_variables, missing_docs)]

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

/// The local API's socket, in the profile directory.
pub const SOCKET: &str = "api.sock";

/// An unlocked profile.
pub struct Profile;

/// A passphrase. It is wiped, and does not print.
pub struct Passphrase(#[allow(dead_code)] Zeroizing<String>);

impl Passphrase {
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("there is a profile here already")]
    Exists,
    #[error("there is no profile here: make one with `chive init`")]
    Missing,
    #[error("another process uses this profile")]
    InUse,
    #[error("wrong passphrase")]
    WrongPassphrase,
    #[error("the profile is damaged: {0}")]
    Damaged(String),
    #[error(transparent)]
    Io(#[from] io::Error),
}

pub async fn create(dir: &Path, name: &str, passphrase: &Passphrase) -> Result<(), ProfileError> {
    Err(ProfileError::Missing)
}

pub async fn open(dir: &Path, passphrase: &Passphrase) -> Result<Profile, ProfileError> {
    Err(ProfileError::Missing)
}

pub async fn change_passphrase(dir: &Path, old: &Passphrase, new: &Passphrase) -> Result<(), ProfileError> {
    Err(ProfileError::Missing)
}

pub fn wipe(dir: &Path) -> Result<(), ProfileError> {
    Err(ProfileError::Missing)
}
