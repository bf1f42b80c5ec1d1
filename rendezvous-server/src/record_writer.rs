//! The record writer: the one task that commits presence records and then shows them on the board.
//! It never verifies a record, and never answers a request before its records are committed.
//!
//! ```text
//! RecordWriter::put ─► queue ─► WriterTask ─► Batch ─► one transaction per round ─► Board
//!                                   ▲
//!             other replicas' changes: notified, or polled
//! ```
//!
//! Requests that arrive at the same time share a transaction. Where other replicas write to the
//! same database, the task also fetches their changes, in order.

mod batch;
mod outcome;

use std::sync::Arc;
use std::time::Instant;

use chive_shared::record::Record;
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use self::batch::Batch;
use crate::board::{Board, Freshness, StoredRecord};
use crate::clock::Clock;
use crate::limits::{
    GATHER_PAUSE, GATHER_THRESHOLD, MAX_TRANSACTION, POLL_EVERY, PURGE_EVERY, SWEEP_EVERY, Times,
};
use crate::metrics::Metrics;
use crate::store::{PutOutcome, Store, StoreError};

pub use self::outcome::{PutError, PutResult};

/// The verified records of one HTTP request, and where their results go.
struct Request {
    records: Vec<Record>,
    answer: oneshot::Sender<Vec<PutResult>>,
}

/// Hands records to the writer's task. Cheap to clone.
#[derive(Clone)]
pub struct RecordWriter {
    requests: mpsc::Sender<Request>,
    /// A permit for each record that may still wait in the queue.
    queue_room: Arc<Semaphore>,
}

/// The dependencies of the writer's task.
pub struct WriterParts {
    /// The database in which records are committed.
    pub store: Store,
    /// Where committed records are shown.
    pub board: Arc<Board>,
    /// Says when a record was stored.
    pub clock: Clock,
    /// How many addresses the board may have.
    pub max_addresses: usize,
    /// How long the database may take for one thing.
    pub times: Times,
    /// Counts transactions, failures and handles.
    pub metrics: Arc<Metrics>,
}

impl RecordWriter {
    /// A handle, and the task to run. `queue` is how many records may wait.
    #[must_use]
    pub fn new(parts: WriterParts, queue: usize) -> (Self, WriterTask) {
        let (sender, requests) = mpsc::channel(queue.max(1));
        let writer = Self { requests: sender, queue_room: Arc::new(Semaphore::new(queue)) };
        (writer, WriterTask { parts, requests, is_behind: true, gathers: false })
    }

    /// Commits records and shows them; gives the result of each. The caller has verified them, and
    /// leaves to the writer only how they compare to what is stored.
    pub async fn put(&self, records: Vec<Record>) -> Vec<PutResult> {
        let count = records.len();
        let all = |error| vec![Err(error); count];
        let Ok(wanted) = u32::try_from(count) else { return all(PutError::QueueFull) };
        let Ok(_room) = self.queue_room.try_acquire_many(wanted) else {
            return all(PutError::QueueFull);
        };

        let (answer, answered) = oneshot::channel();
        if self.requests.send(Request { records, answer }).await.is_err() {
            return all(PutError::Stopping);
        }
        answered.await.unwrap_or_else(|_| all(PutError::Stopping))
    }
}

/// The task behind a [`RecordWriter`].
pub struct WriterTask {
    parts: WriterParts,
    requests: mpsc::Receiver<Request>,
    /// The database may have changes that the board lacks.
    is_behind: bool,
    /// Many requests shared the last transaction, so the next one waits for more of them.
    gathers: bool,
}

impl WriterTask {
    /// Fills the board from the database.
    pub async fn load(&mut self) -> Result<(), StoreError> {
        self.catch_up(None).await?;
        self.parts.board.sweep(self.parts.clock.now());
        Ok(())
    }

