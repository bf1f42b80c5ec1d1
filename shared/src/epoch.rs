//! Epochs: hours since 1970. A person's address on a server is different in each. Nothing here
//! reads a clock.

use crate::limits::{EPOCH, SKEW};

/// The number of an epoch: Unix milliseconds divided by [`EPOCH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch that contains a time, Unix milliseconds.
    #[must_use]
    pub fn at(now: i64) -> Self {
        Self(u32::try_from(now.max(0) / EPOCH).unwrap_or(u32::MAX))
    }

    /// Its first millisecond.
    #[must_use]
    pub fn begin(self) -> i64 {
        i64::from(self.0) * EPOCH
    }

    /// The first millisecond of the next epoch.
    #[must_use]
    pub fn end(self) -> i64 {
        self.begin() + EPOCH
    }

    /// Whether a server accepts records of this epoch at a time: from [`SKEW`] before it begins
    /// until [`SKEW`] after it has ended.
    #[must_use]
    pub fn is_open(self, now: i64) -> bool {
        (self.begin() - SKEW..self.end() + SKEW).contains(&now)
    }

    /// The epochs in which a contact may have a live record now, the likeliest first. Where more
    /// than one has, the higher [`crate::sequence::Sequence`] counts.
    #[must_use]
    pub fn candidates(now: i64) -> [Self; 3] {
        let Self(number) = Self::at(now);
        [Self(number), Self(number.saturating_sub(1)), Self(number.saturating_add(1))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MINUTE;

    #[test]
    fn an_epoch_is_open_a_little_longer_than_it_lasts() {
        let epoch = Epoch(490_000);
        assert_eq!(Epoch::at(epoch.begin()), epoch);
        assert_eq!(Epoch::at(epoch.end() - 1), epoch);
        assert!(!epoch.is_open(epoch.begin() - SKEW - 1) && epoch.is_open(epoch.begin() - SKEW));
        assert!(epoch.is_open(epoch.end() + SKEW - 1) && !epoch.is_open(epoch.end() + SKEW));
    }

    #[test]
    fn every_open_epoch_is_a_candidate() {
        for minute in 0..180 {
            let now = Epoch(490_000).begin() + minute * MINUTE;
            let open = (489_990..490_010).map(Epoch).filter(|epoch| epoch.is_open(now));
            assert!(open.into_iter().all(|epoch| Epoch::candidates(now).contains(&epoch)));
        }
    }

    #[test]
    fn no_time_is_out_of_range() {
        assert_eq!(Epoch::at(-1), Epoch(0));
        assert_eq!(Epoch::at(i64::MAX), Epoch(u32::MAX));
        assert!(Epoch(u32::MAX).end() > 0);
    }
}
