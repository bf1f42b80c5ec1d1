//! Which services run, and the state of both doors that follows from it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::locked;
use super::service::{House, Service};
use crate::transport::{Door, DoorStatus, Hosted, OnionAddress, Reachability};

/// What makes two services the same.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ServiceId {
    pub(super) door: Door,
    pub(super) address: OnionAddress,
}

impl ServiceId {
    fn of(hosted: &Hosted) -> Self {
        Self { door: hosted.door, address: hosted.seed.address() }
    }
}

/// A service as the doors see it.
#[derive(Clone, Copy)]
struct Shown {
    current: bool,
    state: Reachability,
}

/// Shows the state of the doors.
pub(super) struct Doors {
    shown: Mutex<HashMap<ServiceId, Shown>>,
    status: watch::Sender<DoorStatus>,
}

impl Doors {
    pub(super) fn new() -> Self {
        let closed = DoorStatus { front: Reachability::Closed, endpoint: Reachability::Closed };
        Self { shown: Mutex::default(), status: watch::Sender::new(closed) }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<DoorStatus> {
        self.status.subscribe()
    }

    /// A service was found in this state.
    pub(super) fn set_state(&self, id: ServiceId, state: Reachability) {
        let mut shown = locked(&self.shown);
        if let Some(known) = shown.get_mut(&id) {
            known.state = state;
        }
        self.show(&shown);
    }

    /// Exactly these services are hosted now. Those that were already keep their state.
    fn set_hosted(&self, services: &[Hosted]) {
        let mut shown = locked(&self.shown);
        *shown = services
            .iter()
            .map(|hosted| {
                let id = ServiceId::of(hosted);
                let state = shown.get(&id).map_or(Reachability::Starting, |known| known.state);
                (id, Shown { current: hosted.current, state })
            })
            .collect();
        self.show(&shown);
    }

    fn show(&self, shown: &HashMap<ServiceId, Shown>) {
        let state = |door: Door| {
            let leading = shown.iter().find(|(id, known)| id.door == door && known.current);
            leading.map_or(Reachability::Closed, |(_, known)| known.state)
        };
        let status = DoorStatus { front: state(Door::Front), endpoint: state(Door::Endpoint) };
        self.status.send_if_modified(|current| {
            let news = *current != status;
            *current = status;
            news
        });
    }
}

/// A running service.
struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Runs the services that are wanted, and no others.
pub(super) struct Hosting {
    house: Arc<House>,
    /// Locked while services are changed, so that two changes never mix.
    running: tokio::sync::Mutex<HashMap<ServiceId, Running>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Hosting {
    pub(super) fn new(house: Arc<House>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { house, running: tokio::sync::Mutex::default(), tasks, stop }
    }

    /// Hosts exactly these from now on. Returns when those not listed have ended; the new ones may
    /// not be reachable yet.
    pub(super) async fn host(&self, services: Vec<Hosted>) {
        let mut running = self.running.lock().await;
        if self.stop.is_cancelled() {
            return;
        }
        self.house.doors.set_hosted(&services);
        let wanted: HashMap<ServiceId, Hosted> = services.into_iter().map(|h| (ServiceId::of(&h), h)).collect();
        let unwanted: Vec<Running> = running.extract_if(|id, _| !wanted.contains_key(id)).map(|(_, r)| r).collect();
        end(unwanted).await;
        for (id, hosted) in wanted {
            running.entry(id).or_insert_with(|| self.start(id, hosted));
        }
    }

    /// Ends all services. The transport is stopped by then, so that none starts after this.
    pub(super) async fn close(&self) {
        let services: Vec<Running> = self.running.lock().await.drain().map(|(_, running)| running).collect();
        end(services).await;
        self.house.doors.set_hosted(&[]);
    }

    fn start(&self, id: ServiceId, hosted: Hosted) -> Running {
        let stop = self.stop.child_token();
        let service = Service { id, seed: hosted.seed, house: Arc::clone(&self.house), stop: stop.clone() };
        Running { stop, task: self.tasks.spawn(service.run()) }
    }
}

/// Stops services and waits until they have.
async fn end(services: Vec<Running>) {
    for service in &services {
        service.stop.cancel();
    }
    for service in services {
        if let Err(error) = service.task.await {
            tracing::error!(%error, "a service ended badly");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::OnionSeed;

    fn hosted(door: Door, byte: u8, current: bool) -> Hosted {
        Hosted { door, seed: OnionSeed([byte; 32]), current }
    }

    fn states(doors: &Doors) -> (Reachability, Reachability) {
        let status = *doors.subscribe().borrow();
        (status.front, status.endpoint)
    }

    #[test]
    fn doors_are_closed_until_hosted() {
        let doors = Doors::new();
        assert_eq!(states(&doors), (Reachability::Closed, Reachability::Closed));
        doors.set_hosted(&[hosted(Door::Endpoint, 1, true)]);
        assert_eq!(states(&doors), (Reachability::Closed, Reachability::Starting));
    }

    #[test]
    fn a_retired_endpoint_does_not_count() {
        let doors = Doors::new();
        let old = hosted(Door::Endpoint, 1, true);
        doors.set_hosted(std::slice::from_ref(&old));
        doors.set_state(ServiceId::of(&old), Reachability::Reachable);
        assert_eq!(states(&doors).1, Reachability::Reachable);
        doors.set_hosted(&[hosted(Door::Endpoint, 1, false), hosted(Door::Endpoint, 2, true)]);
        assert_eq!(states(&doors).1, Reachability::Starting);
        doors.set_state(ServiceId::of(&old), Reachability::Unreachable);
        assert_eq!(states(&doors).1, Reachability::Starting);
    }

    #[test]
    fn a_replaced_front_door_is_not_shown() {
        let doors = Doors::new();
        let (old, new) = (hosted(Door::Front, 1, false), hosted(Door::Front, 2, true));
        doors.set_hosted(&[old.clone(), new.clone()]);
        doors.set_state(ServiceId::of(&old), Reachability::Unreachable);
        doors.set_state(ServiceId::of(&new), Reachability::Reachable);
        assert_eq!(states(&doors).0, Reachability::Reachable);
    }

    #[test]
    fn a_late_word_about_a_closed_service_changes_nothing() {
        let doors = Doors::new();
        let front = hosted(Door::Front, 1, true);
        doors.set_hosted(std::slice::from_ref(&front));
        doors.set_hosted(&[]);
        doors.set_state(ServiceId::of(&front), Reachability::Reachable);
        assert_eq!(states(&doors).0, Reachability::Closed);
    }
}
