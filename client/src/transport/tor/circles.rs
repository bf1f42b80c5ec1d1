//! Which circuits a dial may share with the dials before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use super::arti::Client;
use super::locked;
use crate::transport::{Circle, OnionAddress};

/// How many isolations keep their circuits; the one unused for longest gives way.
const MAX_KEPT: usize = 4096;

/// Dials with different isolations never share a circuit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Isolation {
    /// Of one contact.
    Circle(Circle),
    /// Of one of our own services, when we look whether it can be reached.
    Probe(OnionAddress),
}

/// The client that keeps the circuits of one isolation.
struct Kept {
    client: Arc<Client>,
    /// False while a dial is under way, and after one that may still hang inside arti: a later
    /// one would wait for it instead of trying for itself.
    reusable: bool,
    used: Instant,
}

/// A client to dial with.
pub(super) struct Taken {
    pub(super) client: Arc<Client>,
    /// A dial with it needs a whole new path, so that it tells how long that takes.
    pub(super) fresh: bool,
}

/// The clients of all isolations.
#[derive(Default)]
pub(super) struct Circles(Mutex<HashMap<Isolation, Kept>>);

impl Circles {
    /// The kept client, or a fresh one where the kept one may hang or hold stale knowledge.
    pub(super) fn take(&self, from: &Client, isolation: Isolation, attempt: u32) -> Taken {
        let now = Instant::now();
        let mut all = locked(&self.0);
        if let Some(kept) = all.get_mut(&isolation).filter(|kept| kept.reusable) {
            kept.reusable = false;
            kept.used = now;
            return Taken { client: Arc::clone(&kept.client), fresh: attempt > 0 };
        }
        make_room(&mut all, isolation);
        let client = from.isolated_client();
        all.insert(isolation, Kept { client: Arc::clone(&client), reusable: false, used: now });
        Taken { client, fresh: true }
    }

    /// The client may serve the next dial, if another dial has not replaced it meanwhile. To be
    /// called after a success, and after "not found": that leaves nothing that could be stale, and a
    /// fresh client for every try would fill arti's memory, which keeps each for two days.
    pub(super) fn allow_reuse(&self, isolation: Isolation, taken: &Taken) {
        let mut all = locked(&self.0);
        if let Some(kept) = all.get_mut(&isolation).filter(|kept| Arc::ptr_eq(&kept.client, &taken.client)) {
            kept.reusable = true;
        }
    }

    /// The next dial takes a new path.
    pub(super) fn forget(&self, isolation: Isolation) {
        locked(&self.0).remove(&isolation);
    }
}

fn make_room(all: &mut HashMap<Isolation, Kept>, newcomer: Isolation) {
    if all.len() < MAX_KEPT || all.contains_key(&newcomer) {
        return;
    }
    let oldest = all.iter().min_by_key(|(_, kept)| kept.used).map(|(isolation, _)| *isolation);
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}
