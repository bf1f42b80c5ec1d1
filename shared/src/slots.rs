//! A limited number of slots for things that are served at the same time, such as connections or
//! circuits. When all are taken, the caller decides who is evicted for a newcomer, or turns the
//! newcomer away. Nothing here closes anything: a holder sees that it was evicted, and ends.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A limited number of slots. `T` is what the caller knows of each holder.
pub struct Slots<T> {
    holders: Arc<Mutex<Holders<T>>>,
    limit: usize,
}

struct Holders<T> {
    next_number: u64,
    /// By number, so the oldest comes first.
    by_number: BTreeMap<u64, Holder<T>>,
}

struct Holder<T> {
    info: Arc<T>,
    evicted: CancellationToken,
}

/// A slot, held until this is dropped.
pub struct Slot<T> {
    holders: Arc<Mutex<Holders<T>>>,
    number: u64,
    info: Arc<T>,
    evicted: CancellationToken,
}

/// A newcomer that got a slot.
pub struct Admitted<T> {
    /// The newcomer's slot; dropping it frees it.
    pub slot: Slot<T>,
    /// Whether another holder was evicted for it.
    pub evicted_other: bool,
}

impl<T> Slots<T> {
    /// At most `limit` slots are held at once.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let holders = Holders { next_number: 0, by_number: BTreeMap::new() };
        Self { holders: Arc::new(Mutex::new(holders)), limit }
    }

    /// A slot for a newcomer. When none is free, `choose` gets all holders, the oldest first, and
    /// gives the index of the one to evict; if it gives none, the newcomer is turned away.
    pub fn admit(
        &self,
        info: T,
        choose: impl FnOnce(&[&T]) -> Option<usize>,
    ) -> Option<Admitted<T>> {
        let mut holders = self.holders.lock();
        let mut evicted_other = false;
        if holders.by_number.len() >= self.limit {
            let all: Vec<&T> = holders.by_number.values().map(|holder| &*holder.info).collect();
            let index = choose(&all)?;
            let number = *holders.by_number.keys().nth(index)?;
            holders.by_number.remove(&number)?.evicted.cancel();
            evicted_other = true;
        }

        let (number, info) = (holders.next_number, Arc::new(info));
        let evicted = CancellationToken::new();
        holders.next_number += 1;
        let holder = Holder { info: Arc::clone(&info), evicted: evicted.clone() };
        holders.by_number.insert(number, holder);
        drop(holders);

        let slot = Slot { holders: Arc::clone(&self.holders), number, info, evicted };
        Some(Admitted { slot, evicted_other })
    }

    /// The number of slots that are held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.holders.lock().by_number.len()
    }

    /// Whether no slot is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Tells every holder to end.
    pub fn evict_all(&self) {
        for holder in self.holders.lock().by_number.values() {
            holder.evicted.cancel();
        }
    }
}

impl<T> Slot<T> {
    /// Completes when the holder is evicted.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Whether the holder was evicted, and has to end.
    #[must_use]
    pub fn is_evicted(&self) -> bool {
        self.evicted.is_cancelled()
    }

    /// The facts about the holder, for use after the slot is dropped.
    #[must_use]
    pub fn info(&self) -> Arc<T> {
        Arc::clone(&self.info)
    }
}

impl<T> Deref for Slot<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.info
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        self.holders.lock().by_number.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_holder_is_evicted_and_a_dropped_slot_is_free() {
        let slots = Slots::new(2);
        let none = |_: &[&char]| None;
        let (first, second) = (slots.admit('a', none).unwrap(), slots.admit('b', none).unwrap());
        assert!(!first.evicted_other && !second.evicted_other);
        assert!(slots.admit('c', none).is_none(), "turned away");

        let third = slots.admit('c', |all| all.iter().position(|info| **info == 'b')).unwrap();
        assert!(third.evicted_other && second.slot.is_evicted() && !first.slot.is_evicted());

        drop(second);
        assert_eq!(slots.len(), 2, "an evicted one frees no second slot");
        drop(first);
        assert!(!slots.admit('d', none).unwrap().evicted_other);

        slots.evict_all();
        assert!(third.slot.is_evicted());
    }
}
