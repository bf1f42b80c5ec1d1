//! Reports which services are hosted, and whether the current ones can be reached.

use std::collections::HashMap;

use parking_lot::Mutex;

use tokio::sync::watch;

use crate::model::ServiceKind;
use crate::transport::{HostedService, OnionAddress, Reachability, ServicesStatus};

/// What makes two services the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ServiceId {
    pub(super) kind: ServiceKind,
    pub(super) address: OnionAddress,
}

impl ServiceId {
    pub(super) fn of(hosted: &HostedService) -> Self {
        Self { kind: hosted.kind, address: hosted.key.onion_address() }
    }
}

/// A hosted service, as far as its status shows it.
#[derive(Clone, Copy)]
struct HostedState {
    current: bool,
    state: Reachability,
}

/// Shows whether the services can be reached.
pub(super) struct ServiceStates {
    shown: Mutex<HashMap<ServiceId, HostedState>>,
    status: watch::Sender<ServicesStatus>,
}

impl ServiceStates {
    pub(super) fn new() -> Self {
        Self { shown: Mutex::default(), status: watch::Sender::new(ServicesStatus::CLOSED) }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<ServicesStatus> {
        self.status.subscribe()
    }

    /// A service was found in this state.
    pub(super) fn set_state(&self, id: ServiceId, state: Reachability) {
        let mut shown = self.shown.lock();
        if let Some(known) = shown.get_mut(&id) {
            known.state = state;
        }
        self.show(&shown);
    }

    /// Exactly these services are hosted now. Those that were already keep their state.
    pub(super) fn set_hosted(&self, services: &[HostedService]) {
        let mut shown = self.shown.lock();
        *shown = services
            .iter()
            .map(|hosted| {
                let id = ServiceId::of(hosted);
                let state = shown.get(&id).map_or(Reachability::Starting, |known| known.state);
                (id, HostedState { current: hosted.current, state })
            })
            .collect();
        self.show(&shown);
    }

    fn show(&self, shown: &HashMap<ServiceId, HostedState>) {
        let status = ServicesStatus::of(|kind| {
            let current = shown.iter().find(|(id, known)| id.kind == kind && known.current);
            current.map_or(Reachability::Closed, |(_, known)| known.state)
        });
        self.status.send_if_modified(|current| {
            let changed = *current != status;
            *current = status;
            changed
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::ServiceKey;

    fn hosted(kind: ServiceKind, byte: u8, current: bool) -> HostedService {
        HostedService { kind, key: ServiceKey([byte; 32]), current }
    }

    fn states(services: &ServiceStates) -> (Reachability, Reachability) {
        let status = *services.subscribe().borrow();
        (status.requests, status.contacts)
    }

    #[test]
    fn services_are_closed_until_hosted() {
        let services = ServiceStates::new();
        assert_eq!(states(&services), (Reachability::Closed, Reachability::Closed));
        services.set_hosted(&[hosted(ServiceKind::Contacts, 1, true)]);
        assert_eq!(states(&services), (Reachability::Closed, Reachability::Starting));
    }

    #[test]
    fn a_replaced_contacts_service_does_not_count() {
        let services = ServiceStates::new();
        let old = hosted(ServiceKind::Contacts, 1, true);
        services.set_hosted(std::slice::from_ref(&old));
        services.set_state(ServiceId::of(&old), Reachability::Reachable);
        assert_eq!(states(&services).1, Reachability::Reachable);
        services.set_hosted(&[
            hosted(ServiceKind::Contacts, 1, false),
            hosted(ServiceKind::Contacts, 2, true),
        ]);
        assert_eq!(states(&services).1, Reachability::Starting);
        services.set_state(ServiceId::of(&old), Reachability::Unreachable);
        assert_eq!(states(&services).1, Reachability::Starting);
    }

    #[test]
    fn a_replaced_requests_service_does_not_count() {
        let services = ServiceStates::new();
        let (old, new) =
            (hosted(ServiceKind::Requests, 1, false), hosted(ServiceKind::Requests, 2, true));
        services.set_hosted(&[old.clone(), new.clone()]);
        services.set_state(ServiceId::of(&old), Reachability::Unreachable);
        services.set_state(ServiceId::of(&new), Reachability::Reachable);
        assert_eq!(states(&services).0, Reachability::Reachable);
    }

    #[test]
    fn a_late_word_about_a_closed_service_changes_nothing() {
        let services = ServiceStates::new();
        let front = hosted(ServiceKind::Requests, 1, true);
        services.set_hosted(std::slice::from_ref(&front));
        services.set_hosted(&[]);
        services.set_state(ServiceId::of(&front), Reachability::Reachable);
        assert_eq!(states(&services).0, Reachability::Closed);
    }
}
