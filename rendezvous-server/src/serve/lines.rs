//! Which connections there are, and which of them do nothing.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio_util::sync::CancellationToken;

/// All connections, up to a limit.
pub(super) struct Lines {
    open: Arc<Open>,
    most: usize,
}

#[derive(Default)]
struct Open {
    lines: Mutex<BTreeMap<u64, Weak<Line>>>,
    next: AtomicU64,
    /// Counts what happens, so that the longest idle one is known without a clock.
    moment: AtomicU64,
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Weak<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn moment(&self) -> u64 {
        self.moment.fetch_add(1, Ordering::Relaxed)
    }
}

/// One connection.
pub(super) struct Line {
    id: u64,
    open: Arc<Open>,
    requests: AtomicUsize,
    /// When it last did something.
    last: AtomicU64,
    cut: CancellationToken,
}

impl Lines {
    pub(super) fn new(most: usize) -> Self {
        Self { open: Arc::default(), most }
    }

    /// A place for one more, and whether another had to go for it; none when all are busy.
    pub(super) fn admit(&self) -> Option<(Arc<Line>, bool)> {
        let idle = if self.is_full() { Some(self.longest_idle()?) } else { None };
        let mut lines = self.open.lock();
        if let Some(idle) = &idle {
            lines.remove(&idle.id);
            idle.cut.cancel();
        }
        if lines.len() >= self.most {
            return None;
        }
        let line = Arc::new(Line {
            id: self.open.next.fetch_add(1, Ordering::Relaxed),
            open: Arc::clone(&self.open),
            requests: AtomicUsize::new(0),
            last: AtomicU64::new(self.open.moment()),
            cut: CancellationToken::new(),
        });
        lines.insert(line.id, Arc::downgrade(&line));
        Some((line, idle.is_some()))
    }

    fn is_full(&self) -> bool {
        self.open.lock().len() >= self.most
    }

    /// The ends of lines take the lock: none may end while it is held here.
    fn longest_idle(&self) -> Option<Arc<Line>> {
        let all: Vec<Arc<Line>> = self.open.lock().values().filter_map(Weak::upgrade).collect();
        let idle = all.into_iter().filter(|line| line.requests.load(Ordering::Relaxed) == 0);
        idle.min_by_key(|line| line.last.load(Ordering::Relaxed))
    }

    /// Ends all of them.
    pub(super) fn cut_all(&self) {
        let all: Vec<_> = self.open.lock().values().filter_map(Weak::upgrade).collect();
        for line in all {
            line.cut.cancel();
        }
    }
}

impl Line {
    /// A request begins.
    pub(super) fn busy(self: &Arc<Self>) -> Busy {
        self.requests.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Ends when the connection has to.
    pub(super) async fn cut(&self) {
        self.cut.cancelled().await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.open.lock().remove(&self.id);
    }
}

/// A request that is being answered.
pub(super) struct Busy(Arc<Line>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.last.store(self.0.open.moment(), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body, and the connection's being busy with it.
pub(super) struct Tracked {
    body: Body,
    _busy: Busy,
}

impl Tracked {
    pub(super) fn new(body: Body, busy: Busy) -> Self {
        Self { body, _busy: busy }
    }
}

impl http_body::Body for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_one_gives_up_its_place_and_a_busy_one_does_not() {
        let lines = Lines::new(2);
        let (first, _) = lines.admit().unwrap();
        let (second, _) = lines.admit().unwrap();
        drop(first.busy());
        let (third, evicted) = lines.admit().unwrap();
        assert!(evicted && second.cut.is_cancelled() && !first.cut.is_cancelled());
        drop(second);
        let (_one, _two) = (first.busy(), third.busy());
        assert!(lines.admit().is_none(), "all are busy");
    }

    #[test]
    fn one_that_ends_makes_room() {
        let lines = Lines::new(1);
        drop(lines.admit());
        assert!(!lines.admit().unwrap().1);
    }
}
