//! The feed of the streams: changes in batches, encoded once for all clients that follow the whole
//! board. It knows no client, and never waits for one.

use std::sync::Arc;

use bytes::Bytes;
use chive_shared::board::{self, Bucket, Cursor};
use data_encoding::BASE64;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::board::{Board, CursorExpired};
use crate::clock::Clock;
use crate::limits::{BATCH_CHANGES, MAX_CHANGES};

/// The newest changes of the whole board as one event, or no event if each stream must make its
/// own.
#[derive(Debug, Default)]
pub struct FeedBatch {
    from: u64,
    to: u64,
    event: Bytes,
}

impl FeedBatch {
    /// The event for a client that knows everything up to a change, if this batch follows directly.
    #[must_use]
    pub fn event_after(&self, change: u64) -> Option<(u64, Bytes)> {
        (self.from == change && self.to > change).then(|| (self.to, self.event.clone()))
    }

    /// The change up to which streams can advance.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.to
    }
}

/// Publishes batches until it is stopped: at once after a quiet time, otherwise every
/// [`BATCH_CHANGES`].
pub async fn publish(
    board: Arc<Board>,
    clock: Clock,
    batches: watch::Sender<Arc<FeedBatch>>,
    stop: CancellationToken,
) {
    let publishing = async {
        let mut newest = board.newest();
        let mut from = board.cursor();
        let first = FeedBatch { from: from.change, to: from.change, event: Bytes::new() };

        batches.send_replace(Arc::new(first));
        while newest.changed().await.is_ok() {
            let (to, event) = if batches.receiver_count() > 1 {
                encode_event(&board, from, Bucket::ALL, MAX_CHANGES, clock.now())
                    .unwrap_or_else(|CursorExpired| (board.cursor().change, Bytes::new()))
            } else {
                // The only receiver is the one that new streams are cloned from.
                (board.cursor().change, Bytes::new())
            };
            if to > from.change {
                // Without a common event each stream makes its own.
                let begin = if event.is_empty() { to } else { from.change };
                batches.send_replace(Arc::new(FeedBatch { from: begin, to, event }));
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

/// Encodes at most `limit` changes after a cursor as an event, and gives the change up to which
/// they are complete. The event is empty if the bucket has none of them.
pub fn encode_event(
    board: &Board,
    after: Cursor,
    bucket: Bucket,
    limit: usize,
    now: i64,
) -> Result<(u64, Bytes), CursorExpired> {
    let (up_to, records) = board.changes_since(after, bucket, limit, now)?;
    if records.is_empty() {
        return Ok((up_to, Bytes::new()));
    }
    let head = board.head(bucket, up_to);
    let data = BASE64.encode(&board::body(head, records.iter()));
    Ok((up_to, format!("id: {}\nevent: changes\ndata: {data}\n\n", head.cursor).into()))
}
