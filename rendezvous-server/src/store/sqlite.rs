//! `SQLite`: one file, one connection, one server. Presence records go into a journal, a row for
//! each transaction, so that writing a thousand of them costs little more than writing one.

use std::path::Path;
use std::sync::Arc;

use chive_shared::handle::{Claim, LookupId, Release};
use chive_shared::limits::{HANDLE_GRACE, RECORD, RELEASE_MEMORY};
use chive_shared::record::Record;
use futures::TryStreamExt as _;
use sqlx::error::DatabaseError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Mutex, MutexGuard};

use super::handles::{self, Claimed, Released, Row};
use super::{Put, StoreError, loaded, stored};
use crate::board::Kept;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("./migrations/sqlite");

const SQLITE_BUSY: u32 = 5;
const SQLITE_FULL: u32 = 13;
/// No room for the memory that connections share.
const SQLITE_IOERR_SHMSIZE: u32 = 4874;
/// The part of an error's code that its details leave alone.
const PRIMARY: u32 = 0xff;

/// The open file.
#[derive(Clone, Debug)]
pub struct Sqlite {
    connection: Arc<Mutex<Option<SqliteConnection>>>,
}

/// A row of the journal.
#[derive(sqlx_macros::FromRow)]
struct Entry {
    change: i64,
    taken: i64,
    records: Vec<u8>,
}

impl Sqlite {
    pub(super) async fn open(file: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // A second server would miss what the first holds in memory.
            .locking_mode(SqliteLockingMode::Exclusive)
            .busy_timeout(std::time::Duration::ZERO)
            // What is forgotten is overwritten.
            .pragma("secure_delete", "ON")
            .pragma("temp_store", "MEMORY")
            .pragma("journal_size_limit", "67108864")
            .disable_statement_logging();
        let mut connection = options.connect().await?;

        // `run` asks for a connection of any lifetime, which one by reference is not.
        MIGRATIONS.run_direct(None, &mut connection, false).await?;
        Ok(Self { connection: Arc::new(Mutex::new(Some(connection))) })
    }

    async fn connection(&self) -> Result<Guard<'_>, StoreError> {
        let guard = self.connection.lock().await;
        if guard.is_some() {
            Ok(Guard(guard))
        } else {
            Err(StoreError::Database("it is closed".into()))
        }
    }

    pub(super) async fn generation(&self) -> Result<u64, StoreError> {
        let query = sqlx::query_scalar("SELECT generation FROM server");
        Ok(loaded(query.fetch_one(self.connection().await?.get()?).await?))
    }

    pub(super) async fn since(&self, after: u64, most: usize) -> Result<Vec<Kept>, StoreError> {
        let mut guard = self.connection().await?;
        let mut rows = sqlx::query_as::<_, Entry>(
            "SELECT change, taken, records FROM presence WHERE change > $1 ORDER BY change",
        )
        .bind(stored(after))
        .fetch(guard.get()?);
        let mut kept = Vec::new();
        // Rows have any number of records: it may be a few more than were asked for.
        while kept.len() < most
            && let Some(row) = rows.try_next().await?
        {
            row.unpack(after, &mut kept)?;
        }
        Ok(kept)
    }

    pub(super) async fn put(
        &self,
        records: &[Record],
        newest: u64,
        now: i64,
    ) -> Result<Put, StoreError> {
        let last = newest.saturating_add(records.len() as u64);
        let remembered =
            records.iter().map(|record| record.remember_until(now)).max().unwrap_or(now);
        let bytes: Vec<u8> = records.iter().flat_map(Record::as_bytes).copied().collect();
        if !records.is_empty() {
            // A statement is a transaction. The number is unique: what somebody else wrote is an
            // error.
            sqlx::query(
                "INSERT INTO presence (change, taken, remembered, records) VALUES ($1, $2, $3, $4)",
            )
            .bind(stored(last))
            .bind(now)
            .bind(remembered)
            .bind(bytes)
            .execute(self.connection().await?.get()?)
            .await?;
        }

        Ok(Put { before: newest, results: (newest + 1..=last).map(Ok).collect() })
    }

    pub(super) async fn purge(&self, now: i64) -> Result<(), StoreError> {
        let mut guard = self.connection().await?;
        // The last row stays: the changes are counted on from it.
        sqlx::query(
            "DELETE FROM presence WHERE remembered <= $1 AND change < (SELECT max(change) \
                    FROM presence)",
        )
        .bind(now)
        .execute(guard.get()?)
        .await?;
        sqlx::query(handles::PURGE).bind(now).execute(guard.get()?).await?;
        Ok(())
    }

    pub(super) async fn claim(&self, claim: &Claim, now: i64) -> Result<Claimed, StoreError> {
        let mut guard = self.connection().await?;
        let dies = claim.effective_expiry(now);
        let done = sqlx::query(handles::CLAIM)
            .bind(&claim.id().0[..])
            .bind(&claim.key()[..])
            .bind(stored(claim.sequence().0))
            .bind(dies)
            .bind(dies.saturating_add(HANDLE_GRACE))
            .bind(&claim.as_bytes()[..])
            .bind(now)
            .execute(guard.get()?)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(Claimed::Done);
        }

        let row = look(guard.get()?, &claim.id()).await?;

        Ok(row.map_or(Claimed::Taken, |row| row.refuses_claim(claim)))
    }

    pub(super) async fn release(
        &self,
        release: &Release,
        now: i64,
    ) -> Result<Released, StoreError> {
        let mut guard = self.connection().await?;
        let done = sqlx::query(handles::RELEASE)
            .bind(&release.id().0[..])
            .bind(&release.key()[..])
            .bind(stored(release.sequence().0))
            .bind(now.saturating_add(RELEASE_MEMORY))
            .execute(guard.get()?)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(Released::Done);
        }

        let row = look(guard.get()?, &release.id()).await?.filter(|row| row.kept > now);

        Ok(row.map_or(Released::Unknown, |row| {
            row.refuses_release(&release.key(), release.sequence())
        }))
    }

    pub(super) async fn find(&self, id: &LookupId, now: i64) -> Result<Option<Claim>, StoreError> {
        look(self.connection().await?.get()?, id).await?.map_or(Ok(None), |row| row.claim(now))
    }

    pub(super) async fn holds(&self, id: &LookupId, key: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(look(self.connection().await?.get()?, id).await?.is_some_and(|row| row.owner == key))
    }

    pub(super) async fn handles(&self) -> Result<u64, StoreError> {
        Ok(loaded(
            sqlx::query_scalar(handles::COUNT).fetch_one(self.connection().await?.get()?).await?,
        ))
    }

    pub(super) async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }
}

