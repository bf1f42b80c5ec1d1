//! Metrics: sums for the operator, in Prometheus's format. They have no labels, so nothing in them
//! depends on who asked for what.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// The counters of one server.
pub struct Metrics {
    registry: Mutex<Registry>,
    records: Gauge,
    /// Records that were stored, duplicates included.
    pub puts: Counter,
    /// Records, claims and releases that were refused.
    pub refused: Counter,
    /// Requests, those that were turned away included.
    pub requests: Counter,
    /// Boards and buckets that were sent.
    pub boards: Counter,
    /// Streams of changes that are open now.
    pub streams: Gauge,
    /// Connections that are open now, idle ones included.
    pub connections: Gauge,
    /// Idle connections closed to make room for others.
    pub evicted: Counter,
    transactions: Counter,
    transaction_seconds: Counter<f64, AtomicU64>,
    storage_failures: Counter,
    handles: Gauge,
    storage_works: AtomicBool,
}

impl chive_http::serve::Observer for Metrics {
    fn opened(&self, evicted_other: bool) {
        self.connections.inc();
        if evicted_other {
            self.evicted.inc();
        }
    }

    fn closed(&self) {
        self.connections.dec();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("chive_rendezvous");
        let mut count = |name: &str, help: &str| {
            let counter = Counter::default();
            registry.register(name, help, counter.clone());
            counter
        };
        let puts = count("records_stored", "Presence records stored");
        let refused = count("refused", "Records, claims and releases refused");
        let requests = count("requests", "Requests answered");
        let boards = count("boards", "Boards and buckets sent");
        let evicted = count(
            "connections_evicted",
            "Idle connections closed because others wanted their place",
        );
        let transactions = count("transactions", "Transactions that stored records");
        let storage_failures =
            count("storage_failures", "Times that the database could not be used");
        let mut gauge = |name: &str, help: &str| {
            let gauge: Gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let records = gauge("records_live", "Presence records that live now");
        let streams = gauge("streams_open", "Streams of changes that are open now");
        let connections = gauge("connections_open", "Connections that are open now");
        let handles =
            gauge("handles", "Handles, also those kept for their owners after they expired");
        let transaction_seconds = Counter::default();
        registry.register(
            "transaction_seconds",
            "Time that those took",
            transaction_seconds.clone(),
        );

        Self {
            registry: Mutex::new(registry),
            records,
            puts,
            refused,
            requests,
            boards,
            streams,
            connections,
            evicted,
            transactions,
            transaction_seconds,
            storage_failures,
            handles,
            storage_works: AtomicBool::new(true),
        }
    }
}

impl Metrics {
    /// A transaction that stored records ended, committed or not.
    pub fn transaction_ended(&self, took: Duration, committed: bool) {
        self.transaction_seconds.inc_by(took.as_secs_f64());
        self.transactions.inc();
        self.storage_used(committed);
    }

    /// The database was asked for something, and did it or failed.
    pub fn storage_used(&self, succeeded: bool) {
        self.storage_works.store(succeeded, Ordering::Relaxed);
        if !succeeded {
            self.storage_failures.inc();
        }
    }

    /// Whether the last use of the database succeeded.
    #[must_use]
    pub fn storage_works(&self) -> bool {
        self.storage_works.load(Ordering::Relaxed)
    }

    /// Notes the number of handles.
    pub fn set_handles(&self, count: u64) {
        self.handles.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// The number of handles at the last count.
    #[must_use]
    pub fn last_handles(&self) -> u64 {
        u64::try_from(self.handles.get()).unwrap_or_default()
    }

    /// All metrics as text; `live` is the number of live records.
    #[must_use]
    pub fn encode(&self, live: usize) -> String {
        self.records.set(i64::try_from(live).unwrap_or(i64::MAX));
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = encode(&mut text, &self.registry.lock());
        text
    }
}
