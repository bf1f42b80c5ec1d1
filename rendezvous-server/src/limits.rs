//! Every limit that an operator can set, by name, with its default. What clients and servers agree
//! on is in `chive_shared::limits`. Sizes are bytes, times seconds.

use std::time::Duration;

use chive_http::serve::ConnectionLimits;
use chive_shared::limits::{BUCKET_RECORDS, MAX_BATCH, SUBMISSION};
use serde::Deserialize;

/// The table `[limits]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Records that live at once. A record takes about 0.5 KB of memory.
    pub records: usize,
    /// Handles.
    pub handles: u64,
    /// Records in one request, at most 1,000.
    pub batch: usize,
    /// The board is cut into buckets of at most so many records, on average.
    pub bucket_records: usize,
    /// A board, or a bucket, with more records than this is not handed out: a smaller one must be
    /// asked for.
    pub board_records: usize,
    /// Changes that are remembered for those who ask what is new.
    pub changes: usize,

    /// Open connections. One more takes the place of one that does nothing.
    pub connections: usize,
    /// Requests at once.
    pub requests: usize,
    /// Streams of changes at once; each holds a connection.
    pub streams: usize,
    /// Boards being read at once.
    pub boards: usize,
    /// Lines of a request's head.
    pub headers: usize,
    /// A request's head.
    pub head_bytes: usize,
    /// Records that wait to be written; more are refused.
    pub queue: usize,

    /// For a request's head to come, also the wait for it on an open connection.
    pub head_seconds: u64,
    /// For a request to come and be answered.
    pub request_seconds: u64,
    /// Without a byte taken by a reader: then its connection is closed.
    pub write_seconds: u64,
    /// Between two signs of life of a silent stream.
    pub heartbeat_seconds: u64,
    /// For the database to do one thing.
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
    /// The longest body of a request.
    #[must_use]
    pub fn body_bytes(&self) -> usize {
        self.batch.max(4) * SUBMISSION
    }

    /// What cannot be meant.
    ///
    /// # Errors
    /// Says which limit, and why.
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

    /// The times, as such.
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
}

impl Limits {
    /// Those of connections.
    #[must_use]
    pub fn of_connections(&self) -> ConnectionLimits {
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

/// The times among the [`Limits`].
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// See [`Limits::head_seconds`].
    pub head: Duration,
    /// See [`Limits::request_seconds`].
    pub request: Duration,
    /// See [`Limits::write_seconds`].
    pub write: Duration,
    /// See [`Limits::heartbeat_seconds`].
    pub heartbeat: Duration,
    /// See [`Limits::storage_seconds`].
    pub storage: Duration,
    /// See [`Limits::stop_seconds`].
    pub stop: Duration,
}

/// What is put in one transaction, at most, in records.
pub const MAX_TRANSACTION: usize = 4_096;
/// A transaction of so many requests shows that many write: the next one waits for more of them.
pub const CROWD: usize = 8;
/// For how long it waits.
pub const GATHER: Duration = Duration::from_millis(4);
/// Between two looks for what has died.
pub const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// Between two deletions of what is forgotten from the database.
pub const PURGE_EVERY: Duration = Duration::from_mins(1);
/// Between two looks for what other replicas wrote, where nothing tells us.
pub const POLL_EVERY: Duration = Duration::from_millis(200);
/// Streams get changes together that came within so long.
pub const BATCH_CHANGES: Duration = Duration::from_millis(100);
/// Changes in one answer, and in an event that all streams of the whole board share.
pub const MAX_CHANGES: usize = 8_192;
/// Changes in an event that is made for one stream alone: how much a reader that takes nothing can
/// make us hold.
pub const MAX_OWN_CHANGES: usize = 512;
