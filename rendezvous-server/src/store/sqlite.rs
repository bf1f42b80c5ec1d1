//! `SQLite`: one file, one connection, one server; never shared. Presence records go into a
//! journal, a row for each transaction, so that writing a thousand of them costs little more than
//! writing one.

use std::path::Path;
use std::sync::Arc;

use chive_shared::handle::{Claim, LookupId, Release};
use chive_shared::limits::{HANDLE_GRACE, RECORD, RELEASE_MEMORY};
use chive_shared::record::Record;
use futures::TryStreamExt as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteLockingMode, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Mutex, MutexGuard};

use super::column::{from_column, to_column};
use super::error::StoreError;
use super::handles::{self, Row};
use super::outcome::{ClaimOutcome, PutOutcome, ReleaseOutcome};
use crate::board::StoredRecord;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("./migrations/sqlite");

/// The open file; `None` once it is closed.
#[derive(Clone, Debug)]
pub struct Sqlite {
    connection: Arc<Mutex<Option<SqliteConnection>>>,
}

/// All records of one transaction, one after the other.
#[derive(sqlx_macros::FromRow)]
struct JournalRow {
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
            // A second server would not know the first one's board.
            .locking_mode(SqliteLockingMode::Exclusive)
            .busy_timeout(std::time::Duration::ZERO)
            // A deleted row is overwritten on the disk.
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
        Ok(from_column(query.fetch_one(self.connection().await?.get()?).await?))
    }

    pub(super) async fn changes_since(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let mut guard = self.connection().await?;
        let mut rows = sqlx::query_as::<_, JournalRow>(
            "SELECT change, taken, records FROM presence WHERE change > $1 ORDER BY change",
        )
        .bind(to_column(after))
        .fetch(guard.get()?);
        let mut records = Vec::new();
        // Rows have any number of records, so these may be a few more than the limit.
        while records.len() < limit
            && let Some(row) = rows.try_next().await?
        {
            row.unpack(after, &mut records)?;
        }
        Ok(records)
    }

    pub(super) async fn put(
        &self,
        records: &[Record],
        newest: u64,
        now: i64,
    ) -> Result<PutOutcome, StoreError> {
        let last = newest.saturating_add(records.len() as u64);
        let remembered =
            records.iter().map(|record| record.remember_until(now)).max().unwrap_or(now);
        let bytes: Vec<u8> = records.iter().flat_map(Record::as_bytes).copied().collect();
        if !records.is_empty() {
            // A statement is a transaction. The number is unique, so a row that another process
            // wrote is an error.
            sqlx::query(
                "INSERT INTO presence (change, taken, remembered, records) VALUES ($1, $2, $3, $4)",
            )
            .bind(to_column(last))
            .bind(now)
            .bind(remembered)
            .bind(bytes)
            .execute(self.connection().await?.get()?)
            .await?;
        }

        Ok(PutOutcome { before: newest, results: (newest + 1..=last).map(Ok).collect() })
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

    pub(super) async fn claim(&self, claim: &Claim, now: i64) -> Result<ClaimOutcome, StoreError> {
        let mut guard = self.connection().await?;
        let dies = claim.effective_expiry(now);
        let done = sqlx::query(handles::CLAIM)
            .bind(&claim.id().0[..])
            .bind(&claim.key()[..])
            .bind(to_column(claim.sequence().0))
            .bind(dies)
            .bind(dies.saturating_add(HANDLE_GRACE))
            .bind(&claim.as_bytes()[..])
            .bind(now)
            .execute(guard.get()?)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(ClaimOutcome::Claimed);
        }

        let row = find_row(guard.get()?, &claim.id()).await?;

        Ok(row.map_or(ClaimOutcome::Taken, |row| row.refuses_claim(claim)))
    }

    pub(super) async fn release(
        &self,
        release: &Release,
        now: i64,
    ) -> Result<ReleaseOutcome, StoreError> {
        let mut guard = self.connection().await?;
        let done = sqlx::query(handles::RELEASE)
            .bind(&release.id().0[..])
            .bind(&release.key()[..])
            .bind(to_column(release.sequence().0))
            .bind(now.saturating_add(RELEASE_MEMORY))
            .execute(guard.get()?)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(ReleaseOutcome::Released);
        }

        let row = find_row(guard.get()?, &release.id()).await?.filter(|row| row.kept > now);

        Ok(row.map_or(ReleaseOutcome::Unknown, |row| {
            row.refuses_release(&release.key(), release.sequence())
        }))
    }

    pub(super) async fn find(&self, id: &LookupId, now: i64) -> Result<Option<Claim>, StoreError> {
        find_row(self.connection().await?.get()?, id).await?.map_or(Ok(None), |row| row.claim(now))
    }

    pub(super) async fn holds(&self, id: &LookupId, key: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(find_row(self.connection().await?.get()?, id).await?.is_some_and(|row| row.owner == key))
    }

    pub(super) async fn handles(&self) -> Result<u64, StoreError> {
        Ok(from_column(
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

async fn find_row(
    connection: &mut SqliteConnection,
    id: &LookupId,
) -> Result<Option<Row>, StoreError> {
    Ok(sqlx::query_as(handles::FIND).bind(&id.0[..]).fetch_optional(connection).await?)
}

/// Exclusive use of the connection.
struct Guard<'a>(MutexGuard<'a, Option<SqliteConnection>>);

impl Guard<'_> {
    fn get(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        self.0.as_mut().ok_or_else(|| StoreError::Database("it is closed".into()))
    }
}

impl JournalRow {
    /// Adds the records that came after a change.
    fn unpack(&self, after: u64, records: &mut Vec<StoredRecord>) -> Result<(), StoreError> {
        let damaged = || StoreError::Damaged("a row of the journal does not hold records");
        if self.records.is_empty() || !self.records.len().is_multiple_of(RECORD) {
            return Err(damaged());
        }
        let number = (self.records.len() / RECORD) as u64;
        let first = (from_column(self.change) + 1).checked_sub(number).ok_or_else(damaged)?;
        for (change, bytes) in (first..).zip(self.records.chunks_exact(RECORD)) {
            let record = Record::from_bytes(bytes).map_err(|_| damaged())?;
            if change > after {
                records.push(StoredRecord { record, change, stored_at: self.taken });
            }
        }
        Ok(())
    }
}