    /// Runs until `stop`, and then until every accepted request is answered.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut purge = tokio::time::interval(PURGE_EVERY);
        let mut poll = tokio::time::interval(POLL_EVERY);
        for timer in [&mut sweep, &mut purge, &mut poll] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }

        let is_shared = self.parts.store.is_shared();
        let updates = self.parts.store.updates();
        loop {
            tokio::select! {
                biased;
                // Rare events first: under load there is always another request.
                () = stop.cancelled() => break,
                _ = sweep.tick() => self.parts.board.sweep(self.parts.clock.now()),
                _ = purge.tick() => self.purge().await,
                _ = poll.tick(), if is_shared => self.fetch_updates().await,
                Some(first) = self.requests.recv() => self.write_all(first).await,
                () = notified(updates.as_deref()) => self.fetch_updates().await,
            }
        }

        self.requests.close();
        while let Some(request) = self.requests.recv().await {
            self.write_all(request).await;
        }
    }

    /// Writes a request together with all that wait already, and answers them.
    async fn write_all(&mut self, first: Request) {
        if self.gathers {
            // One transaction for twice as many requests costs hardly more.
            tokio::time::sleep(GATHER_PAUSE).await;
        }

        let requests = self.take_waiting(first);
        self.gathers = requests.len() >= GATHER_THRESHOLD;
        let mut batch = Batch::new(requests.iter().map(|request| request.records.as_slice()));
        while batch.has_more() {
            self.write_round(&mut batch).await;
        }

        for (request, results) in requests.into_iter().zip(batch.into_results()) {
            // The client may be gone: its records are stored all the same.
            let _ = request.answer.send(results);
        }
    }

    fn take_waiting(&mut self, first: Request) -> Vec<Request> {
        let mut count = first.records.len();
        let mut requests = vec![first];
        while count < MAX_TRANSACTION
            && let Ok(next) = self.requests.try_recv()
        {
            count += next.records.len();
            requests.push(next);
        }
        requests
    }

    /// Writes what can go into one transaction.
    async fn write_round(&mut self, batch: &mut Batch) {
        let round = batch.next_round(&self.parts.board, self.parts.max_addresses);
        if round.records.is_empty() {
            return;
        }

        let began = Instant::now();
        let outcome = self.commit_in_time(&round.records).await;
        self.parts.metrics.transaction_ended(began.elapsed(), outcome.is_ok());

        match outcome {
            Ok(results) => batch.finish_round(&round, results),
            Err(error) => {
                tracing::warn!(%error, "records could not be stored");
                let error = match error {
                    StoreError::Full => PutError::DiskFull,
                    _ => PutError::Unavailable,
                };
                batch.finish_round(&round, vec![Err(error); round.records.len()]);
            }
        }
    }

    async fn commit_in_time(&mut self, records: &[Record]) -> Result<Vec<PutResult>, StoreError> {
        let limit = self.parts.times.storage;
        match tokio::time::timeout(limit, self.commit(records)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Database("it takes too long".into())),
        }
    }

    async fn commit(&mut self, records: &[Record]) -> Result<Vec<PutResult>, StoreError> {
        if self.is_behind {
            self.catch_up(None).await?;
        }

        // Should this fail or be given up, it may have been committed all the same.
        self.is_behind = true;
        let now = self.parts.clock.now();
        let newest = self.parts.board.cursor().change;
        let outcome = self.parts.store.put(records, newest, now).await?;

        if outcome.before > newest {
            self.catch_up(Some(outcome.before)).await?;
        }
        self.is_behind = false;

        Ok(self.show(records, outcome, now))
    }

    /// Puts committed records on the board.
    fn show(&self, records: &[Record], outcome: PutOutcome, now: i64) -> Vec<PutResult> {
        let stored: Vec<StoredRecord> = records
            .iter()
            .zip(&outcome.results)
            .filter_map(|(record, result)| {
                result.ok().map(|change| StoredRecord { record: *record, change, stored_at: now })
            })
            .collect();
        self.parts.board.apply(&stored, now);

        let result = |result| match result {
            Ok(_) | Err(Freshness::Duplicate) => Ok(()),
            Err(freshness) => Err(PutError::NotFresh(freshness)),
        };
        outcome.results.into_iter().map(result).collect()
    }

    /// Shows the changes that the database has and the board lacks, up to one or to the last.
    async fn catch_up(&mut self, up_to: Option<u64>) -> Result<(), StoreError> {
        loop {
            let newest = self.parts.board.cursor().change;
            if up_to.is_some_and(|up_to| newest >= up_to) {
                return Ok(());
            }

            let mut stored = self.parts.store.changes_since(newest, MAX_TRANSACTION).await?;
            let read = stored.len();
            stored.retain(|stored| up_to.is_none_or(|up_to| stored.change <= up_to));
            self.parts.board.apply(&stored, self.parts.clock.now());
            if read < MAX_TRANSACTION || stored.len() < read {
                self.is_behind = false;
                return Ok(());
            }
        }
    }

    /// Shows the changes of other replicas.
    async fn fetch_updates(&mut self) {
        let limit = self.parts.times.storage;
        let outcome = tokio::time::timeout(limit, self.catch_up(None)).await;
        self.parts.metrics.storage_used(matches!(outcome, Ok(Ok(()))));
        if let Ok(Err(error)) = outcome {
            tracing::debug!(%error, "the database could not be read");
        }
    }

    async fn purge(&mut self) {
        let purge = self.parts.store.purge(self.parts.clock.now());
        match tokio::time::timeout(self.parts.times.storage, purge).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired records could not be deleted"),
            Err(_) => tracing::warn!("expired records could not be deleted in time"),
        }

        if let Ok(handles) = self.parts.store.handles().await {
            self.parts.metrics.set_handles(handles);
        }
    }
}

/// Waits for a notification; for ever where there is nothing that could send one.
async fn notified(updates: Option<&Notify>) {
    match updates {
        Some(updates) => updates.notified().await,
        None => std::future::pending().await,
    }
}
