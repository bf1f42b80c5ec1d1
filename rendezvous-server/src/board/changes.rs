//! Which addresses changed, in order: as many as are remembered.

use std::collections::VecDeque;

use chive_shared::blinding::Address;

use super::Forgotten;

pub(super) struct Changes {
    /// Rising.
    log: VecDeque<(u64, Address)>,
    /// All changes after this one are in the log.
    floor: u64,
    most: usize,
}

impl Changes {
    pub(super) fn new(floor: u64, most: usize) -> Self {
        Self { log: VecDeque::new(), floor, most }
    }

    pub(super) fn push(&mut self, change: u64, address: Address) {
        self.log.push_back((change, address));
        while self.log.len() > self.most {
            self.floor = self.log.pop_front().map_or(self.floor, |(change, _)| change);
        }
    }

    /// At most so many changes after one, and up to which change they are all; `newest` is the last
    /// there is.
    pub(super) fn since(
        &self,
        after: u64,
        newest: u64,
        most: usize,
    ) -> Result<(u64, Vec<(u64, Address)>), Forgotten> {
        if after < self.floor || after > newest {
            return Err(Forgotten);
        }
        let from = self.log.partition_point(|(change, _)| *change <= after);
        let changed: Vec<_> = self.log.range(from..).take(most).copied().collect();
        let last = changed.last().map_or(after, |(change, _)| *change);
        // Changes that brought nothing new are in no log.
        let up_to = if changed.len() < most { last.max(newest) } else { last };
        Ok((up_to, changed))
    }
}
