//! Why a profile or a backup cannot be used.

use std::io;
use std::path::PathBuf;

use super::files::STORE;
use super::key_file::KeyFileError;
use crate::store::StoreError;

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
    Backup(#[from] BackupError),
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

/// Why a file is no backup to restore from.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Not made by Chive, changed, or cut.
    #[error("the backup is damaged, or no backup: {0}")]
    Damaged(&'static str),
    /// Made by a later version of Chive, in a format that is not known here.
    #[error("the backup was made by a later version of Chive: restore it with that")]
    Version,
}
