//! Pauses between tries: the first one, then each twice as long as the one before, up to the
//! longest. Chance, where two sides must not keep the same time, is the caller's to add.

use std::time::Duration;

/// How the pauses grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

/// The pauses of failures in a row.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    backoff: Backoff,
    failures: u32,
}

impl Backoff {
    /// From one length to another.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after a failure that this many others came before, without a success between them.
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let times = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(times).min(self.longest)
    }

    /// The longest pause.
    #[must_use]
    pub const fn longest(self) -> Duration {
        self.longest
    }

    /// The pauses, one after the other.
    #[must_use]
    pub const fn pauses(self) -> Pauses {
        Pauses { backoff: self, failures: 0 }
    }
}

impl Pauses {
    /// The pause after one more failure.
    pub fn after_failure(&mut self) -> Duration {
        let pause = self.backoff.after(self.failures);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// A success: the next pause is the first one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
        assert_eq!(
            [0, 1, 2, 5, 6].map(|failures| backoff.after(failures).as_secs()),
            [1, 2, 4, 32, 60]
        );
        assert_eq!(
            [16, 31, 32, u32::MAX].map(|failures| backoff.after(failures)),
            [backoff.longest(); 4]
        );

        let mut pauses = backoff.pauses();
        assert_eq!([(); 3].map(|()| pauses.after_failure().as_secs()), [1, 2, 4]);
        pauses.reset();
        assert_eq!(pauses.after_failure().as_secs(), 1);
    }
}
