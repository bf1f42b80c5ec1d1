//! `PostgreSQL`, or an engine that speaks its protocol: shared by several replicas of the server.
//!
//! Every transaction that writes records first raises the counter of changes, and so holds its
//! row's lock: changes become visible in the order of their numbers, and a reader that has read up
//! to one has missed nothing. No replica ever waits for another outside of such a transaction.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use chive_shared::blinding::Address;
use chive_shared::handle::{Claim, LookupId, Release};
use chive_shared::limits::{HANDLE_GRACE, RELEASE_MEMORY};
use chive_shared::record::Record;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgTransaction};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::column::{from_column, to_column};
use super::error::StoreError;
use super::handles::{self, Row};
use super::outcome::{ClaimOutcome, PutOutcome, ReleaseOutcome};
use crate::board::StoredRecord;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("./migrations/postgres");

/// Connections of one replica: one writes, one listens, some answer about handles.
const CONNECTIONS: u32 = 6;
/// For a connection to be established.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two attempts to listen.
const LISTEN_RETRY: Duration = Duration::from_secs(1);
/// The channel on which replicas notify each other.
const CHANNEL: &str = "chive_presence";

/// A replica's pool of connections, and its listening task. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    updates: Arc<Notify>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(sqlx_macros::FromRow)]
struct PresenceRow {
    change: i64,
    taken: i64,
    record: Vec<u8>,
}

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        // The error would quote the URL, which may hold a password.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Database("the URL is not a valid postgres:// URL".into()))?
            .application_name("chive-rendezvous")
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .connect_with(options)
            .await?;

        // sqlx holds an advisory lock meanwhile: replicas that start at once wait for each other.
        MIGRATIONS.run(&pool).await?;
        let store = Self {
            pool,
            updates: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let listener = store.clone();
        store.tasks.spawn(async move {
            listener.stop.clone().run_until_cancelled(Box::pin(listener.listen())).await
        });

        Ok(store)
    }

    pub(super) fn updates(&self) -> Arc<Notify> {
        Arc::clone(&self.updates)
    }

    /// Passes on the notifications of other replicas. While it cannot listen, polling finds their
    /// changes.
    async fn listen(&self) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::debug!(%error, "cannot listen to other replicas");
            }
            tokio::time::sleep(LISTEN_RETRY).await;
        }
    }

    async fn listen_once(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        self.updates.notify_one();
        loop {
            // `None`: the connection was lost, and the notifications of that time with it.
            listener.try_recv().await?;
            self.updates.notify_one();
        }
    }

    pub(super) async fn generation(&self) -> Result<u64, StoreError> {
        Ok(from_column(
            sqlx::query_scalar("SELECT generation FROM server").fetch_one(&self.pool).await?,
        ))
    }

    pub(super) async fn changes_since(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        let query = sqlx::query_as::<_, PresenceRow>(
            "SELECT change, taken, record FROM presence WHERE change > $1 ORDER BY change LIMIT $2",
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = query.bind(to_column(after)).bind(limit).fetch_all(&self.pool).await?;
        rows.iter().map(PresenceRow::unpack).collect()
    }

    pub(super) async fn put(&self, records: &[Record], now: i64) -> Result<PutOutcome, StoreError> {
        let mut tx = self.pool.begin().await?;
        let before = take_numbers(&mut tx, records.len()).await?;
        let inserted = insert(&mut tx, records, before, now).await?;
        let refused: Vec<&Record> =
            records.iter().filter(|record| !inserted.contains(&record.address().0[..])).collect();
        let in_the_way =
            if refused.is_empty() { HashMap::new() } else { look_up(&mut tx, &refused).await? };

        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut *tx).await?;
        tx.commit().await?;

        let result = |(record, change): (&Record, u64)| match in_the_way.get(&record.address()) {
            Some(stored) => Err(stored.freshness_of(record)),
            None => Ok(change),
        };
        Ok(PutOutcome { before, results: records.iter().zip(before + 1..).map(result).collect() })
    }

    pub(super) async fn purge(&self, now: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM presence WHERE remembered <= $1")
            .bind(now)
            .execute(&self.pool)
            .await?;
        sqlx::query(handles::PURGE).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    pub(super) async fn claim(&self, claim: &Claim, now: i64) -> Result<ClaimOutcome, StoreError> {
        let dies = claim.effective_expiry(now);
        let done = sqlx::query(handles::CLAIM)
            .bind(&claim.id().0[..])
            .bind(&claim.key()[..])
            .bind(to_column(claim.sequence().0))
            .bind(dies)
            .bind(dies.saturating_add(HANDLE_GRACE))
            .bind(&claim.as_bytes()[..])
            .bind(now)
            .execute(&self.pool)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(ClaimOutcome::Claimed);
        }

        Ok(self
            .find_row(&claim.id())
            .await?
            .map_or(ClaimOutcome::Taken, |row| row.refuses_claim(claim)))
    }

    pub(super) async fn release(
        &self,
        release: &Release,
        now: i64,
    ) -> Result<ReleaseOutcome, StoreError> {
        let done = sqlx::query(handles::RELEASE)
            .bind(&release.id().0[..])
            .bind(&release.key()[..])
            .bind(to_column(release.sequence().0))
            .bind(now.saturating_add(RELEASE_MEMORY))
            .execute(&self.pool)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(ReleaseOutcome::Released);
        }
        let row = self.find_row(&release.id()).await?.filter(|row| row.kept > now);
        Ok(row.map_or(ReleaseOutcome::Unknown, |row| {
            row.refuses_release(&release.key(), release.sequence())
        }))
    }

    pub(super) async fn find(&self, id: &LookupId, now: i64) -> Result<Option<Claim>, StoreError> {
        self.find_row(id).await?.map_or(Ok(None), |row| row.claim(now))
    }

    pub(super) async fn holds(&self, id: &LookupId, key: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.find_row(id).await?.is_some_and(|row| row.owner == key))
    }

    async fn find_row(&self, id: &LookupId) -> Result<Option<Row>, StoreError> {
        Ok(sqlx::query_as(handles::FIND).bind(&id.0[..]).fetch_optional(&self.pool).await?)
    }

    pub(super) async fn handles(&self) -> Result<u64, StoreError> {
        Ok(from_column(sqlx::query_scalar(handles::COUNT).fetch_one(&self.pool).await?))
    }

    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.pool.close().await;
    }
}

