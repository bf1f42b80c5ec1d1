//! The records of all addresses that begin with the same byte, and the group of bytes that readers
//! get for them. The group is encoded when a reader asks and something has changed; never before.

use std::collections::HashMap;

use bytes::Bytes;
use chive_shared::blinding::Address;
use chive_shared::board;

use super::entry::{Freshness, StoredRecord};

#[derive(Default)]
pub(super) struct Segment {
    records: HashMap<Address, StoredRecord>,
    group: Bytes,
    /// A record was inserted since the group was encoded.
    is_outdated: bool,
    /// When the first record of the group expires, Unix milliseconds.
    group_expires: i64,
}

/// The effect of an inserted record on the board's counts.
pub(super) struct Inserted {
    pub(super) is_new_address: bool,
    pub(super) is_newly_live: bool,
}

impl Segment {
    pub(super) fn get(&self, address: &Address) -> Option<&StoredRecord> {
        self.records.get(address)
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Inserts a record, unless one at least as new is there.
    pub(super) fn insert(&mut self, new: &StoredRecord, now: i64) -> Option<Inserted> {
        let old = self.records.get(&new.record.address());
        if old.is_some_and(|old| old.freshness_of(&new.record) != Freshness::New) {
            return None;
        }

        let was_live = old.is_some_and(|old| old.is_live(now));
        let is_new_address = self.records.insert(new.record.address(), *new).is_none();
        self.is_outdated = true;
        Some(Inserted { is_new_address, is_newly_live: new.is_live(now) && !was_live })
    }

    /// Drops the entries that are no longer remembered, and counts the live ones.
    pub(super) fn sweep(&mut self, now: i64) -> usize {
        let before = self.records.len();
        self.records.retain(|_, stored| stored.is_remembered(now));
        if self.records.len() < before && self.records.len() < self.records.capacity() / 4 {
            self.records.shrink_to_fit();
        }

        self.records.values().filter(|stored| stored.is_live(now)).count()
    }

    pub(super) fn group(&mut self, now: i64) -> Bytes {
        if self.is_outdated || now >= self.group_expires {
            let live: Vec<_> = self.records.values().filter(|stored| stored.is_live(now)).collect();
            self.group_expires =
                live.iter().map(|stored| stored.expires_at()).min().unwrap_or(i64::MAX);
            self.group = board::group(live.iter().map(|stored| &stored.record)).into();
            self.is_outdated = false;
        }
        self.group.clone()
    }
}
