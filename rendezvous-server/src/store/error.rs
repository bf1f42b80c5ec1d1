//! Why the database did not do what it was asked, the same for both engines. No error names a
//! record, an address or a URL.

use sqlx::error::DatabaseError;
use sqlx::migrate::MigrateError;

const SQLITE_BUSY: u32 = 5;
const SQLITE_FULL: u32 = 13;
/// No room for the memory that connections share.
const SQLITE_IOERR_SHMSIZE: u32 = 4874;
/// The part of an `SQLite` code that is left when its details are masked out.
const SQLITE_PRIMARY: u32 = 0xff;
/// `disk_full`, of class 53: insufficient resources.
const POSTGRES_DISK_FULL: &str = "53100";

/// Why nothing was stored or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refuses, or cannot be reached. The text is for the log.
    #[error("the database cannot be used: {0}")]
    Database(String),
    /// There is no room: nothing was changed.
    #[error("the disk is full")]
    Full,
    /// The database is of a newer version, or its migrations were changed.
    #[error("the database is of another version: {0}")]
    Migration(String),
    /// Another server has the file open.
    #[error("another server uses this database file: each needs its own, or all one PostgreSQL")]
    InUse,
    /// A stored value is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(&'static str),
}

/// Statements are parameterised, so a message names tables and constraints, but no value.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Self::Database(error.to_string());
        };
        if database.code().is_some_and(|code| code == POSTGRES_DISK_FULL) {
            return Self::Full;
        }

        let code = sqlite_code(database);
        match (code, code & SQLITE_PRIMARY) {
            (SQLITE_IOERR_SHMSIZE, _) | (_, SQLITE_FULL) => Self::Full,
            (_, SQLITE_BUSY) => Self::InUse,
            _ => Self::Database(database.message().to_owned()),
        }
    }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::Migration(error.to_string()),
        }
    }
}

fn sqlite_code(error: &dyn DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or(0)
}
