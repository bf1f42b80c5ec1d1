//! Which circuits a dial may share with the dials before it.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use std::time::Instant;

use chive_tor::{Circuits, Tor};

use crate::transport::{IsolationToken, OnionAddress};

/// How many isolations keep their circuits; the one unused for longest gives way.
const MAX_KEPT: usize = 4096;

/// Dials with different isolations never share a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Isolation {
    /// Of one contact, or of one use of a server.
    Token(IsolationToken),
    /// Of one of our own services, when we look whether it can be reached.
    Probe(OnionAddress),
}

/// The circuits of one isolation.
struct CachedClient {
    circuits: Arc<Circuits>,
    /// False while a dial is under way, and after one that may still hang inside arti: a later
    /// one would wait for it instead of trying for itself.
    reusable: bool,
    used: Instant,
}

pub(super) struct Taken {
    pub(super) circuits: Arc<Circuits>,
    /// A dial by them needs a whole new path, so that it tells how long that takes.
    pub(super) fresh: bool,
}

/// The circuits that are kept, by isolation.
#[derive(Default)]
pub(super) struct CircuitCache(Mutex<HashMap<Isolation, CachedClient>>);

impl CircuitCache {
    /// The kept circuits, or fresh ones where those may hang or go by stale knowledge.
    pub(super) fn take(&self, from: &Tor, isolation: Isolation, attempt: u32) -> Taken {
        let now = Instant::now();
        let mut all = self.0.lock();
        if let Some(kept) = all.get_mut(&isolation).filter(|kept| kept.reusable) {
            kept.reusable = false;
            kept.used = now;
            return Taken { circuits: Arc::clone(&kept.circuits), fresh: attempt > 0 };
        }
        make_room(&mut all, isolation);
        let circuits = Arc::new(from.isolated());
        all.insert(
            isolation,
            CachedClient { circuits: Arc::clone(&circuits), reusable: false, used: now },
        );
        Taken { circuits, fresh: true }
    }

    /// They may serve the next dial, if another dial has not replaced them meanwhile. To be called
    /// after a success, and after "not found": that leaves nothing that could be stale, and a fresh
    /// client for every try would fill arti's memory, which keeps each for two days.
    pub(super) fn allow_reuse(&self, isolation: Isolation, taken: &Taken) {
        let mut all = self.0.lock();
        if let Some(kept) =
            all.get_mut(&isolation).filter(|kept| Arc::ptr_eq(&kept.circuits, &taken.circuits))
        {
            kept.reusable = true;
        }
    }

    /// The next dial takes a new path.
    pub(super) fn forget(&self, isolation: Isolation) {
        self.0.lock().remove(&isolation);
    }
}

fn make_room(all: &mut HashMap<Isolation, CachedClient>, newcomer: Isolation) {
    if all.len() < MAX_KEPT || all.contains_key(&newcomer) {
        return;
    }
    let oldest = all.iter().min_by_key(|(_, kept)| kept.used).map(|(isolation, _)| *isolation);
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}
