//! The rules of a conversation: when messages disappear, whether read receipts are sent, when keys
//! are replaced.

use std::time::Duration;

/// What one side lets happen to messages, or what both do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// They disappear this many seconds after they were delivered; 0 for never.
    pub disappear_after: u64,
    /// Their writer is told when they are read.
    pub read_receipts: bool,
}

impl Policy {
    /// What holds where these two sides write to each other: only what both want, and of two times
    /// the longer one. It depends on nothing else, so both sides come to the same.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let both = self.disappear_after > 0 && other.disappear_after > 0;
        Self {
            disappear_after: if both { self.disappear_after.max(other.disappear_after) } else { 0 },
            read_receipts: self.read_receipts && other.read_receipts,
        }
    }
}

/// When our keys of a conversation are replaced.
#[derive(Clone, Copy, Debug)]
pub struct KeyUpdates {
    /// After so many sealed messages, receipts among them.
    pub after_messages: u32,
    /// But not sooner after the last time than this, so that what travels for days by other
    /// people's devices can still be opened: see `chive_mls` for how many past epochs are kept.
    pub not_before: Duration,
}

impl Default for KeyUpdates {
    fn default() -> Self {
        Self { after_messages: 100, not_before: Duration::from_hours(6) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_disappear_only_when_both_want_it() {
        let policy = |disappear_after| Policy { disappear_after, read_receipts: true };
        let cases = [(0, 0, 0), (60, 0, 0), (0, 60, 0), (60, 60, 60), (60, 90, 90), (90, 60, 90)];
        for (one, other, both) in cases {
            assert_eq!(policy(one).and(policy(other)), policy(both), "{one} and {other}");
        }
    }

    #[test]
    fn read_receipts_need_both_sides() {
        let policy = |read_receipts| Policy { disappear_after: 0, read_receipts };
        for (one, other) in [(true, false), (false, true), (false, false), (true, true)] {
            assert_eq!(policy(one).and(policy(other)), policy(one && other));
        }
    }
}