async fn look(connection: &mut SqliteConnection, id: &LookupId) -> Result<Option<Row>, StoreError> {
    Ok(sqlx::query_as(handles::LOOK).bind(&id.0[..]).fetch_optional(connection).await?)
}

/// The connection, while nobody else uses it.
struct Guard<'a>(MutexGuard<'a, Option<SqliteConnection>>);

impl Guard<'_> {
    fn get(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.0.as_mut().ok_or_else(|| StoreError::Database("it is closed".into()))
    }
}

impl Entry {
    /// Adds those of its records that came after a change.
    fn unpack(&self, after: u64, kept: &mut Vec<Kept>) -> Result<(), StoreError> {
        let damaged = || StoreError::Damaged("a row of the journal is no records");
        if self.records.is_empty() || !self.records.len().is_multiple_of(RECORD) {
            return Err(damaged());
        }
        let number = (self.records.len() / RECORD) as u64;
        let first = (loaded(self.change) + 1).checked_sub(number).ok_or_else(damaged)?;
        for (change, bytes) in (first..).zip(self.records.chunks_exact(RECORD)) {
            let record = Record::from_bytes(bytes).map_err(|_| damaged())?;
            if change > after {
                kept.push(Kept { record, change, taken: self.taken });
            }
        }
        Ok(())
    }
}

fn code(error: &dyn DatabaseError) -> u32 {
    error.code().and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// What an error of either database means. Its text is for the log: statements are parameterised,
/// so it names tables and constraints, and no value.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        let Some(database) = error.as_database_error() else {
            return Self::Database(error.to_string());
        };
        if super::postgres::is_full(database) {
            return Self::Full;
        }
        match (code(database), code(database) & PRIMARY) {
            (SQLITE_IOERR_SHMSIZE, _) | (_, SQLITE_FULL) => Self::Full,
            (_, SQLITE_BUSY) => Self::InUse,
            _ => Self::Database(database.message().to_owned()),
        }
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        match error {
            sqlx::migrate::MigrateError::Execute(error)
            | sqlx::migrate::MigrateError::ExecuteMigration(error, _) => error.into(),
            error => Self::Migration(error.to_string()),
        }
    }
}
