//! Decides when to erase deleted messages from the store's files.

use std::time::Duration;

use tokio::time::Instant;

use crate::node::effect::Effect;

/// The write-ahead log is emptied of deleted messages once in this time, at most.
const ERASE_PAUSE: Duration = Duration::from_secs(30);

/// A large store is written again, without what was deleted, once in this time, at most.
const REWRITE_PAUSE: Duration = Duration::from_hours(24);

/// Whether old pages of the store may still hold something that was deleted.
#[derive(Default)]
pub(crate) struct Erasure {
    log_due: bool,
    log_emptied: Option<Instant>,
    rewrite_due: bool,
    rewritten: Option<Instant>,
}

impl Erasure {
    pub(crate) fn something_deleted(&mut self) {
        (self.log_due, self.rewrite_due) = (true, true);
    }

    /// Begins what is due. Even if it fails, as on a full disk, it is tried again in its time, not
    /// at once.
    pub(crate) fn begin(&mut self, at: Instant) -> Option<Effect> {
        let is_over = |last: Option<Instant>, pause| {
            last.is_none_or(|last| at.saturating_duration_since(last) >= pause)
        };
        let rewrite = self.rewrite_due && is_over(self.rewritten, REWRITE_PAUSE);
        let log = self.log_due && is_over(self.log_emptied, ERASE_PAUSE);
        if !log && !rewrite {
            return None;
        }

        self.log_emptied = Some(at);
        if rewrite {
            self.rewritten = Some(at);
        }
        Some(Effect::Erase { rewrite })
    }

    /// What became of it. `cleaned`: nobody read the old pages meanwhile.
    pub(crate) fn erased(&mut self, cleaned: bool, rewritten: bool) {
        self.log_due &= !cleaned;
        self.rewrite_due &= !(cleaned && rewritten);
    }
}
