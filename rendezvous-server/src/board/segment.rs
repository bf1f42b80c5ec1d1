//! The records of the addresses that begin with one byte.

use std::collections::HashMap;

use bytes::Bytes;
use chive_shared::blinding::Address;
use chive_shared::board;
use chive_shared::record::Record;

use super::{Kept, Order};

impl Kept {
    pub(super) fn lives(&self, now: i64) -> bool {
        self.record.effective_expiry(self.taken) > now
    }

    /// How a record stands to this one.
    pub(crate) fn order(&self, record: &Record) -> Order {
        let (kept, new) = (self.record.sequence(), record.sequence());
        match new.cmp(&kept) {
            std::cmp::Ordering::Greater => Order::Newer,
            std::cmp::Ordering::Less => Order::Older(kept),
            std::cmp::Ordering::Equal if self.record == *record => Order::Same,
            std::cmp::Ordering::Equal => Order::Other(kept),
        }
    }
}

/// A part of the board.
#[derive(Default)]
pub(super) struct Segment {
    kept: HashMap<Address, Kept>,
    group: Bytes,
    /// Something has changed since the group was made.
    changed: bool,
    /// When the first record of the group dies.
    until: i64,
}

impl Segment {
    pub(super) fn get(&self, address: &Address) -> Option<&Kept> {
        self.kept.get(address)
    }

    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Takes a record unless it has a newer one. Says whether the address is a new one, and whether
    /// one more lives.
    pub(super) fn put(&mut self, new: &Kept, now: i64) -> Option<(bool, bool)> {
        let old = self.kept.get(&new.record.address());
        if old.is_some_and(|old| old.order(&new.record) != Order::Newer) {
            return None;
        }
        let lived = old.is_some_and(|old| old.lives(now));
        let news = self.kept.insert(new.record.address(), *new).is_none();
        self.changed = true;
        Some((news, new.lives(now) && !lived))
    }

    /// Lets go of what is to be forgotten; gives how many live.
    pub(super) fn sweep(&mut self, now: i64) -> usize {
        let before = self.kept.len();
        self.kept.retain(|_, kept| kept.record.remember_until(kept.taken) > now);
        if self.kept.len() < before && self.kept.len() < self.kept.capacity() / 4 {
            self.kept.shrink_to_fit();
        }
        self.kept.values().filter(|kept| kept.lives(now)).count()
    }

    pub(super) fn group(&mut self, now: i64) -> Bytes {
        if self.changed || now >= self.until {
            let live: Vec<&Kept> = self.kept.values().filter(|kept| kept.lives(now)).collect();
            self.until = live
                .iter()
                .map(|kept| kept.record.effective_expiry(kept.taken))
                .min()
                .unwrap_or(i64::MAX);
            self.group = board::group(live.iter().map(|kept| &kept.record)).into();
            self.changed = false;
        }
        self.group.clone()
    }
}
