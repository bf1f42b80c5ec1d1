//! The log of changes: which addresses changed, in the order of the changes' numbers. It holds a
//! fixed number of them and no records.

use std::collections::VecDeque;

use chive_shared::blinding::Address;

/// The cursor is older than the log, or belongs to another database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CursorExpired;

pub(super) struct Changes {
    /// Numbers rise from front to back.
    log: VecDeque<(u64, Address)>,
    /// Every change after this one is in the log.
    floor: u64,
    capacity: usize,
}

impl Changes {
    pub(super) fn new(floor: u64, capacity: usize) -> Self {
        Self { log: VecDeque::new(), floor, capacity }
    }

    pub(super) fn push(&mut self, change: u64, address: Address) {
        self.log.push_back((change, address));
        while self.log.len() > self.capacity {
            self.floor = self.log.pop_front().map_or(self.floor, |(change, _)| change);
        }
    }

    /// At most `limit` changes after one, and the change up to which they are complete; `newest` is
    /// the last change of all.
    pub(super) fn since(
        &self,
        after: u64,
        newest: u64,
        limit: usize,
    ) -> Result<(u64, Vec<(u64, Address)>), CursorExpired> {
        if after < self.floor || after > newest {
            return Err(CursorExpired);
        }

        let from = self.log.partition_point(|(change, _)| *change <= after);
        let changed: Vec<_> = self.log.range(from..).take(limit).copied().collect();
        let last = changed.last().map_or(after, |(change, _)| *change);
        // A change that brought nothing new is in no log, but counts as known.
        let up_to = if changed.len() < limit { last.max(newest) } else { last };
        Ok((up_to, changed))
    }
}
