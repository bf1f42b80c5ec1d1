//! Starts and ends the tasks that talk to servers, and passes each its part of the plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use chive_shared::server::ServerId;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::plan::{PresencePlan, ServerPlan, ServerUpdate};
use crate::clock::Clock;
use crate::node::input::Report;
use crate::node::session::handshake::Handshaker;
use crate::presence::Subject;
use crate::rendezvous::reader::BoardReader;
use crate::rendezvous::writer::{Announcements, PresenceWriter};
use crate::rendezvous::{IsolationPool, ServerRoute};
use crate::transport::SharedTransport;

#[derive(Clone)]
pub(crate) struct ServerRoutes {
    transport: SharedTransport,
    isolation: IsolationPool,
}

impl ServerRoutes {
    pub(crate) fn new(transport: SharedTransport) -> Self {
        Self { transport, isolation: IsolationPool::default() }
    }

    /// The way to a server, with what lets us in there.
    pub(crate) fn to(&self, server: ServerId, token: Option<&str>) -> ServerRoute {
        let (transport, isolation) = (Arc::clone(&self.transport), self.isolation.clone());
        ServerRoute { server, token: token.map(Into::into), transport, isolation }
    }
}

/// Every task that talks with a server.
pub(crate) struct ServerTasks {
    routes: ServerRoutes,
    clock: Clock,
    rng: StdRng,
    stop: CancellationToken,
    /// Ends writers, after their last word.
    writers_stop: CancellationToken,
    servers: BTreeMap<ServerId, Tasks>,
}

#[derive(Default)]
struct Tasks {
    writer: Option<watch::Sender<Arc<Announcements>>>,
    reader: Option<(watch::Sender<Arc<Vec<Subject>>>, DropGuard)>,
}

impl ServerTasks {
    pub(crate) fn new(
        routes: ServerRoutes,
        clock: Clock,
        rng: StdRng,
        stop: CancellationToken,
    ) -> Self {
        let (writers_stop, servers) = (CancellationToken::new(), BTreeMap::new());
        Self { routes, clock, rng, stop, writers_stop, servers }
    }

    pub(crate) fn routes(&self) -> &ServerRoutes {
        &self.routes
    }

    /// Brings the tasks in line with a plan. A server that is not ours any more is told that we are
    /// gone.
    pub(crate) fn follow(
        &mut self,
        plan: PresencePlan,
        handshaker: &Handshaker,
        tasks: &TaskTracker,
    ) {
        let now = self.clock.now();
        for (id, server) in &mut self.servers {
            if plan.servers.get(id).is_none_or(|plan| plan.announcements.is_none()) {
                server.publish_offline(now.0);
            }
        }
        self.servers.retain(|id, _| plan.servers.contains_key(id));

        for (id, plan) in plan.servers {
            let route = self.routes.to(id, plan.token.as_deref());
            let ServerPlan { announcements, subjects, .. } = plan;
            let is_ours = announcements.is_some();
            if let Some(announcements) = announcements {
                self.tell_writer(route.clone(), announcements, handshaker, tasks);
            }
            self.tell_reader(route, subjects, is_ours, handshaker, tasks);
        }
    }

    /// Everybody finds us gone: the last word before the end.
    pub(crate) fn publish_offline(&mut self) {
        let now = self.clock.now();
        for server in self.servers.values_mut() {
            server.publish_offline(now.0);
        }
    }

    /// Ends the writers that have not said their last word yet.
    pub(crate) fn stop(&self) {
        self.writers_stop.cancel();
    }

    fn tell_writer(
        &mut self,
        route: ServerRoute,
        announcements: Arc<Announcements>,
        handshaker: &Handshaker,
        tasks: &TaskTracker,
    ) {
        let server = route.server;
        let known = self.servers.entry(server).or_default();
        if let Some(writer) = &known.writer {
            writer.send_replace(announcements);
            return;
        }

        let (writer, announcements) = watch::channel(announcements);
        known.writer = Some(writer);

        let task = PresenceWriter {
            route,
            owner: handshaker.identity.presence_key().clone(),
            announcements,
            clock: self.clock.clone(),
            rng: StdRng::from_rng(&mut self.rng),
        };
        let (handshaker, stop) = (handshaker.clone(), self.writers_stop.clone());
        tasks.spawn(async move {
            let report = async |update| {
                handshaker
                    .report(Report::Server { server, update: ServerUpdate::Writer(update) })
                    .await;
            };
            stop.run_until_cancelled(task.run(report)).await;
        });
    }

    fn tell_reader(
        &mut self,
        route: ServerRoute,
        subjects: Vec<Subject>,
        is_ours: bool,
        handshaker: &Handshaker,
        tasks: &TaskTracker,
    ) {
        let server = route.server;
        let known = self.servers.entry(server).or_default();
        if subjects.is_empty() && !is_ours {
            known.reader = None;
            return;
        }

        if let Some((reader, _)) = &known.reader {
            reader.send_if_modified(|before| {
                let changed = !are_same(before, &subjects);
                if changed {
                    *before = Arc::new(subjects);
                }
                changed
            });
            return;
        }

        let (reader, subjects) = watch::channel(Arc::new(subjects));
        let stop = self.stop.child_token();

        known.reader = Some((reader, stop.clone().drop_guard()));
        let task = BoardReader {
            route,
            subjects,
            clock: self.clock.clone(),
            rng: StdRng::from_rng(&mut self.rng),
        };
        let handshaker = handshaker.clone();
        tasks.spawn(async move {
            let report = async |update| {
                handshaker
                    .report(Report::Server { server, update: ServerUpdate::Reader(update) })
                    .await;
            };
            stop.run_until_cancelled(task.run(report)).await;
        });
    }
}

impl Tasks {
    fn publish_offline(&mut self, now: i64) {
        if let Some(writer) = self.writer.take() {
            writer
                .send_modify(|announcements| *announcements = Arc::new(announcements.offline(now)));
        }
    }
}

fn are_same(one: &[Subject], other: &[Subject]) -> bool {
    let same = |one: &Subject, other: &Subject| {
        (one.contact, one.key, one.secret.0) == (other.contact, other.key, other.secret.0)
    };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}
