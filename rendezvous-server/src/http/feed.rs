//! What streams send: changes in batches, made once for all who read the whole board.

use std::sync::Arc;

use bytes::Bytes;
use chive_shared::board::{self, Bucket, Cursor};
use data_encoding::BASE64;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Forgotten};
use crate::clock::Clock;
use crate::limits::{BATCH_CHANGES, MAX_CHANGES};

/// The newest changes of the whole board, ready to be sent.
#[derive(Debug, Default)]
pub struct Batch {
    from: u64,
    to: u64,
    event: Bytes,
}

impl Batch {
    /// The event for who knows everything up to a change; nothing if this is not what comes next
    /// for it.
    #[must_use]
    pub fn for_who_knows(&self, change: u64) -> Option<(u64, Bytes)> {
        (self.from == change && self.to > change).then(|| (self.to, self.event.clone()))
    }

    /// Up to which change streams can go now.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.to
    }
}

/// Makes batches until it is stopped: at once after a quiet time, else of all that came within a
/// tenth of a second.
pub async fn publish(
    board: Arc<Board>,
    clock: Clock,
    batches: watch::Sender<Arc<Batch>>,
    stop: CancellationToken,
) {
    let publishing = async {
        let mut newest = board.newest();
        let mut from = board.cursor();
        let first = Batch { from: from.change, to: from.change, event: Bytes::new() };

        batches.send_replace(Arc::new(first));
        while newest.changed().await.is_ok() {
            let (to, event) = if batches.receiver_count() > 1 {
                event_after(&board, from, Bucket::ALL, MAX_CHANGES, clock.now())
                    .unwrap_or_else(|Forgotten| (board.cursor().change, Bytes::new()))
            } else {
                // Nobody listens but the one that new streams are made from.
                (board.cursor().change, Bytes::new())
            };
            if to > from.change {
                // Without a common event each stream makes its own.
                let begin = if event.is_empty() { to } else { from.change };
                batches.send_replace(Arc::new(Batch { from: begin, to, event }));
                from.change = to;
            }

            if board.cursor().change > to {
                newest.mark_changed();
            }

            tokio::time::sleep(BATCH_CHANGES).await;
        }
    };
    stop.run_until_cancelled(publishing).await;
}

/// At most so many changes after a cursor as an event, and up to which; no bytes if they are
/// nothing to this bucket.
pub fn event_after(
    board: &Board,
    after: Cursor,
    bucket: Bucket,
    most: usize,
    now: i64,
) -> Result<(u64, Bytes), Forgotten> {
    let (up_to, records) = board.since(after, bucket, most, now)?;
    if records.is_empty() {
        return Ok((up_to, Bytes::new()));
    }
    let head = board.head(bucket, up_to);
    let data = BASE64.encode(&board::body(head, records.iter()));
    Ok((up_to, format!("id: {}\nevent: changes\ndata: {data}\n\n", head.cursor).into()))
}
