//! Runs the onion services that are wanted, and no others.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reachability::ServiceId;
use super::service::{Service, ServiceContext};
use crate::transport::HostedService;

struct RunningService {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Runs the services that are wanted, and no others.
pub(super) struct Hosting {
    context: Arc<ServiceContext>,
    /// Locked while services are changed, so that two changes never mix.
    running: tokio::sync::Mutex<HashMap<ServiceId, RunningService>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Hosting {
    pub(super) fn new(
        context: Arc<ServiceContext>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        Self { context, running: tokio::sync::Mutex::default(), tasks, stop }
    }

    /// Hosts exactly these from now on. Returns when those not listed have ended; the new ones may
    /// not be reachable yet.
    pub(super) async fn host(&self, services: Vec<HostedService>) {
        let mut running = self.running.lock().await;
        if self.stop.is_cancelled() {
            return;
        }
        self.context.services.set_hosted(&services);
        let wanted: HashMap<ServiceId, HostedService> =
            services.into_iter().map(|h| (ServiceId::of(&h), h)).collect();
        let unwanted: Vec<RunningService> =
            running.extract_if(|id, _| !wanted.contains_key(id)).map(|(_, r)| r).collect();
        end(unwanted).await;
        for (id, hosted) in wanted {
            running.entry(id).or_insert_with(|| self.start(id, hosted));
        }
    }

    /// Ends all services. The transport is stopped by then, so that none starts after this.
    pub(super) async fn close(&self) {
        let services: Vec<RunningService> =
            self.running.lock().await.drain().map(|(_, running)| running).collect();
        end(services).await;
        self.context.services.set_hosted(&[]);
    }

    fn start(&self, id: ServiceId, hosted: HostedService) -> RunningService {
        let stop = self.stop.child_token();
        let service =
            Service { id, key: hosted.key, context: Arc::clone(&self.context), stop: stop.clone() };
        RunningService { stop, task: self.tasks.spawn(service.run()) }
    }
}

/// Stops services and waits until they have.
async fn end(services: Vec<RunningService>) {
    for service in &services {
        service.stop.cancel();
    }
    for service in services {
        if let Err(error) = service.task.await {
            tracing::error!(%error, "a service ended badly");
        }
    }
}
