//! What the board knows of one address, and how a newly arrived record compares to it.

use std::cmp::Ordering;

use chive_shared::record::Record;
use chive_shared::sequence::Sequence;

/// A record as a server keeps it.
#[derive(Clone, Copy, Debug)]
pub struct StoredRecord {
    /// Verified before it was stored.
    pub record: Record,
    /// The number of the change that brought it.
    pub change: u64,
    /// When the server accepted it, Unix milliseconds.
    pub stored_at: i64,
}

/// How a record compares to what is stored for its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Nothing older is in its way: the address is unknown, or its record has a lower number.
    New,
    /// The same bytes are stored already.
    Duplicate,
    /// A record with this higher number is stored.
    Stale(Sequence),
    /// A different record with this same number is stored.
    Conflict(Sequence),
}

impl StoredRecord {
    pub(super) fn is_live(&self, now: i64) -> bool {
        self.expires_at() > now
    }

    /// Whether the sequence number still matters; it outlives the record itself.
    pub(super) fn is_remembered(&self, now: i64) -> bool {
        self.record.remember_until(self.stored_at) > now
    }

    pub(super) fn expires_at(&self) -> i64 {
        self.record.effective_expiry(self.stored_at)
    }

    /// How fresh a record is, compared to this one.
    pub(crate) fn freshness_of(&self, record: &Record) -> Freshness {
        let stored = self.record.sequence();
        match record.sequence().cmp(&stored) {
            Ordering::Greater => Freshness::New,
            Ordering::Less => Freshness::Stale(stored),
            Ordering::Equal if self.record == *record => Freshness::Duplicate,
            Ordering::Equal => Freshness::Conflict(stored),
        }
    }
}
