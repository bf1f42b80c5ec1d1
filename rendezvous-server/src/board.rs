//! The board: all live records in memory, and the sequence numbers of those that expired lately.
//! Every read is answered from here; the board never asks the database, and never judges a record.
//!
//! One task writes, many read. Records are in 256 segments, by the first byte of their address, and
//! each segment keeps its encoded bytes, so that sending a board copies none of them.

mod changes;
mod entry;
mod segment;

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use chive_shared::blinding::Address;
use chive_shared::board::{Bucket, Cursor, Head};
use chive_shared::limits::MAX_BUCKET_BITS;
use chive_shared::record::Record;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use self::changes::Changes;
use self::segment::Segment;

pub use self::changes::CursorExpired;
pub use self::entry::{Freshness, StoredRecord};

/// The board of one server process.
pub struct Board {
    generation: u64,
    segments: Vec<Mutex<Segment>>,
    changes: Mutex<Changes>,
    newest: watch::Sender<u64>,
    live: AtomicUsize,
    addresses: AtomicUsize,
    bucket_records: usize,
}

impl Board {
    /// An empty board for a database's generation, as of a change. It remembers `log_size` changes,
    /// and is cut into buckets of about `bucket_records` records.
    #[must_use]
    pub fn new(generation: u64, change: u64, log_size: usize, bucket_records: usize) -> Self {
        Self {
            generation,
            segments: (0..=u8::MAX).map(|_| Mutex::default()).collect(),
            changes: Mutex::new(Changes::new(change, log_size)),
            newest: watch::Sender::new(change),
            live: AtomicUsize::new(0),
            addresses: AtomicUsize::new(0),
            bucket_records: bucket_records.max(1),
        }
    }

    /// The number of live records.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// The number of addresses that take up memory, those of expired records included.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.addresses.load(Ordering::Relaxed)
    }

    /// How many bits name a bucket now.
    #[must_use]
    pub fn bucket_bits(&self) -> u8 {
        let live = self.live();
        (0..MAX_BUCKET_BITS)
            .find(|bits| live >> bits <= self.bucket_records)
            .unwrap_or(MAX_BUCKET_BITS)
    }

    /// The cursor of a reader that reads the whole board now.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { generation: self.generation, change: *self.newest.borrow() }
    }

    /// Follows the number of the newest change.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// How a record compares to what is stored for its address.
    #[must_use]
    pub fn freshness_of(&self, record: &Record) -> Freshness {
        let segment = self.segment(record.address());
        segment.get(&record.address()).map_or(Freshness::New, |stored| stored.freshness_of(record))
    }

    /// Whether an address takes up memory already.
    #[must_use]
    pub fn has_address(&self, address: &Address) -> bool {
        self.segment(*address).get(address).is_some()
    }

    /// The live record of an address.
    #[must_use]
    pub fn find(&self, address: &Address, now: i64) -> Option<Record> {
        let segment = self.segment(*address);
        segment.get(address).filter(|stored| stored.is_live(now)).map(|stored| stored.record)
    }

    /// Shows records that are committed, in the order of their changes, and wakes the followers.
    /// The record with an address's highest number counts, in whatever order they come.
    pub fn apply(&self, records: &[StoredRecord], now: i64) {
        for stored in records.iter().filter(|stored| stored.is_remembered(now)) {
            self.insert(stored, now);
        }

        if let Some(last) = records.last() {
            self.newest.send_if_modified(|newest| {
                let rises = last.change > *newest;
                *newest = last.change.max(*newest);
                rises
            });
        }
    }

    fn insert(&self, stored: &StoredRecord, now: i64) {
        let address = stored.record.address();
        let inserted = self.segment(address).insert(stored, now);
        if let Some(inserted) = inserted {
            self.addresses.fetch_add(usize::from(inserted.is_new_address), Ordering::Relaxed);
            self.live.fetch_add(usize::from(inserted.is_newly_live), Ordering::Relaxed);
            self.changes.lock().push(stored.change, address);
        }
    }

    /// Drops the entries that are no longer remembered, and counts the live records again.
    pub fn sweep(&self, now: i64) {
        let (mut live, mut addresses) = (0, 0);
        for segment in &self.segments {
            let mut segment = segment.lock();
            live += segment.sweep(now);
            addresses += segment.len();
        }
        self.live.store(live, Ordering::Relaxed);
        self.addresses.store(addresses, Ordering::Relaxed);
    }

    /// The head of a body for a bucket, complete up to a change.
    #[must_use]
    pub fn head(&self, bucket: Bucket, change: u64) -> Head {
        Head { bucket, cursor: Cursor { generation: self.generation, change } }
    }

    /// About how many records a bucket has: addresses are spread evenly.
    #[must_use]
    pub fn estimated_size(&self, bucket: Bucket) -> usize {
        self.live() >> bucket.bits()
    }

    /// The encoded group of the addresses that begin with a byte; empty if no record is live.
    #[must_use]
    pub fn group(&self, first_byte: u8, now: i64) -> Bytes {
        self.segments[usize::from(first_byte)].lock().group(now)
    }

    /// The records of a bucket that changed since a cursor, and the change up to which they are
    /// complete. It looks at no more than `limit` changes of the whole board.
    pub fn changes_since(
        &self,
        after: Cursor,
        bucket: Bucket,
        limit: usize,
        now: i64,
    ) -> Result<(u64, Vec<Record>), CursorExpired> {
        if after.generation != self.generation {
            return Err(CursorExpired);
        }

        // Read first: a change is in the log before it counts as the newest.
        let newest = *self.newest.borrow();
        let (up_to, changed) = self.changes.lock().since(after.change, newest, limit)?;
        let of_bucket = changed
            .into_iter()
            .filter(|(_, address)| address.bucket(bucket.bits()) == bucket.number());
        let current_record = |(change, address): (u64, Address)| {
            let segment = self.segment(address);
            segment
                .get(&address)
                .filter(|stored| stored.change == change && stored.is_live(now))
                .map(|stored| stored.record)
        };

        Ok((up_to, of_bucket.filter_map(current_record).collect()))
    }

    fn segment(&self, address: Address) -> MutexGuard<'_, Segment> {
        self.segments[usize::from(address.0[0])].lock()
    }
}

#[cfg(test)]
mod tests;
