//! What lasts: presence records for as long as they count, and handles. One trait's worth of
//! functions over two databases; each has its own migrations and its own way to be fast.
//!
//! Nothing here decides whether a record is good: what comes in was checked. The order of one
//! address's records is decided here, because several replicas may write at once.

mod handles;
mod postgres;
mod sqlite;

pub use self::handles::{Claimed, Released};
pub use self::postgres::Postgres;
pub use self::sqlite::Sqlite;

use std::path::PathBuf;
use std::sync::Arc;

use chive_shared::handle::{Claim, LookupId, Release};
use chive_shared::record::Record;
use tokio::sync::Notify;

use crate::board::{Kept, Order};

/// Where the data is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file of our own.
    Sqlite(PathBuf),
    /// A database that replicas share. The URL may hold a password: it never prints.
    Postgres(Url),
}

/// A database's URL.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(pub String);

impl std::fmt::Debug for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Url(…)")
    }
}

/// Why nothing was stored or found.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database says no, or cannot be reached. The text names no record and no address.
    #[error("the database cannot be used: {0}")]
    Database(String),
    /// There is no room: nothing was changed.
    #[error("the disk is full")]
    Full,
    /// The database is of a newer version, or its migrations were changed.
    #[error("the database is of another version: {0}")]
    Migration(String),
    /// Another server uses it.
    #[error("another server uses this database file: each needs its own, or all one PostgreSQL")]
    InUse,
    /// A stored value is not what was written.
    #[error("the database is damaged: {0}")]
    Damaged(&'static str),
}

/// What became of records: the number of the last change before them, and for each its own number,
/// or what it met.
#[derive(Debug)]
pub struct Put {
    /// All changes up to this one were made by others before.
    pub before: u64,
    /// In the order of the records.
    pub results: Vec<Result<u64, Order>>,
}

/// The database.
#[derive(Clone, Debug)]
pub enum Store {
    /// A file of our own.
    Sqlite(Sqlite),
    /// Shared by replicas.
    Postgres(Postgres),
}

impl Store {
    /// Opens the database, makes it if there is none, and brings it to this version.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        match place {
            Place::Sqlite(file) => Sqlite::open(file).await.map(Self::Sqlite),
            Place::Postgres(Url(url)) => Postgres::open(url).await.map(Self::Postgres),
        }
    }

    /// The random number of this database: cursors of another mean nothing.
    pub async fn generation(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.generation().await,
            Self::Postgres(store) => store.generation().await,
        }
    }

    /// The changes after one, oldest first, at most about `most`.
    pub async fn since(&self, after: u64, most: usize) -> Result<Vec<Kept>, StoreError> {
        match self {
            Self::Sqlite(store) => store.since(after, most).await,
            Self::Postgres(store) => store.since(after, most).await,
        }
    }

    /// Makes records last, all in one transaction; no two of one address. `newest` is the last
    /// change that the caller knows of.
    pub async fn put(&self, records: &[Record], newest: u64, now: i64) -> Result<Put, StoreError> {
        match self {
            Self::Sqlite(store) => store.put(records, newest, now).await,
            Self::Postgres(store) => store.put(records, now).await,
        }
    }

    /// Deletes what is to be forgotten.
    pub async fn purge(&self, now: i64) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(store) => store.purge(now).await,
            Self::Postgres(store) => store.purge(now).await,
        }
    }

    /// Whether others write to the same database.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Wakes whoever waits for what others wrote; nothing for a database of our own.
    #[must_use]
    pub fn news(&self) -> Option<Arc<Notify>> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(store) => Some(store.news()),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.generation().await.map(drop)
    }

    /// Claims, renews or replaces a handle.
    pub async fn claim(&self, claim: &Claim, now: i64) -> Result<Claimed, StoreError> {
        match self {
            Self::Sqlite(store) => store.claim(claim, now).await,
            Self::Postgres(store) => store.claim(claim, now).await,
        }
    }

    /// Gives a handle back.
    pub async fn release(&self, release: &Release, now: i64) -> Result<Released, StoreError> {
        match self {
            Self::Sqlite(store) => store.release(release, now).await,
            Self::Postgres(store) => store.release(release, now).await,
        }
    }

    /// The claim of a handle that has not expired.
    pub async fn find(&self, id: &LookupId, now: i64) -> Result<Option<Claim>, StoreError> {
        match self {
            Self::Sqlite(store) => store.find(id, now).await,
            Self::Postgres(store) => store.find(id, now).await,
        }
    }

    /// Whether somebody with this key holds, or lately held, a handle.
    pub async fn holds(&self, id: &LookupId, key: &[u8; 32]) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(store) => store.holds(id, key).await,
            Self::Postgres(store) => store.holds(id, key).await,
        }
    }

    /// How many handles there are, expired ones that are kept for their owners among them.
    pub async fn handles(&self) -> Result<u64, StoreError> {
        match self {
            Self::Sqlite(store) => store.handles().await,
            Self::Postgres(store) => store.handles().await,
        }
    }

    /// Ends all work, and waits for it.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

/// How a number is stored: databases have no unsigned ones. None of ours comes near 2⁶³: changes
/// are counted, sequence numbers and times of the far future refused; a generation is any bits.
fn stored(number: u64) -> i64 {
    i64::from_le_bytes(number.to_le_bytes())
}

/// The inverse of [`stored`].
fn loaded(number: i64) -> u64 {
    u64::from_le_bytes(number.to_le_bytes())
}