/// Raises the counter of changes, and locks it until the transaction ends. Gives its old value.
async fn take_numbers(tx: &mut PgTransaction<'_>, count: usize) -> Result<u64, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let query = sqlx::query_scalar::<_, i64>(
        "UPDATE server SET change = change + $1 RETURNING change - $1",
    );
    Ok(from_column(query.bind(count).fetch_one(&mut **tx).await?))
}

/// Inserts the records that are newer than the stored ones, and gives their addresses.
async fn insert(
    tx: &mut PgTransaction<'_>,
    records: &[Record],
    before: u64,
    now: i64,
) -> Result<HashSet<Vec<u8>>, StoreError> {
    let column = |value: fn(&Record, i64) -> i64| {
        records.iter().map(|record| value(record, now)).collect::<Vec<i64>>()
    };
    let bytes = |value: fn(&Record) -> Vec<u8>| records.iter().map(value).collect::<Vec<_>>();

    let inserted: Vec<Vec<u8>> = sqlx::query_scalar(
        "INSERT INTO presence (address, change, sequence, taken, remembered, record)
         SELECT address, $2 + place, sequence, $4, remembered, record
         FROM unnest($1::BYTEA[], $3::BIGINT[], $5::BIGINT[], $6::BYTEA[])
            WITH ORDINALITY AS new (address, sequence, remembered, record, place)
         ON CONFLICT (address) DO UPDATE SET change = excluded.change, sequence = excluded.sequence,
            taken = excluded.taken, remembered = excluded.remembered, record = excluded.record
         WHERE presence.sequence < excluded.sequence
         RETURNING address",
    )
    .bind(bytes(|record| record.address().0.to_vec()))
    .bind(to_column(before))
    .bind(column(|record, _| to_column(record.sequence().0)))
    .bind(now)
    .bind(column(Record::remember_until))
    .bind(bytes(|record| record.as_bytes().to_vec()))
    .fetch_all(&mut **tx)
    .await?;

    Ok(inserted.into_iter().collect())
}

/// The stored records of the addresses of records that were not inserted.
async fn look_up(
    tx: &mut PgTransaction<'_>,
    records: &[&Record],
) -> Result<HashMap<Address, StoredRecord>, StoreError> {
    let addresses: Vec<Vec<u8>> =
        records.iter().map(|record| record.address().0.to_vec()).collect();
    let query = sqlx::query_as::<_, PresenceRow>(
        "SELECT change, taken, record FROM presence WHERE address = ANY($1)",
    );
    let rows = query.bind(addresses).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| row.unpack().map(|stored| (stored.record.address(), stored))).collect()
}

impl PresenceRow {
    fn unpack(&self) -> Result<StoredRecord, StoreError> {
        let record = Record::from_bytes(&self.record)
            .map_err(|_| StoreError::Damaged("a row does not hold a record"))?;
        Ok(StoredRecord { record, change: from_column(self.change), stored_at: self.taken })
    }
}
