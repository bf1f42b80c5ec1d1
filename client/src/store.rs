//! The store: everything that a profile knows, in one `SQLite` file encrypted by `SQLCipher`.
//!
//! One connection, because the bundled `SQLite` must not write over several. What belongs together
//! is written in one transaction: a state and its message, a message and its event.
//!
//! `LIMIT ?` alone makes `SQLite` plan a statement again whenever a value is bound; `LIMIT ? + 0`
//! does not.

use std::array::TryFromSliceError;
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::executor::block_on;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use tokio::sync::{Mutex, OwnedMappedMutexGuard, OwnedMutexGuard};
use zeroize::Zeroizing;

#[cfg(test)]
use crate::model::ContactId;

pub mod backup;
mod columns;
pub mod contacts;
pub mod conversations;
mod damage;
pub mod deletion;
pub mod delivery;
mod error;
pub mod events;
pub mod gaps;
pub mod groups;
pub mod handles;
pub mod invitations;
pub mod maintenance;
pub mod messages;
pub mod outbox;
pub mod owner;
pub mod preferences;
pub mod restart_requests;
pub mod servers;
pub mod settings;
#[cfg(test)]
mod upgrade;

pub use error::StoreError;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("./migrations");

/// The connection, and whether a transaction was begun on it and not committed.
struct OpenConnection {
    connection: SqliteConnection,
    begun: bool,
    #[cfg(test)]
    dies: Option<CrashHook>,
}

/// Asked before and after each commit, in tests: whether the process dies just there.
#[cfg(test)]
pub(crate) type CrashHook = Box<dyn FnMut() -> bool + Send>;

#[cfg(test)]
impl OpenConnection {
    fn dies(&mut self) -> bool {
        self.dies.as_mut().is_some_and(|dies| dies())
    }
}

/// A transaction: all of it happens, or nothing. What is dropped is undone before the next begins.
pub struct Tx {
    open: OwnedMappedMutexGuard<Option<OpenConnection>, OpenConnection>,
}

impl Tx {
    pub async fn commit(mut self) -> Result<(), StoreError> {
        #[cfg(test)]
        if self.open.dies() {
            return Err(StoreError::Closed);
        }
        self.execute("COMMIT").await?;
        self.open.begun = false;
        #[cfg(test)]
        if self.open.dies() {
            return Err(StoreError::Closed);
        }
        Ok(())
    }

    /// Begins a part that can be undone by itself, until [`Tx::release`] or
    /// [`Tx::undo_to_savepoint`].
    pub async fn savepoint(&mut self) -> Result<(), StoreError> {
        self.execute("SAVEPOINT part").await
    }

    /// Keeps what was done since the last savepoint, as a part of the transaction.
    pub async fn release(&mut self) -> Result<(), StoreError> {
        self.execute("RELEASE part").await
    }

    /// Undoes what was done since the last savepoint.
    pub async fn undo_to_savepoint(&mut self) -> Result<(), StoreError> {
        self.execute("ROLLBACK TO part").await?;
        self.release().await
    }

    /// Undoes everything so far; the transaction goes on.
    pub async fn undo(&mut self) -> Result<(), StoreError> {
        // SQLite may have undone it already, such as when the disk is full: then this is an error.
        let _ = self.execute("ROLLBACK").await;
        self.execute("BEGIN").await
    }

    async fn execute(&mut self, statement: &'static str) -> Result<(), StoreError> {
        self.open.connection.execute(sqlx::query(statement)).await?;
        Ok(())
    }
}

impl Deref for Tx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.open.connection
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.open.connection
    }
}

/// The open store: one connection, one transaction at a time.
#[derive(Clone)]
pub struct Store {
    open: Arc<SharedConnection>,
    file: PathBuf,
    /// As `SQLCipher` wants it; empty for a file that is not encrypted, in tests.
    key: Arc<Zeroizing<String>>,
}

/// The connection of a store. The last who lets go of it waits until its thread has closed the
/// file: when the process ends while that thread encrypts, OpenSSL is taken away under it, and the
/// process crashes.
struct SharedConnection(Arc<Mutex<Option<OpenConnection>>>);

impl Drop for SharedConnection {
    fn drop(&mut self) {
        let Some(open) = self.0.try_lock().ok().and_then(|mut open| open.take()) else { return };
        // On a thread of its own, because this one may be driving another future.
        let closing = std::thread::Builder::new().spawn(move || block_on(open.connection.close()));
        let _ = closing.map(std::thread::JoinHandle::join);
    }
}

impl Store {
    /// Opens the file with its 32-byte key; makes it only if `create`.
    pub async fn open(file: &Path, key: &[u8; 32], create: bool) -> Result<Self, StoreError> {
        let key = Zeroizing::new(format!(
            "x'{}'",
            Zeroizing::new(data_encoding::HEXLOWER.encode(key)).as_str()
        ));

        // Never log these options: their Debug prints the key.
        let options = SqliteConnectOptions::new()
            .filename(file)
            .pragma("key", format!("\"{}\"", key.as_str()))
            .pragma("cipher_log_level", "NONE")
            // The statements would print the key.
            .disable_statement_logging();
        if !create {
            damage::look_for(file, options.clone()).await?;
        }

        let options = options
            .create_if_missing(create)
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true);
        let store = Self::on(options.connect().await?, file, key);
        assert_encrypted(&mut store.idle().await?.connection).await?;
        store.migrate().await?;

