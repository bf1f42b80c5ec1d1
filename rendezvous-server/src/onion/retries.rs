//! How long each part of the onion service waits before it tries again.

use std::time::Duration;

use chive_shared::backoff::Backoff;

/// The pauses after failures in a row.
pub(super) const RETRIES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(1));
