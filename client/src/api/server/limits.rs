//! All limits of the API server: sizes, counts and deadlines.

use std::time::Duration;

/// The longest body of a request, in bytes: the longest text, every byte of it escaped by a
/// backslash.
pub const MAX_BODY: usize = 128 << 10;

/// The most messages of one answer.
pub const MAX_HISTORY: u32 = 1000;

/// The messages of an answer to somebody who does not say how many.
pub const DEFAULT_HISTORY: u32 = 50;

/// The most events of one page.
pub const MAX_EVENTS: u32 = 1000;

/// How many events a stream holds at once.
pub const STREAM_PAGE: u32 = 64;

/// How often a silent stream says that it is alive.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// How many connections are served at once; one more takes the slot of one that does nothing. A
/// connection has one request at a time, so this also bounds the requests.
pub const MAX_CONNECTIONS: usize = 128;

/// Lines of a request's head.
pub const MAX_HEADERS: usize = 64;

/// A request's head, in bytes.
pub const MAX_HEAD: usize = 64 << 10;

/// How long a request's head may take, also the wait for it on an open connection.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(30);

/// How long a request may take until its answer begins.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(30);

/// How long running requests may take to end once the node stops.
pub const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// How long things may take: [`HEARTBEAT`] and [`REQUEST_DEADLINE`], unless a test cannot wait for
/// so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Between two signs of life of a silent stream.
    pub(crate) heartbeat: Duration,
    /// Until an answer begins.
    pub(crate) request: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self { heartbeat: HEARTBEAT, request: REQUEST_DEADLINE }
    }
}
