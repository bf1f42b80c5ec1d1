//! Limits the streams that others have opened to our services, until their handshake is done.
//!
//! A stream begins as a stranger's. Strangers take slots from each other alone, and only at the
//! service that they came to: when it is full, one of those that have waited longest is closed.
//! A contact proves who they are within a moment, so a flood of strangers rarely displaces them. A
//! stream whose preface names a contact or an invitation leaves the strangers' slots:
//! each name has a few slots, and a new stream first takes one from its own name.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use rand::{CryptoRng, Rng};
use tokio_util::sync::CancellationToken;

use crate::limits::{
    MAX_CONTACT_HANDSHAKES, MAX_INVITATION_HANDSHAKES, MAX_OPEN_HANDSHAKES, MAX_STRANGERS,
};
use crate::model::{ContactId, ServiceKind};
use crate::transport::Address;

/// Where a waiting stream stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// It has said nothing yet; it came to this service.
    Stranger(Address),
    /// Its preface was made with a contact's key.
    Contact(ContactId),
    /// Its preface was made with the key of this invitation.
    Invitation([u8; 16]),
}

impl Class {
    fn limit(self) -> usize {
        match self {
            Self::Stranger(_) => MAX_STRANGERS,
            Self::Contact(_) => MAX_CONTACT_HANDSHAKES,
            Self::Invitation(_) => MAX_INVITATION_HANDSHAKES,
        }
    }

    /// Who has named a contact came by the endpoint, who has named an invitation by the front door.
    fn service(self) -> Option<ServiceKind> {
        match self {
            Self::Stranger(_) => None,
            Self::Contact(_) => Some(ServiceKind::Contacts),
            Self::Invitation(_) => Some(ServiceKind::Requests),
        }
    }
}

/// All who wait, the oldest first.
type Waiting = BTreeMap<u64, CancellationToken>;

#[derive(Default)]
struct Inner {
    next: u64,
    slots: BTreeMap<Class, Waiting>,
}

/// Shared between the node and the tasks that answer.
#[derive(Clone, Default)]
pub(crate) struct Admission {
    inner: Arc<Mutex<Inner>>,
}

/// A stream's slot, until it is dropped.
pub(crate) struct Slot {
    admission: Admission,
    class: Class,
    number: u64,
    /// Cancelled when another has taken the slot.
    pub(crate) lost: CancellationToken,
}

impl Admission {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }

    /// A slot for a stream that came to a service of ours; one that waits there may lose its own.
    pub(crate) fn admit(&self, at: Address, rng: &mut dyn CryptoRng) -> Slot {
        let class = Class::Stranger(at);
        let mut inner = self.lock();
        let strangers = inner.slots.entry(class).or_default();
        if strangers.len() >= MAX_STRANGERS {
            // By chance, because whoever knew the order could time a flood; of the older half,
            // because a newcomer must have the time to speak.
            let nth = rng.random_range(0..strangers.len().div_ceil(2));
            let chosen = strangers.keys().nth(nth).copied();
            chosen.and_then(|number| strangers.remove(&number)).inspect(CancellationToken::cancel);
        }

        inner.next += 1;
        let (number, lost) = (inner.next, CancellationToken::new());
        inner.slots.entry(class).or_default().insert(number, lost.clone());
        drop(inner);

        Slot { admission: self.clone(), class, number, lost }
    }
}

impl Inner {
    /// How many have named somebody at a service.
    fn named(&self, service: ServiceKind) -> usize {
        self.slots
            .iter()
            .filter(|(class, _)| class.service() == Some(service))
            .map(|(_, waiting)| waiting.len())
            .sum()
    }

    /// The one who has the most slots at a service.
    fn largest_holder(&self, service: ServiceKind) -> Option<Class> {
        let at_service = self.slots.iter().filter(|(class, _)| class.service() == Some(service));
        at_service.max_by_key(|(_, waiting)| waiting.len()).map(|(class, _)| *class)
    }

    fn count(&self, class: Class) -> usize {
        self.slots.get(&class).map_or(0, BTreeMap::len)
    }

    fn evict_oldest(&mut self, class: Class) {
        let oldest = self.slots.get_mut(&class).and_then(BTreeMap::pop_first);
        oldest.inspect(|(_, lost)| lost.cancel());
    }

    fn leave(&mut self, class: Class, number: u64) {
        if let Some(waiting) = self.slots.get_mut(&class) {
            waiting.remove(&number);
            if waiting.is_empty() {
                self.slots.remove(&class);
            }
        }
    }
}

