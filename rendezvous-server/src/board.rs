//! The board in memory: every record that lives, and the sequence numbers of those that died
//! lately. What readers ask for is answered from here alone; the database is not asked.
//!
//! One task writes, many read. Records are in 256 segments, by the first byte of their address, and
//! a segment's bytes are kept ready for readers, so that a board is sent without being copied.

mod changes;
mod segment;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chive_shared::blinding::Address;
use chive_shared::board::{Bucket, Cursor, Head};
use chive_shared::limits::MAX_BUCKET_BITS;
use chive_shared::record::Record;
use chive_shared::sequence::Sequence;
use tokio::sync::watch;

use self::changes::Changes;
use self::segment::Segment;

/// A record as a server keeps it.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// The number of the change that brought it.
    pub change: u64,
    /// When the server took it, Unix milliseconds.
    pub taken: i64,
}

/// What a new record meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing, or something older.
    Newer,
    /// Itself.
    Same,
    /// Something newer, with this number.
    Older(Sequence),
    /// Something else with the same number.
    Other(Sequence),
}

/// The cursor is older than what is remembered, or of another database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgotten;

/// The board.
pub struct Board {
    generation: u64,
    segments: Vec<Mutex<Segment>>,
    changes: Mutex<Changes>,
    newest: watch::Sender<u64>,
    live: AtomicUsize,
    known: AtomicUsize,
    bucket_records: usize,
}

impl Board {
    /// An empty board of a database's generation, which knows nothing of before a change.
    #[must_use]
    pub fn new(generation: u64, change: u64, remembered: usize, bucket_records: usize) -> Self {
        Self {
            generation,
            segments: (0..=u8::MAX).map(|_| Mutex::default()).collect(),
            changes: Mutex::new(Changes::new(change, remembered)),
            newest: watch::Sender::new(change),
            live: AtomicUsize::new(0),
            known: AtomicUsize::new(0),
            bucket_records: bucket_records.max(1),
        }
    }

    /// How many records live.
    #[must_use]
    pub fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// How many addresses take up memory.
    #[must_use]
    pub fn known(&self) -> usize {
        self.known.load(Ordering::Relaxed)
    }

    /// How many bits name a bucket now.
    #[must_use]
    pub fn bucket_bits(&self) -> u8 {
        let live = self.live();
        (0..MAX_BUCKET_BITS)
            .find(|bits| live >> bits <= self.bucket_records)
            .unwrap_or(MAX_BUCKET_BITS)
    }

    /// How much of the board somebody knows who reads it now.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor { generation: self.generation, change: *self.newest.borrow() }
    }

    /// Tells when there is something new.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<u64> {
        self.newest.subscribe()
    }

    /// What a record would meet.
    #[must_use]
    pub fn order(&self, record: &Record) -> Order {
        let segment = self.segment(record.address());
        segment.get(&record.address()).map_or(Order::Newer, |kept| kept.order(record))
    }

    /// Whether an address takes up memory already.
    #[must_use]
    pub fn has(&self, address: &Address) -> bool {
        self.segment(*address).get(address).is_some()
    }

    /// A record that lives.
    #[must_use]
    pub fn find(&self, address: &Address, now: i64) -> Option<Record> {
        let segment = self.segment(*address);
        segment.get(address).filter(|kept| kept.lives(now)).map(|kept| kept.record)
    }

    /// Takes what has been made to last, in the order of the changes, and then tells those who
    /// wait. Of an address the record with the highest number counts, in whatever order they come.
    pub fn apply(&self, kept: &[Kept], now: i64) {
        for kept in kept.iter().filter(|kept| kept.record.remember_until(kept.taken) > now) {
            self.put(kept, now);
        }
        if let Some(last) = kept.last() {
            self.newest.send_if_modified(|newest| {
                let rises = last.change > *newest;
                *newest = last.change.max(*newest);
                rises
            });
        }
    }

    fn put(&self, kept: &Kept, now: i64) {
        let address = kept.record.address();
        let outcome = self.segment(address).put(kept, now);
        if let Some((news, lives)) = outcome {
            self.known.fetch_add(usize::from(news), Ordering::Relaxed);
            self.live.fetch_add(usize::from(lives), Ordering::Relaxed);
            locked(&self.changes).push(kept.change, address);
        }
    }

    /// Lets go of what is to be forgotten, and counts what lives.
    pub fn sweep(&self, now: i64) {
        let (mut live, mut known) = (0, 0);
        for segment in &self.segments {
            let mut segment = locked(segment);
            live += segment.sweep(now);
            known += segment.len();
        }
        self.live.store(live, Ordering::Relaxed);
        self.known.store(known, Ordering::Relaxed);
    }

    /// What stands before a bucket's groups.
    #[must_use]
    pub fn head(&self, bucket: Bucket, change: u64) -> Head {
        Head { bucket, cursor: Cursor { generation: self.generation, change } }
    }

    /// About how many records a bucket has.
    #[must_use]
    pub fn size(&self, bucket: Bucket) -> usize {
        self.live() >> bucket.bits()
    }

    /// The group of the addresses that begin with a byte, as it is sent; empty for none.
    #[must_use]
    pub fn group(&self, first_byte: u8, now: i64) -> Bytes {
        locked(&self.segments[usize::from(first_byte)]).group(now)
    }

    /// What changed in a bucket since a cursor, and up to which change: at most `most` changes of
    /// the whole board are looked at.
    pub fn since(
        &self,
        after: Cursor,
        bucket: Bucket,
        most: usize,
        now: i64,
    ) -> Result<(u64, Vec<Record>), Forgotten> {
        if after.generation != self.generation {
            return Err(Forgotten);
        }

        // Read first: what comes meanwhile is in the log before it counts as newest.
        let newest = *self.newest.borrow();
        let (up_to, changed) = locked(&self.changes).since(after.change, newest, most)?;
        let of_bucket = changed
            .into_iter()
            .filter(|(_, address)| address.bucket(bucket.bits()) == bucket.number());
        let newest = |(change, address): (u64, Address)| {
            let segment = self.segment(address);
            segment
                .get(&address)
                .filter(|kept| kept.change == change && kept.lives(now))
                .map(|kept| kept.record)
        };

        Ok((up_to, of_bucket.filter_map(newest).collect()))
    }

    fn segment(&self, address: Address) -> MutexGuard<'_, Segment> {
        locked(&self.segments[usize::from(address.0[0])])
    }
}

/// The content of a lock. What is behind ours stays whole even if a holder panicked.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
