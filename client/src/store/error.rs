//! The errors of the store, and which of `SQLite`'s codes mean a full disk or damage.

use std::error::Error;

use chive_mls::MlsError;
use sqlx::migrate::MigrateError;

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the store cannot be read or written: {0}")]
    Database(sqlx::Error),
    /// There is no room for a change: nothing of it was made.
    #[error("the disk is full: nothing was changed; free some space and try again")]
    Full,
    #[error("the disk is read-only: make it writable and try again")]
    ReadOnly,
    /// The file is of a newer version, or its migrations were changed.
    #[error("the store is of another version of Chive: {0}")]
    Migration(MigrateError),
    /// The library underneath is not `SQLCipher`: nothing would be encrypted.
    #[error("this build has no SQLCipher: nothing would be encrypted")]
    NotEncrypted,
    #[error("the store is closed")]
    Closed,
    /// A stored value is not what was written.
    #[error("the store is damaged: {what}")]
    Damaged { what: &'static str, source: Option<Box<dyn Error + Send + Sync>> },
}

impl StoreError {
    /// Something that cannot be used as it is stored, as this error shows.
    pub(crate) fn damaged(
        what: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Damaged { what, source: Some(source.into()) }
    }

    /// Something that is missing, or contradicts the rest.
    pub(crate) const fn broken(what: &'static str) -> Self {
        Self::Damaged { what, source: None }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let code: u32 =
            error.as_database_error().and_then(|error| error.code()?.parse().ok()).unwrap_or(0);
        match (code, code & PRIMARY) {
            (SQLITE_IOERR_SHMSIZE, _) | (_, SQLITE_FULL) => Self::Full,
            (_, SQLITE_READONLY) => Self::ReadOnly,
            (_, SQLITE_CORRUPT | SQLITE_NOTADB) => {
                Self::damaged("it is no database, or not as it was written", error)
            }
            _ if matches!(error, sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                Self::damaged("a value that cannot be read", error)
            }
            _ => Self::Database(error),
        }
    }
}

impl From<MlsError> for StoreError {
    fn from(error: MlsError) -> Self {
        Self::damaged("a conversation", error)
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::Migration(error),
        }
    }
}

const SQLITE_READONLY: u32 = 8;

const SQLITE_CORRUPT: u32 = 11;

const SQLITE_FULL: u32 = 13;

const SQLITE_NOTADB: u32 = 26;

/// No room for the memory that connections share.
const SQLITE_IOERR_SHMSIZE: u32 = 4874;

/// The part of an error's code that its details leave alone.
const PRIMARY: u32 = 0xff;
