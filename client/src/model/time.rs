//! Wall-clock time in Unix milliseconds, and its sums and differences. Reads no clock.

use std::ops::{Add, Sub};
use std::time::Duration;

/// Milliseconds since 1970 began, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(pub i64);

impl UnixMillis {
    /// How long ago `earlier` was at this moment; nothing if it was not earlier.
    #[must_use]
    pub fn saturating_duration_since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Add<Duration> for UnixMillis {
    type Output = Self;

    /// Stays at the end of all times when it would go past it.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for UnixMillis {
    type Output = Self;

    /// Stays at the beginning of all times when it would go past it.
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

impl From<UnixMillis> for i64 {
    fn from(time: UnixMillis) -> Self {
        time.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_stops_at_the_ends() {
        let hour = Duration::from_hours(1);
        assert_eq!(UnixMillis(5) + hour, UnixMillis(3_600_005));
        assert_eq!(UnixMillis(i64::MAX - 1) + hour, UnixMillis(i64::MAX));
        assert_eq!(UnixMillis(0) + Duration::MAX, UnixMillis(i64::MAX));
        assert_eq!(UnixMillis(i64::MIN) - hour, UnixMillis(i64::MIN));
        assert_eq!(
            UnixMillis(7).saturating_duration_since(UnixMillis(5)),
            Duration::from_millis(2)
        );
        assert_eq!(UnixMillis(5).saturating_duration_since(UnixMillis(7)), Duration::ZERO);
    }
}
