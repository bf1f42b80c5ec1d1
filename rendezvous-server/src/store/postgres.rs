//! `PostgreSQL`, or an engine that speaks its protocol: shared by several replicas of the server.
//!
//! Every transaction that writes records first raises the counter of changes, and so holds its
//! row's lock: changes become visible in the order of their numbers, and who has read up to one has
//! missed nothing.

use std::collections::{HashMap, HashSet};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use chive_shared::blinding::Address;
use chive_shared::handle::{Claim, LookupId, Release};
use chive_shared::limits::{HANDLE_GRACE, RELEASE_MEMORY};
use chive_shared::record::Record;
use sqlx::ConnectOptions as _;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, PgTransaction};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::handles::{self, Claimed, Released, Row};
use super::{Put, StoreError, loaded, stored};
use crate::board::Kept;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx_macros::migrate!("./migrations/postgres");

/// Connections of one replica: one writes, one listens, some answer about handles.
const CONNECTIONS: u32 = 6;
/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// Between two tries to listen.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);
/// What replicas tell each other on.
const CHANNEL: &str = "chive_presence";

/// A replica's connections.
#[derive(Clone, Debug)]
pub struct Postgres {
    pool: PgPool,
    news: Arc<Notify>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(sqlx_macros::FromRow)]
struct Entry {
    change: i64,
    taken: i64,
    record: Vec<u8>,
}

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        // The error would quote the URL, which may hold a password.
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| StoreError::Database("the URL is no postgres://…".into()))?
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
            news: Arc::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let listener = store.clone();
        store.tasks.spawn(async move {
            listener.stop.clone().run_until_cancelled(Box::pin(listener.listen())).await
        });

        Ok(store)
    }

    pub(super) fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.news)
    }

    /// Passes on what other replicas tell, for as long as there is a database. Where it cannot be
    /// listened to, polling is what finds their changes.
    async fn listen(&self) {
        loop {
            if let Err(error) = self.listen_once().await {
                tracing::debug!(%error, "cannot listen to other replicas");
            }
            tokio::time::sleep(LISTEN_AGAIN).await;
        }
    }

    async fn listen_once(&self) -> Result<(), sqlx::Error> {
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(CHANNEL).await?;
        self.news.notify_one();
        loop {
            // Nothing: the connection was lost, and what was told meanwhile with it.
            listener.try_recv().await?;
            self.news.notify_one();
        }
    }

    pub(super) async fn generation(&self) -> Result<u64, StoreError> {
        Ok(loaded(sqlx::query_scalar("SELECT generation FROM server").fetch_one(&self.pool).await?))
    }

    pub(super) async fn since(&self, after: u64, most: usize) -> Result<Vec<Kept>, StoreError> {
        let query = sqlx::query_as::<_, Entry>(
            "SELECT change, taken, record FROM presence WHERE change > $1 ORDER BY change LIMIT $2",
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let rows = query.bind(stored(after)).bind(most).fetch_all(&self.pool).await?;
        rows.iter().map(Entry::unpack).collect()
    }

    pub(super) async fn put(&self, records: &[Record], now: i64) -> Result<Put, StoreError> {
        let mut tx = self.pool.begin().await?;
        let before = take_numbers(&mut tx, records.len()).await?;
        let taken = insert(&mut tx, records, before, now).await?;
        let refused: Vec<&Record> =
            records.iter().filter(|record| !taken.contains(&record.address().0[..])).collect();
        let met =
            if refused.is_empty() { HashMap::new() } else { look_up(&mut tx, &refused).await? };
        sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut *tx).await?;
        tx.commit().await?;
        let result = |(record, change): (&Record, u64)| match met.get(&record.address()) {
            Some(kept) => Err(kept.order(record)),
            None => Ok(change),
        };
        Ok(Put { before, results: records.iter().zip(before + 1..).map(result).collect() })
    }

    pub(super) async fn purge(&self, now: i64) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM presence WHERE remembered <= $1")
            .bind(now)
            .execute(&self.pool)
            .await?;
        sqlx::query(handles::PURGE).bind(now).execute(&self.pool).await?;
        Ok(())
    }

    pub(super) async fn claim(&self, claim: &Claim, now: i64) -> Result<Claimed, StoreError> {
        let dies = claim.effective_expiry(now);
        let done = sqlx::query(handles::CLAIM)
            .bind(&claim.id().0[..])
            .bind(&claim.key()[..])
            .bind(stored(claim.sequence().0))
            .bind(dies)
            .bind(dies.saturating_add(HANDLE_GRACE))
            .bind(&claim.as_bytes()[..])
            .bind(now)
            .execute(&self.pool)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(Claimed::Done);
        }

        Ok(self.look(&claim.id()).await?.map_or(Claimed::Taken, |row| row.refuses_claim(claim)))
    }

    pub(super) async fn release(
        &self,
        release: &Release,
        now: i64,
    ) -> Result<Released, StoreError> {
        let done = sqlx::query(handles::RELEASE)
            .bind(&release.id().0[..])
            .bind(&release.key()[..])
            .bind(stored(release.sequence().0))
            .bind(now.saturating_add(RELEASE_MEMORY))
            .execute(&self.pool)
            .await?;
        if done.rows_affected() > 0 {
            return Ok(Released::Done);
        }
        let row = self.look(&release.id()).await?.filter(|row| row.kept > now);
        Ok(row.map_or(Released::Unknown, |row| {
            row.refuses_release(&release.key(), release.sequence())
        }))
    }

    pub(super) async fn find(&self, id: &LookupId, now: i64) -> Result<Option<Claim>, StoreError> {
        self.look(id).await?.map_or(Ok(None), |row| row.claim(now))
    }

    pub(super) async fn holds(&self, id: &LookupId, key: &[u8; 32]) -> Result<bool, StoreError> {
        Ok(self.look(id).await?.is_some_and(|row| row.owner == key))
    }

    async fn look(&self, id: &LookupId) -> Result<Option<Row>, StoreError> {
        Ok(sqlx::query_as(handles::LOOK).bind(&id.0[..]).fetch_optional(&self.pool).await?)
    }

    pub(super) async fn handles(&self) -> Result<u64, StoreError> {
        Ok(loaded(sqlx::query_scalar(handles::COUNT).fetch_one(&self.pool).await?))
    }

    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.pool.close().await;
    }
}

