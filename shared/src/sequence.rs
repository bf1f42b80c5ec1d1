//! Sequence numbers, which order everything that one key signs. No clock is read here.
//!
//! ```text
//! minute of writing, Unix, 48 bits ‖ counter, 16 bits
//! ```
//!
//! They rise with time, so a client that lost its last one need not ask; a number from the future
//! is refused, so no number locks its owner out for longer than the clocks differ. They have
//! minutes and nothing finer: a clock's error in milliseconds would show which addresses belong to
//! one person.

use crate::limits::{MINUTE, SKEW};

/// A minute and a counter; the higher number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

const COUNTER_BITS: u32 = 16;

impl Sequence {
    /// The number for a record or claim that is signed now, above the `last` one of the same
    /// address.
    #[must_use]
    pub fn next(now: i64, last: Option<Self>) -> Self {
        let fresh = u64::try_from(now / MINUTE).unwrap_or_default() << COUNTER_BITS;
        Self(last.map_or(fresh, |Self(last)| fresh.max(last.saturating_add(1))))
    }

    /// When it was signed, Unix milliseconds, rounded down to the minute.
    #[must_use]
    pub fn written_at(self) -> i64 {
        i64::try_from(self.0 >> COUNTER_BITS).unwrap_or(i64::MAX).saturating_mul(MINUTE)
    }

    /// Whether it is further in the future than clocks may differ.
    #[must_use]
    pub fn is_in_future(self, now: i64) -> bool {
        self.written_at() > now.saturating_add(SKEW)
    }

    /// Whether it was signed longer ago than clocks may differ, plus the minute of rounding.
    #[must_use]
    pub fn is_stale(self, now: i64) -> bool {
        self.written_at() < now.saturating_sub(SKEW + MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_764_000_000_000;

    #[test]
    fn it_rises_within_a_minute_and_with_time() {
        let first = Sequence::next(NOW, None);
        let second = Sequence::next(NOW, Some(first));
        assert_eq!(second.0, first.0 + 1);
        assert!(Sequence::next(NOW + MINUTE, Some(second)) > second);
        assert_eq!(
            Sequence::next(NOW - MINUTE, Some(second)).0,
            second.0 + 1,
            "even when the clock goes back"
        );
        assert_eq!(first.written_at(), NOW / MINUTE * MINUTE);
    }

    #[test]
    fn the_highest_number_is_from_the_future() {
        assert!(Sequence(u64::MAX).is_in_future(NOW));
        assert_eq!(Sequence(u64::MAX).written_at(), i64::MAX);
        assert!(!Sequence::next(NOW + SKEW, None).is_in_future(NOW));
        assert!(Sequence::next(NOW + SKEW + MINUTE, None).is_in_future(NOW));
    }

    #[test]
    fn a_number_is_stale_after_the_skew() {
        assert!(!Sequence::next(NOW, None).is_stale(NOW + SKEW));
        assert!(Sequence::next(NOW, None).is_stale(NOW + SKEW + 2 * MINUTE));
        assert!(Sequence(0).is_stale(NOW));
    }
}
