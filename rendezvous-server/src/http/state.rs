//! The state that every handler shares: the server's parts, and the slots that bound how much is
//! done at the same time.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::State;
use bytes::Bytes;
use chive_shared::server::ServerId;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::feed::FeedBatch;
use crate::access::{AccessControl, WorkPrices};
use crate::board::Board;
use crate::clock::Clock;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::record_writer::RecordWriter;
use crate::store::Store;

/// The parts of a server that handlers use.
pub struct AppParts {
    /// The server's identity, for which records and claims must be made.
    pub server: ServerId,
    /// Answers everything that is read about presence.
    pub board: Arc<Board>,
    /// Takes the records that are put.
    pub writer: RecordWriter,
    /// Used for handles alone; records go through the writer.
    pub store: Store,
    /// Decides who may read and who may write.
    pub access_control: AccessControl,
    /// The work that writing costs without a token.
    pub prices: WorkPrices,
    /// Whether handles are kept here.
    pub handles: bool,
    /// The operator's words for people.
    pub notice: Option<String>,
    /// The limits that the operator set.
    pub limits: Limits,
    /// Says what is live and what has expired.
    pub clock: Clock,
    /// Counts requests, their outcomes and open streams.
    pub metrics: Arc<Metrics>,
    /// The newest changes, encoded once for all streams.
    pub feed: watch::Receiver<Arc<FeedBatch>>,
    /// Ends the streams, which would otherwise never end.
    pub stopping: CancellationToken,
}

/// The parts, with what the router adds.
pub(super) struct AppState {
    parts: AppParts,
    pub(super) request_slots: Arc<Semaphore>,
    pub(super) board_slots: Arc<Semaphore>,
    pub(super) stream_slots: Arc<Semaphore>,
    /// The `OpenAPI` document, encoded once.
    pub(super) document: Bytes,
}

impl AppState {
    pub(super) fn new(parts: AppParts, document: Bytes) -> Self {
        Self {
            request_slots: Arc::new(Semaphore::new(parts.limits.requests)),
            board_slots: Arc::new(Semaphore::new(parts.limits.boards)),
            stream_slots: Arc::new(Semaphore::new(parts.limits.streams)),
            document,
            parts,
        }
    }
}

impl Deref for AppState {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.parts
    }
}

/// The extractor of every handler.
pub(super) type SharedState = State<Arc<AppState>>;