impl Slot {
    /// The preface named somebody: the stream is no stranger's any more. False if the slot was lost
    /// before.
    #[must_use]
    pub(crate) fn name(&mut self, class: Class) -> bool {
        let mut inner = self.admission.lock();
        if self.lost.is_cancelled() {
            return false;
        }

        inner.leave(self.class, self.number);
        if inner.count(class) >= class.limit() {
            inner.evict_oldest(class);
        }

        if let Some(service) = class.service()
            && inner.named(service) >= MAX_OPEN_HANDSHAKES
            && let Some(largest_holder) = inner.largest_holder(service)
        {
            inner.evict_oldest(largest_holder);
        }

        self.class = class;
        inner.slots.entry(class).or_default().insert(self.number, self.lost.clone());

        true
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.admission.lock().leave(self.class, self.number);
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::transport::OnionAddress;

    const HERE: Address = Address::Onion(OnionAddress([1; 32]));
    const THERE: Address = Address::Onion(OnionAddress([2; 32]));

    fn admit(admission: &Admission, at: Address, count: usize) -> Vec<Slot> {
        let mut rng = StdRng::from_seed([1; 32]);
        (0..count).map(|_| admission.admit(at, &mut rng)).collect()
    }

    fn still_there(slots: &[Slot]) -> usize {
        slots.iter().filter(|slot| !slot.lost.is_cancelled()).count()
    }

    fn waiting(admission: &Admission) -> usize {
        admission.lock().slots.values().map(BTreeMap::len).sum()
    }

    #[test]
    fn strangers_displace_only_strangers_of_the_same_service() {
        let admission = Admission::default();
        let elsewhere = admit(&admission, THERE, MAX_STRANGERS);
        let mut known = admit(&admission, HERE, 1);
        assert!(known[0].name(Class::Contact(ContactId(7))));
        let flood = admit(&admission, HERE, 1000);
        assert_eq!(still_there(&flood), MAX_STRANGERS);
        assert_eq!((still_there(&elsewhere), still_there(&known)), (MAX_STRANGERS, 1));
        assert_eq!(waiting(&admission), 2 * MAX_STRANGERS + 1);
        drop((elsewhere, known, flood));
        assert_eq!(waiting(&admission), 0, "who left takes nothing");
        assert!(admission.lock().slots.is_empty());
    }

    #[test]
    fn a_newcomer_keeps_its_slot_while_half_as_many_follow() {
        let admission = Admission::default();
        let _full = admit(&admission, HERE, MAX_STRANGERS);
        let newcomer = admit(&admission, HERE, 1);
        let _flood = admit(&admission, HERE, MAX_STRANGERS / 2);
        assert_eq!(still_there(&newcomer), 1);
    }

    #[test]
    fn a_contact_takes_its_few_places_from_itself() {
        let admission = Admission::default();
        let mut other = admit(&admission, HERE, 1);
        assert!(other[0].name(Class::Contact(ContactId(1))));
        let mut greedy = admit(&admission, HERE, 100);
        assert!(greedy.iter_mut().all(|slot| slot.name(Class::Contact(ContactId(2)))));
        assert_eq!((still_there(&greedy), still_there(&other)), (MAX_CONTACT_HANDSHAKES, 1));
        assert!(!greedy[99].lost.is_cancelled(), "the newest is the one that may be alive");
    }

    #[test]
    fn all_contacts_together_are_bounded_and_who_has_most_gives_way() {
        let admission = Admission::default();
        let mut single = admit(&admission, HERE, 1);
        assert!(single[0].name(Class::Contact(ContactId(-1))));
        let mut front = admit(&admission, THERE, 1);
        assert!(front[0].name(Class::Invitation([1; 16])));
        let mut many = vec![];
        for contact in 0..1000 {
            let mut pair = admit(&admission, HERE, 2);
            assert!(pair.iter_mut().all(|slot| slot.name(Class::Contact(ContactId(contact)))));
            many.append(&mut pair);
        }
        assert!(still_there(&many) < MAX_OPEN_HANDSHAKES);
        assert_eq!((still_there(&single), still_there(&front)), (1, 1));
    }

    #[test]
    fn who_lost_its_place_gets_none_by_naming_somebody() {
        let admission = Admission::default();
        let mut flood = admit(&admission, HERE, MAX_STRANGERS + 1);
        let lost = flood.iter_mut().find(|slot| slot.lost.is_cancelled()).unwrap();
        assert!(!lost.name(Class::Contact(ContactId(1))));
        assert_eq!(waiting(&admission), MAX_STRANGERS);
    }
}
