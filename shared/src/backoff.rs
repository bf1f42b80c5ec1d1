//! Pauses between attempts: each twice as long as the one before, up to a longest one. They are
//! computed here, never waited for; jitter is for the caller to add.

use std::time::Duration;

/// The range of the pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

/// The pauses after failures in a row.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    backoff: Backoff,
    failures: u32,
}

impl Backoff {
    /// Pauses that begin with `first` and never exceed `longest`.
    #[must_use]
    pub const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest }
    }

    /// The pause after a failure that follows this many other failures in a row.
    #[must_use]
    pub fn after(self, failures: u32) -> Duration {
        let times = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
        self.first.saturating_mul(times).min(self.longest)
    }

    /// The upper limit of all pauses.
    #[must_use]
    pub const fn longest(self) -> Duration {
        self.longest
    }

    /// Starts with the first pause.
    #[must_use]
    pub const fn pauses(self) -> Pauses {
        Pauses { backoff: self, failures: 0 }
    }
}

impl Pauses {
    /// Counts a failure, and gives the pause after it.
    pub fn after_failure(&mut self) -> Duration {
        let pause = self.backoff.after(self.failures);
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// After a success: the next pause is the first one again.
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
