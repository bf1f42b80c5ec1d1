//! The store: presence records for as long as they count, and handles, in one of two databases.
//! Each has its own migrations and its own way to be fast.
//!
//! The store never decides whether a record is valid: the HTTP layer has verified it. It does
//! decide the order of one address's records, because several replicas may write at once.

mod column;
mod error;
mod handles;
mod outcome;
mod postgres;
mod sqlite;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use chive_shared::handle::{Claim, LookupId, Release};
use chive_shared::record::Record;
use tokio::sync::Notify;

use crate::board::StoredRecord;

pub use self::error::StoreError;
pub use self::outcome::{ClaimOutcome, PutOutcome, ReleaseOutcome};
pub use self::postgres::Postgres;
pub use self::sqlite::Sqlite;

/// Where records and handles are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseLocation {
    /// A file that only this server uses.
    Sqlite(PathBuf),
    /// A database that replicas share.
    Postgres(DatabaseUrl),
}

/// A database's URL. It may hold a password, so it never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl(pub String);

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseUrl(…)")
    }
}

/// An open database. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Store {
    /// A file that only this server uses.
    Sqlite(Sqlite),
    /// A database that replicas share.
    Postgres(Postgres),
}

impl Store {
    /// Opens the database, creates it if there is none, and migrates it to this version.
    pub async fn open(location: &DatabaseLocation) -> Result<Self, StoreError> {
        match location {
            DatabaseLocation::Sqlite(file) => Sqlite::open(file).await.map(Self::Sqlite),
            DatabaseLocation::Postgres(DatabaseUrl(url)) => {
                Postgres::open(url).await.map(Self::Postgres)
            }
        }
    }

    /// The random number of this database, which tells its cursors from those of any other.
    pub async fn generation(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.generation().await,
            Self::Postgres(store) => store.generation().await,
        }
    }

    /// The changes after one, oldest first, and about `limit` of them.
    pub async fn changes_since(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredRecord>, StoreError> {
        match self {
            Self::Sqlite(store) => store.changes_since(after, limit).await,
            Self::Postgres(store) => store.changes_since(after, limit).await,
        }
    }

    /// Stores records in one transaction; no two may be of one address. `newest` is the last change
    /// that the caller knows of.
    pub async fn put(
        &self,
        records: &[Record],
        newest: u64,
        now: i64,
    ) -> Result<PutOutcome, StoreError> {
        match self {
            Self::Sqlite(store) => store.put(records, newest, now).await,
            Self::Postgres(store) => store.put(records, now).await,
        }
    }

    /// Deletes the records and handles that no longer count.
    pub async fn purge(&self, now: i64) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.purge(now).await,
            Self::Postgres(store) => store.purge(now).await,
        }
    }

    /// Whether replicas write to the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Notified when a replica has written; `None` where there are no replicas.
    #[must_use]
    pub fn updates(&self) -> Option<Arc<Notify>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store) => Some(store.updates()),
        }
    }

    /// Asks the database for anything, to see whether it answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.generation().await.map(drop)
    }

    /// Claims, renews or replaces a handle.
    pub async fn claim(&self, claim: &Claim, now: i64) -> Result<ClaimOutcome, StoreError> {
        match self {
            Self::Sqlite(store) => store.claim(claim, now).await,
            Self::Postgres(store) => store.claim(claim, now).await,
        }
    }

    /// Releases a handle, which stays taken for a while.
    pub async fn release(&self, release: &Release, now: i64) -> Result<ReleaseOutcome, StoreError> {
        match self {
            Self::Sqlite(store) => store.release(release, now).await,
            Self::Postgres(store) => store.release(release, now).await,
        }
    }

    /// The claim of a handle, unless it has expired.
    pub async fn find(&self, id: &LookupId, now: i64) -> Result<Option<Claim>, StoreError> {
        match self {
            Self::Sqlite(store) => store.find(id, now).await,
            Self::Postgres(store) => store.find(id, now).await,
        }
    }

    /// Whether the owner of a key holds a handle, or held it lately.
    pub async fn holds(&self, id: &LookupId, key: &[u8; 32]) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(store) => store.holds(id, key).await,
            Self::Postgres(store) => store.holds(id, key).await,
        }
    }

    /// The number of handles, expired ones that are kept for their owners included.
    pub async fn handles(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.handles().await,
            Self::Postgres(store) => store.handles().await,
        }
    }

    /// Finishes what is running, and closes the connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}