        Ok(store)
    }

    fn on(connection: SqliteConnection, file: &Path, key: Zeroizing<String>) -> Self {
        let open = OpenConnection {
            connection,
            begun: false,
            #[cfg(test)]
            dies: None,
        };
        let open = Arc::new(SharedConnection(Arc::new(Mutex::new(Some(open)))));
        Self { open, file: file.to_owned(), key: Arc::new(key) }
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        // `run` asks for a connection of any lifetime, which one by reference is not.
        Ok(MIGRATIONS.run_direct(None, &mut self.idle().await?.connection, false).await?)
    }

    /// Begins a transaction, once the one before is over.
    pub async fn begin(&self) -> Result<Tx, StoreError> {
        let mut open = self.idle().await?;
        open.begun = true;
        open.connection.execute(sqlx::query("BEGIN")).await?;
        Ok(Tx { open })
    }

    /// The connection, between two transactions.
    async fn idle(
        &self,
    ) -> Result<OwnedMappedMutexGuard<Option<OpenConnection>, OpenConnection>, StoreError> {
        let open = Arc::clone(&self.open.0).lock_owned().await;
        let mut open =
            OwnedMutexGuard::try_map(open, Option::as_mut).map_err(|_| StoreError::Closed)?;
        if open.begun {
            // SQLite may have undone it already, such as when the disk is full: then this is an
            // error.
            let _ = open.connection.execute(sqlx::query("ROLLBACK")).await;
            open.begun = false;
        }
        Ok(open)
    }

    pub async fn close(&self) {
        // Held until it is closed.
        let mut open = self.open.0.lock().await;
        if let Some(open) = open.take()
            && let Err(error) = open.connection.close().await
        {
            tracing::warn!(%error, "the store did not close cleanly");
        }
    }
}

async fn assert_encrypted(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let version: Option<(String,)> =
        sqlx::query_as("PRAGMA cipher_version").fetch_optional(connection).await?;
    version.filter(|(version,)| !version.is_empty()).map(|_| ()).ok_or(StoreError::NotEncrypted)
}

/// 32 bytes of a blob column.
pub(crate) fn bytes<const N: usize>(blob: &[u8]) -> Result<[u8; N], StoreError> {
    blob.try_into().map_err(|error: TryFromSliceError| {
        StoreError::damaged("a value of the wrong length", error)
    })
}

#[cfg(test)]
impl Store {
    /// Opens or makes a file that is neither encrypted nor synchronised: for thousands of short
    /// lives.
    pub(crate) async fn open_fast(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .pragma("temp_store", "MEMORY")
            .journal_mode(SqliteJournalMode::Memory)
            .synchronous(SqliteSynchronous::Off)
            .foreign_keys(true)
            .disable_statement_logging();
        let store = Self::on(options.connect().await?, file, Zeroizing::default());
        store.migrate().await?;
        Ok(store)
    }

    /// Lets a test choose where the process dies.
    pub(crate) async fn set_crash_hook(&self, dies: CrashHook) {
        if let Some(open) = &mut *self.open.0.lock().await {
            open.dies = Some(dies);
        }
    }
}

/// How many rows of a contact a table has, for tests.
#[cfg(test)]
pub(crate) async fn rows(tx: &mut Tx, table: &str, contact: ContactId) -> i64 {
    let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE contact = ?"));
    sqlx::query_scalar(count).bind(contact).fetch_one(&mut **tx).await.unwrap()
}

/// A fresh store in a directory of its own, for tests.
#[cfg(test)]
pub(crate) async fn scratch() -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("chive.db"), &[1; 32], true).await.unwrap();
    (store, directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_dropped_store_is_closed_when_the_drop_is_over() {
        for _ in 0..20 {
            let (store, directory) = scratch().await;
            let log = directory.path().join("chive.db-wal");
            assert!(log.exists());
            drop(store);
            assert!(!log.exists(), "its thread is still at work");
        }
    }

    #[tokio::test]
    async fn the_file_is_encrypted_and_needs_its_key() {
        let (store, directory) = scratch().await;
        store.close().await;
        let file = directory.path().join("chive.db");
        let bytes = std::fs::read(&file).unwrap();
        assert!(
            !bytes.starts_with(b"SQLite format 3")
                && !bytes.windows(10).any(|w| w == b"invitation")
        );
        let error = Store::open(&file, &[2; 32], false).await.err().unwrap();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        Store::open(&file, &[1; 32], false).await.unwrap().close().await;
    }

    #[tokio::test]
    async fn a_missing_file_is_not_made_again() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Store::open(&directory.path().join("chive.db"), &[1; 32], false).await.is_err());
    }
}
