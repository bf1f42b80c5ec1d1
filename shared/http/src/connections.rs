//! Which connections there are, and which of them do nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use chive_shared::slots::{Admitted, Slot, Slots};
use http_body::{Frame, SizeHint};

/// All connections, up to a limit.
pub(super) struct Connections {
    slots: Slots<Activity>,
    /// Counts what happens, so that the longest idle one is known without a clock.
    moments: Arc<AtomicU64>,
}

/// What one connection does.
pub(super) struct Activity {
    requests: AtomicUsize,
    /// When it last did something.
    last: AtomicU64,
    moments: Arc<AtomicU64>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { slots: Slots::new(limit), moments: Arc::default() }
    }

    /// A slot for one more, which the longest idle one may have to give up; none when all are busy.
    pub(super) fn admit(&self) -> Option<Admitted<Activity>> {
        let activity = Activity {
            requests: AtomicUsize::new(0),
            last: AtomicU64::new(self.moments.fetch_add(1, Ordering::Relaxed)),
            moments: Arc::clone(&self.moments),
        };
        self.slots.admit(activity, |all| {
            let idle = all.iter().enumerate().filter(|(_, activity)| activity.is_idle());
            idle.min_by_key(|(_, activity)| activity.last.load(Ordering::Relaxed))
                .map(|(nth, _)| nth)
        })
    }

    /// Ends all of them.
    pub(super) fn cut_all(&self) {
        self.slots.evict_all();
    }
}

impl Activity {
    fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }
}

/// A request that is being answered.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    /// A request begins.
    pub(super) fn on(connection: &Slot<Activity>) -> Self {
        connection.requests.fetch_add(1, Ordering::Relaxed);
        Self(connection.known())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.last.store(self.0.moments.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
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
    fn the_longest_idle_one_gives_up_its_slot_and_a_busy_one_does_not() {
        let connections = Connections::new(2);
        let (first, second) =
            (connections.admit().unwrap().slot, connections.admit().unwrap().slot);
        drop(Busy::on(&first));
        let third = connections.admit().unwrap();
        assert!(third.evicted_other && second.is_evicted() && !first.is_evicted());
        drop(second);
        let _both = (Busy::on(&first), Busy::on(&third.slot));
        assert!(connections.admit().is_none(), "all are busy");
    }

    #[test]
    fn one_that_ends_makes_room() {
        let connections = Connections::new(1);
        drop(connections.admit());
        assert!(!connections.admit().unwrap().evicted_other);
    }
}
