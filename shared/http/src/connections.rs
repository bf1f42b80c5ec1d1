//! The slots of open connections, and which of them are idle. Nothing here reads or writes.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use chive_shared::slots::{Admitted, Slot, Slots};
use http_body::{Frame, SizeHint};

/// The open connections, up to a limit.
pub(super) struct Connections {
    slots: Slots<Activity>,
    /// Rises with every event, and so orders them without a clock.
    clock: Arc<AtomicU64>,
}

/// Whether one connection is busy, and since when it is not.
pub(super) struct Activity {
    requests: AtomicUsize,
    /// The event that made it idle.
    idle_since: AtomicU64,
    clock: Arc<AtomicU64>,
}

impl Connections {
    pub(super) fn new(limit: usize) -> Self {
        Self { slots: Slots::new(limit), clock: Arc::default() }
    }

    /// A slot for a new connection. If none is free, the longest idle one is evicted; `None` if all
    /// are busy.
    pub(super) fn admit(&self) -> Option<Admitted<Activity>> {
        let activity = Activity {
            requests: AtomicUsize::new(0),
            idle_since: AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed)),
            clock: Arc::clone(&self.clock),
        };
        self.slots.admit(activity, |all| {
            let idle = all.iter().enumerate().filter(|(_, activity)| activity.is_idle());
            idle.min_by_key(|(_, activity)| activity.idle_since.load(Ordering::Relaxed))
                .map(|(index, _)| index)
        })
    }

    /// Evicts every connection.
    pub(super) fn evict_all(&self) {
        self.slots.evict_all();
    }
}

impl Activity {
    fn is_idle(&self) -> bool {
        self.requests.load(Ordering::Relaxed) == 0
    }
}

/// Keeps a connection busy while a request is answered.
pub(super) struct BusyGuard(Arc<Activity>);

impl BusyGuard {
    /// Begins a request.
    pub(super) fn on(connection: &Slot<Activity>) -> Self {
        connection.requests.fetch_add(1, Ordering::Relaxed);
        Self(connection.info())
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        self.0.idle_since.store(self.0.clock.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An answer's body, which keeps its connection busy until it is sent or dropped.
pub(super) struct TrackedBody {
    body: Body,
    _busy: BusyGuard,
}

impl TrackedBody {
    pub(super) fn new(body: Body, busy: BusyGuard) -> Self {
        Self { body, _busy: busy }
    }
}

impl http_body::Body for TrackedBody {
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
    fn the_longest_idle_connection_is_evicted_never_a_busy_one() {
        let connections = Connections::new(2);
        let (first, second) =
            (connections.admit().unwrap().slot, connections.admit().unwrap().slot);
        drop(BusyGuard::on(&first));
        let third = connections.admit().unwrap();
        assert!(third.evicted_other && second.is_evicted() && !first.is_evicted());
        drop(second);
        let _both = (BusyGuard::on(&first), BusyGuard::on(&third.slot));
        assert!(connections.admit().is_none(), "all are busy");
    }

    #[test]
    fn a_connection_that_ends_frees_its_slot() {
        let connections = Connections::new(1);
        drop(connections.admit());
        assert!(!connections.admit().unwrap().evicted_other);
    }
}
