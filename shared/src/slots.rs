//! A bounded set of those who are served at the same time, such as connections or circuits. When it
//! is full, somebody goes for a newcomer, or the newcomer is turned away: who goes, the caller
//! decides.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Those who are served. `T` is what is known of each.
pub struct Slots<T> {
    held: Arc<Held<T>>,
    limit: usize,
}

struct Held<T>(Mutex<Inner<T>>);

struct Inner<T> {
    next: u64,
    /// The oldest first.
    holders: BTreeMap<u64, Holder<T>>,
}

struct Holder<T> {
    known: Arc<T>,
    evicted: CancellationToken,
}

/// A slot, until it is dropped.
pub struct Slot<T> {
    held: Arc<Held<T>>,
    number: u64,
    known: Arc<T>,
    evicted: CancellationToken,
}

/// What came of a newcomer who has a slot.
pub struct Admitted<T> {
    /// The slot.
    pub slot: Slot<T>,
    /// Whether somebody had to go for it.
    pub evicted_other: bool,
}

impl<T> Slots<T> {
    /// At most this many.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            held: Arc::new(Held(Mutex::new(Inner { next: 0, holders: BTreeMap::new() }))),
            limit,
        }
    }

    /// A slot for a newcomer. When there is none, `choose` is shown everybody, the oldest first,
    /// and says how many come before the one who goes; when nobody does, the newcomer is turned
    /// away.
    pub fn admit(
        &self,
        known: T,
        choose: impl FnOnce(&[&T]) -> Option<usize>,
    ) -> Option<Admitted<T>> {
        let mut inner = self.held.lock();
        let mut evicted_other = false;
        if inner.holders.len() >= self.limit {
            let all: Vec<&T> = inner.holders.values().map(|holder| &*holder.known).collect();
            let nth = choose(&all)?;
            let number = *inner.holders.keys().nth(nth)?;
            inner.holders.remove(&number)?.evicted.cancel();
            evicted_other = true;
        }

        let (number, known, evicted) = (inner.next, Arc::new(known), CancellationToken::new());
        inner.next += 1;
        inner
            .holders
            .insert(number, Holder { known: Arc::clone(&known), evicted: evicted.clone() });
        drop(inner);
        Some(Admitted {
            slot: Slot { held: Arc::clone(&self.held), number, known, evicted },
            evicted_other,
        })
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.lock().holders.len()
    }

    /// Whether there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Everybody has to go.
    pub fn evict_all(&self) {
        for holder in self.held.lock().holders.values() {
            holder.evicted.cancel();
        }
    }
}

impl<T> Held<T> {
    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Slot<T> {
    /// Ends when the holder has to go.
    pub async fn evicted(&self) {
        self.evicted.cancelled().await;
    }

    /// Whether the holder has to go.
    #[must_use]
    pub fn is_evicted(&self) -> bool {
        self.evicted.is_cancelled()
    }

    /// What is known of the holder, to be kept for longer than the slot.
    #[must_use]
    pub fn known(&self) -> Arc<T> {
        Arc::clone(&self.known)
    }
}

impl<T> Deref for Slot<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.known
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        self.held.lock().holders.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chosen_one_goes_and_a_dropped_slot_is_free() {
        let slots = Slots::new(2);
        let nobody = |_: &[&char]| None;
        let (first, second) =
            (slots.admit('a', nobody).unwrap(), slots.admit('b', nobody).unwrap());
        assert!(!first.evicted_other && !second.evicted_other);
        assert!(slots.admit('c', nobody).is_none(), "turned away");

        let third = slots.admit('c', |all| all.iter().position(|known| **known == 'b')).unwrap();
        assert!(third.evicted_other && second.slot.is_evicted() && !first.slot.is_evicted());
        drop(second);
        assert_eq!(slots.len(), 2, "an evicted one frees no second slot");
        drop(first);
        assert!(!slots.admit('d', nobody).unwrap().evicted_other);
        slots.evict_all();
        assert!(third.slot.is_evicted());
    }
}
