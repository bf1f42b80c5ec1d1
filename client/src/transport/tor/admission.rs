//! Limits the circuits to a service; an idle one never keeps another out.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chive_shared::slots::{Slot, Slots};

/// Circuits that may be open to one service at once.
const MAX_CIRCUITS: usize = 512;
/// A circuit without any stream counts as idle after this.
const FIRST_STREAM: Duration = Duration::from_secs(15);

/// All circuits to one service.
pub(super) struct CircuitLimiter(Slots<Circuit>);

pub(super) struct Circuit {
    since: Instant,
    /// Held by every stream on it.
    streams: Arc<()>,
    had_stream: AtomicBool,
}

/// A circuit's slot, until it is dropped.
pub(super) type CircuitSlot = Slot<Circuit>;

impl Default for CircuitLimiter {
    fn default() -> Self {
        Self(Slots::new(MAX_CIRCUITS))
    }
}

impl CircuitLimiter {
    /// A slot for one more; when there is none, that of the oldest idle circuit. `None` if none is
    /// idle.
    pub(super) fn admit(&self, now: Instant) -> Option<CircuitSlot> {
        let circuit =
            Circuit { since: now, streams: Arc::default(), had_stream: AtomicBool::new(false) };
        let admitted =
            self.0.admit(circuit, |all| all.iter().position(|circuit| circuit.is_idle(now)));
        Some(admitted?.slot)
    }
}

impl Circuit {
    /// A mark for a stream on the circuit, to be held as long as the stream is.
    pub(super) fn mark(&self) -> Arc<()> {
        self.had_stream.store(true, Ordering::Relaxed);
        Arc::clone(&self.streams)
    }

    /// Whether no stream is open.
    pub(super) fn is_empty(&self) -> bool {
        Arc::strong_count(&self.streams) == 1
    }

    fn is_idle(&self, now: Instant) -> bool {
        let had_its_time =
            self.had_stream.load(Ordering::Relaxed) || now >= self.since + FIRST_STREAM;
        self.is_empty() && had_its_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(now: Instant) -> (CircuitLimiter, Vec<CircuitSlot>) {
        let limiter = CircuitLimiter::default();
        let open = (0..MAX_CIRCUITS).map(|_| limiter.admit(now).unwrap()).collect();
        (limiter, open)
    }

    #[test]
    fn circuits_in_use_are_bounded_and_never_dismissed() {
        let now = Instant::now();
        let (limiter, mut open) = full(now);
        let _streams: Vec<Arc<()>> = open.iter().map(|circuit| circuit.mark()).collect();
        assert!(limiter.admit(now + 100 * FIRST_STREAM).is_none());
        assert!(open.iter().all(|circuit| !circuit.is_evicted()));
        open.pop();
        assert!(limiter.admit(now).is_some());
    }

    #[test]
    fn a_circuit_whose_stream_is_gone_makes_room() {
        let now = Instant::now();
        let (limiter, open) = full(now);
        let mut streams: Vec<Arc<()>> = open.iter().map(|circuit| circuit.mark()).collect();
        streams.remove(3);
        let newcomer = limiter.admit(now).unwrap();
        assert!(open[3].is_evicted());
        assert!(limiter.admit(now).is_none(), "the newcomer has had no time yet");
        drop((open, newcomer));
        assert!(limiter.0.is_empty());
    }

    #[test]
    fn a_circuit_that_never_had_a_stream_makes_room_after_a_while() {
        let now = Instant::now();
        let (limiter, open) = full(now);
        assert!(limiter.admit(now).is_none());
        assert!(limiter.admit(now + FIRST_STREAM).is_some());
        assert!(open[0].is_evicted());
    }
}