/// Raises the counter, and holds it until the transaction ends. Gives what it was.
async fn take_numbers(tx: &mut PgTransaction<'_>, count: usize) -> Result<u64, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let query = sqlx::query_scalar::<_, i64>(
        "UPDATE server SET change = change + $1 RETURNING change - $1",
    );
    Ok(loaded(query.bind(count).fetch_one(&mut **tx).await?))
}

/// Puts each record in the place of an older one, or of none. Gives the addresses of which that is
/// true.
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
    let taken: Vec<Vec<u8>> = sqlx::query_scalar(
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
    .bind(stored(before))
    .bind(column(|record, _| stored(record.sequence().0)))
    .bind(now)
    .bind(column(Record::remember_until))
    .bind(bytes(|record| record.as_bytes().to_vec()))
    .fetch_all(&mut **tx)
    .await?;
    Ok(taken.into_iter().collect())
}

/// What stands where records could not go.
async fn look_up(
    tx: &mut PgTransaction<'_>,
    records: &[&Record],
) -> Result<HashMap<Address, Kept>, StoreError> {
    let addresses: Vec<Vec<u8>> =
        records.iter().map(|record| record.address().0.to_vec()).collect();
    let query = sqlx::query_as::<_, Entry>(
        "SELECT change, taken, record FROM presence WHERE address = ANY($1)",
    );
    let rows = query.bind(addresses).fetch_all(&mut **tx).await?;
    rows.iter().map(|row| row.unpack().map(|kept| (kept.record.address(), kept))).collect()
}

impl Entry {
    fn unpack(&self) -> Result<Kept, StoreError> {
        let record = Record::from_bytes(&self.record)
            .map_err(|_| StoreError::Damaged("a row is no record"))?;
        Ok(Kept { record, change: loaded(self.change), taken: self.taken })
    }
}

/// `disk_full`, of class 53: insufficient resources.
pub(super) fn is_full(error: &dyn DatabaseError) -> bool {
    error.code().is_some_and(|code| code == "53100")
}
