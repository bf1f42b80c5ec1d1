//! The circuits of those who called a service: so many and no more, but none that is idle keeps
//! another out.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::locked;

/// Circuits that may be open to one service at once.
const MAX_CIRCUITS: usize = 512;
/// A caller has so long for its first stream before its circuit counts as idle.
const FIRST_STREAM: Duration = Duration::from_secs(15);

/// All circuits to one service, the oldest first.
#[derive(Default)]
pub(super) struct Callers {
    circuits: Mutex<(u64, BTreeMap<u64, Arc<Circuit>>)>,
}

/// One caller's circuit.
struct Circuit {
    since: Instant,
    /// Held by every stream on it.
    streams: Arc<()>,
    had_stream: AtomicBool,
    dismissed: CancellationToken,
}

impl Circuit {
    fn is_empty(&self) -> bool {
        Arc::strong_count(&self.streams) == 1
    }

    fn is_idle(&self, now: Instant) -> bool {
        let had_its_time = self.had_stream.load(Ordering::Relaxed) || now >= self.since + FIRST_STREAM;
        self.is_empty() && had_its_time
    }
}

/// A caller's place among all, until it is dropped.
pub(super) struct Caller {
    callers: Arc<Callers>,
    number: u64,
    circuit: Arc<Circuit>,
}

impl Callers {
    /// A place for one more; when there is none, that of the oldest idle circuit. `None` if none is idle.
    pub(super) fn admit(self: &Arc<Self>, now: Instant) -> Option<Caller> {
        let mut circuits = locked(&self.circuits);
        let (last, open) = &mut *circuits;
        if open.len() >= MAX_CIRCUITS {
            let idle = open.iter().find(|(_, circuit)| circuit.is_idle(now)).map(|(number, _)| *number)?;
            open.remove(&idle)?.dismissed.cancel();
        }
        *last += 1;
        let circuit = Arc::new(Circuit {
            since: now,
            streams: Arc::default(),
            had_stream: AtomicBool::new(false),
            dismissed: CancellationToken::new(),
        });
        open.insert(*last, Arc::clone(&circuit));
        Some(Caller { callers: Arc::clone(self), number: *last, circuit })
    }
}

impl Caller {
    /// A mark for a stream on the circuit, to be held as long as the stream is.
    pub(super) fn mark(&self) -> Arc<()> {
        self.circuit.had_stream.store(true, Ordering::Relaxed);
        Arc::clone(&self.circuit.streams)
    }

    /// Whether no stream is open.
    pub(super) fn is_empty(&self) -> bool {
        self.circuit.is_empty()
    }

    /// Ends when the circuit has to make room.
    pub(super) async fn dismissed(&self) {
        self.circuit.dismissed.cancelled().await;
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        locked(&self.callers.circuits).1.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full(now: Instant) -> (Arc<Callers>, Vec<Caller>) {
        let callers = Arc::new(Callers::default());
        let open = (0..MAX_CIRCUITS).map(|_| callers.admit(now).unwrap()).collect();
        (callers, open)
    }

    #[test]
    fn circuits_in_use_are_bounded_and_never_dismissed() {
        let now = Instant::now();
        let (callers, mut open) = full(now);
        let _streams: Vec<Arc<()>> = open.iter().map(Caller::mark).collect();
        assert!(callers.admit(now + 100 * FIRST_STREAM).is_none());
        assert!(open.iter().all(|caller| !caller.circuit.dismissed.is_cancelled()));
        open.pop();
        assert!(callers.admit(now).is_some());
    }

    #[test]
    fn a_circuit_whose_stream_is_gone_makes_room() {
        let now = Instant::now();
        let (callers, open) = full(now);
        let mut streams: Vec<Arc<()>> = open.iter().map(Caller::mark).collect();
        streams.remove(3);
        let newcomer = callers.admit(now).unwrap();
        assert!(open[3].circuit.dismissed.is_cancelled());
        assert!(callers.admit(now).is_none(), "the newcomer has had no time yet");
        drop((open, newcomer));
        assert!(locked(&callers.circuits).1.is_empty());
    }

    #[test]
    fn a_circuit_that_never_had_a_stream_makes_room_after_a_while() {
        let now = Instant::now();
        let (callers, open) = full(now);
        assert!(callers.admit(now).is_none());
        assert!(callers.admit(now + FIRST_STREAM).is_some());
        assert!(open[0].circuit.dismissed.is_cancelled());
    }
}
