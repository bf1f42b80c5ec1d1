//! Every limit of the server: first those that an operator can set, with their defaults, then fixed
//! ones. Limits that clients and servers agree on are in `chive_shared::limits`, never here. Sizes
//! are bytes, times seconds.

use std::time::Duration;

use chive_http::serve::ConnectionLimits;
use chive_shared::limits::{BUCKET_RECORDS, MAX_BATCH, SUBMISSION};
use serde::Deserialize;

/// The table `[limits]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Records that are live at once. A record takes about 0.5 KB of memory.
    pub records: usize,
    /// Handles that are claimed, or kept for their owners after they expired.
    pub handles: u64,
    /// Records in one request, at most 1,000.
    pub batch: usize,
    /// The board is cut into buckets of at most this many records, on average.
    pub bucket_records: usize,
    /// A board, or a bucket, with more records than this is not handed out: a smaller one must be
    /// asked for.
    pub board_records: usize,
    /// Changes that are remembered for readers that ask what is new.
    pub changes: usize,

    /// Open connections. One more evicts one that is idle.
    pub connections: usize,
    /// Requests that are answered at once.
    pub requests: usize,
    /// Streams of changes at once; each holds a connection.
    pub streams: usize,
    /// Boards being read at once.
    pub boards: usize,
    /// Lines of a request's head.
    pub headers: usize,
    /// The size of a request's head.
    pub head_bytes: usize,
    /// Records that wait to be written; more are refused.
    pub queue: usize,

    /// For a request's head to arrive, which includes the wait on an idle connection.
    pub head_seconds: u64,
    /// For a request's body to arrive and its answer to begin.
    pub request_seconds: u64,
    /// Without a byte read by the client, after which its connection is closed.
    pub write_seconds: u64,
    /// Between two heartbeats of a silent stream.
    pub heartbeat_seconds: u64,
    /// For one operation of the database.
    pub storage_seconds: u64,
    /// For requests to end when the server stops.
    pub stop_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            records: 250_000,
            handles: 1_000_000,
            batch: MAX_BATCH,
            bucket_records: BUCKET_RECORDS,
            board_records: 131_072,
            changes: 262_144,
            connections: 4_096,
            requests: 512,
            streams: 2_048,
            boards: 128,
            headers: 32,
            head_bytes: 16 * 1024,
            queue: 16_384,
            head_seconds: 60,
            request_seconds: 30,
            write_seconds: 60,
            heartbeat_seconds: 20,
            storage_seconds: 10,
            stop_seconds: 10,
        }
    }
}

impl Limits {
    /// The longest body of a request, in bytes: a full batch of records.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.batch.max(4) * SUBMISSION
    }

    /// Refuses limits that no operator can mean.
    ///
    /// # Errors
    /// A sentence that names the limit and says why.
    pub fn check(&self) -> Result<(), String> {
        let positive = [
            ("records", self.records),
            ("batch", self.batch),
            ("bucket_records", self.bucket_records),
            ("board_records", self.board_records),
            ("changes", self.changes),
            ("connections", self.connections),
            ("requests", self.requests),
            ("boards", self.boards),
            ("queue", self.queue),
        ];
        if let Some((name, _)) = positive.iter().find(|(_, value)| *value == 0) {
            return Err(format!("limits.{name} must not be 0"));
        }

        if self.batch > MAX_BATCH {
            return Err(format!("limits.batch is at most {MAX_BATCH}"));
        }

        if self.batch > self.queue {
            return Err("limits.queue must hold a whole batch".to_owned());
        }

        if self.head_bytes < 8_192 {
            return Err("limits.head_bytes is at least 8192".to_owned());
        }

        if self.streams >= self.connections {
            return Err("limits.streams must leave room among limits.connections".to_owned());
        }

        let times =
            [self.head_seconds, self.request_seconds, self.write_seconds, self.storage_seconds];
        if times.contains(&0) || self.heartbeat_seconds == 0 {
            Err("times must not be 0".to_owned())
        } else {
            Ok(())
        }
    }

    /// The limits in seconds, as durations.
    #[must_use]
    pub fn times(&self) -> Times {
        Times {
            head: Duration::from_secs(self.head_seconds),
            request: Duration::from_secs(self.request_seconds),
            write: Duration::from_secs(self.write_seconds),
            heartbeat: Duration::from_secs(self.heartbeat_seconds),
            storage: Duration::from_secs(self.storage_seconds),
            stop: Duration::from_secs(self.stop_seconds),
        }
    }

    /// The part of the limits that `chive_http` enforces.
    #[must_use]
    pub fn for_connections(&self) -> ConnectionLimits {
        let times = self.times();
        ConnectionLimits {
            connections: self.connections,
            headers: self.headers,
            head_bytes: self.head_bytes,
            head: times.head,
            write: Some(times.write),
            stop: times.stop,
        }
    }
}

/// The times among the [`Limits`], under the same names.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs, reason = "each is explained in `Limits`")]
pub struct Times {
    pub head: Duration,
    pub request: Duration,
    pub write: Duration,
    pub heartbeat: Duration,
    pub storage: Duration,
    pub stop: Duration,
}

/// Records in one transaction, at most.
pub const MAX_TRANSACTION: usize = 4_096;
/// After a transaction of this many requests the next one waits for more of them.
pub const GATHER_THRESHOLD: usize = 8;
/// How long a transaction waits for more requests.
pub const GATHER_PAUSE: Duration = Duration::from_millis(4);
/// Between two searches of the board for expired records.
pub const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Between two deletions of forgotten rows from the database.
pub const PURGE_EVERY: Duration = Duration::from_mins(1);
/// Between two searches for other replicas' changes, in case no notification comes.
pub const POLL_EVERY: Duration = Duration::from_millis(200);
/// Streams send the changes of this long in one event.
pub const BATCH_CHANGES: Duration = Duration::from_millis(100);
/// Changes in one answer, and in an event that all streams of the whole board share.
pub const MAX_CHANGES: usize = 8_192;
/// Changes in an event that is made for one stream alone: it bounds the memory that a reader that
/// does not read can occupy.
pub const MAX_OWN_CHANGES: usize = 512;
