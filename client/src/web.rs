//! The web interface: the node's own page on loopback, and nothing that the local API does not give
//! to a bot.
//!
//! The way of a request is the list of modules: `guard` lets it in, `sessions` knows whom, `assets`
//! has the page's files, `pages` answers what must work before a profile is open, `host` makes,
//! opens and locks it; all else goes to the local API's own router. No file comes from elsewhere,
//! and nothing of a profile is kept here.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use futures::future::BoxFuture;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::api::server::limits::Timing;
use crate::api::server::{self, serve_router};
use crate::node::NodeHandle;
use crate::profile::Profile;
use crate::run::RunError;

mod assets;
mod guard;
mod host;
mod pages;
mod refused;
mod sessions;
mod side_door;
#[cfg(test)]
mod tests;

pub use side_door::{serve_side_door, side_door};

use host::Running;
use sessions::Sessions;

/// How often it is looked whether somebody still sits before the page.
const IDLE_TICK: Duration = Duration::from_secs(5);

/// Starts a node on an unlocked profile, and runs it until the token is cancelled.
pub type Start = Box<
    dyn Fn(Profile, Web, CancellationToken) -> BoxFuture<'static, Result<(), RunError>>
        + Send
        + Sync,
>;

/// The web interface of one profile. Cheap to clone.
#[derive(Clone)]
pub struct Web(Arc<Inner>);

struct Inner {
    directory: PathBuf,
    /// How a node is started here; none beside a node that runs anyway.
    start: Option<Start>,
    stage: watch::Sender<Stage>,
    sessions: Mutex<Sessions>,
    idle: Mutex<Idle>,
    server: tokio::sync::Mutex<Option<Server>>,
    running: tokio::sync::Mutex<Option<Running>>,
    /// How many backups have been on their way in.
    uploads: AtomicU64,
}

/// How far the profile is open to the page.
#[derive(Clone)]
enum Stage {
    /// No node runs.
    Closed,
    /// A node is being started.
    Starting,
    /// The page may ask the node.
    Open { api: Router, node: Shown, streams: CancellationToken },
    /// A node runs that the page may not ask.
    Sealed(Shown),
}

/// A running node, and what ends with it.
#[derive(Clone)]
struct Shown {
    node: NodeHandle,
    until: CancellationToken,
}

/// Since when nobody sits before the page, and after how long it is locked.
struct Idle {
    active: Instant,
    lock_after: Option<Duration>,
}

/// The listening page.
struct Server {
    port: u16,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Web {
    /// The page of a node that was started without it. It listens when its address is asked for.
    #[must_use]
    pub fn beside(directory: &Path) -> Self {
        Self::new(directory, None)
    }

    /// A page that also makes, opens and locks the profile.
    #[must_use]
    pub fn host(directory: &Path, start: Start) -> Self {
        Self::new(directory, Some(start))
    }

    fn new(directory: &Path, start: Option<Start>) -> Self {
        Self(Arc::new(Inner {
            directory: directory.to_owned(),
            start,
            stage: watch::Sender::new(Stage::Closed),
            sessions: Mutex::default(),
            idle: Mutex::new(Idle { active: Instant::now(), lock_after: None }),
            server: tokio::sync::Mutex::default(),
            running: tokio::sync::Mutex::default(),
            uploads: AtomicU64::new(0),
        }))
    }

    /// An address that lets one browser in, once. Listens if nobody does yet.
    pub async fn url(&self) -> io::Result<String> {
        let mut server = self.0.server.lock().await;
        let port = match &*server {
            Some(server) => server.port,
            None => server.insert(self.listen().await?).port,
        };
        // Behind the `#`, a browser tells nobody.
        Ok(format!("http://{}:{port}/#{}", Ipv4Addr::LOCALHOST, self.sessions().token()))
    }

    async fn listen(&self) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let stop = CancellationToken::new();
        let router = guard::router(self.clone(), port);
        let serving = serve_router(listener, router, stop.clone(), stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the web interface stopped listening");
            }
        });
        let watching = tokio::spawn(self.clone().watch(stop.clone()));
        Ok(Server { port, stop, tasks: [serving, watching] })
    }

    /// Locks the profile when nobody has been there for long enough.
    async fn watch(self, stop: CancellationToken) {
        let mut tick = tokio::time::interval(IDLE_TICK);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            if self.is_open() && self.idle().is_over() {
                self.lock().await;
            }
        }
    }

    /// Lets the page ask this node, until the token is cancelled or it is locked.
    pub(crate) fn show(&self, node: NodeHandle, until: &CancellationToken) {
        let streams = until.child_token();
        let api =
            server::router(node.clone(), Some(self.clone()), streams.clone(), Timing::default());
        self.idle().active = Instant::now();
        self.0.stage.send_replace(Stage::Open {
            api,
            node: Shown { node, until: until.clone() },
            streams,
        });
    }

    /// The node is no more.
    pub(crate) fn hide(&self) {
        if let Stage::Open { streams, .. } = self.0.stage.send_replace(Stage::Closed) {
            streams.cancel();
        }
    }

    /// Ends the page and all that it started.
    pub async fn close(&self) {
        self.lock().await;
        self.hide();
        let Some(Server { stop, tasks, .. }) = self.0.server.lock().await.take() else { return };
        stop.cancel();
        for task in tasks {
            let _ = task.await;
        }
    }

    fn is_open(&self) -> bool {
        matches!(*self.0.stage.borrow(), Stage::Open { .. })
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle {
    fn is_over(&self) -> bool {
        self.lock_after.is_some_and(|after| self.active.elapsed() >= after)
    }
}
