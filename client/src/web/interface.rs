//! The web interface of one profile: whether the profile is open to the page, who was let in, and
//! since when nobody has used it.

use std::io;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use parking_lot::{Mutex, MutexGuard};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::sessions::Sessions;
use crate::api::server::limits::Timing;
use crate::api::server::{self, PageOpener, serve_router};
use crate::node::NodeHandle;
use crate::profile::Profile;

/// How often it is looked whether somebody still sits before the page.
const IDLE_TICK: Duration = Duration::from_secs(5);

/// Why a node did not start, or did not end well.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct StartError {
    /// Tells the page which sentence to show.
    pub code: &'static str,
    /// Says in English what went wrong.
    pub detail: String,
}

/// Starts a node on an unlocked profile, and runs it until the token is cancelled.
pub type Start = Box<
    dyn Fn(Profile, Web, CancellationToken) -> BoxFuture<'static, Result<(), StartError>>
        + Send
        + Sync,
>;

/// Builds what is served at a port, in front of a web interface.
type BuildRouter = fn(Web, u16) -> Router;

/// The web interface of one profile. Cheap to clone.
#[derive(Clone)]
pub struct Web(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) directory: PathBuf,
    /// How a node is started here; none beside a node that runs anyway.
    pub(super) start: Option<Start>,
    pub(super) routes: BuildRouter,
    pub(super) stage: watch::Sender<Stage>,
    pub(super) sessions: Mutex<Sessions>,
    pub(super) idle: Mutex<Idle>,
    pub(super) server: tokio::sync::Mutex<Option<Listener>>,
    pub(super) running: tokio::sync::Mutex<Option<StartedNode>>,
}

/// How far the profile is open to the page.
#[derive(Clone)]
pub(super) enum Stage {
    Closed,
    /// A node is being started.
    Starting,
    /// The page may ask the node.
    Open {
        api: Router,
        node: ServedNode,
        streams: CancellationToken,
    },
    /// A node runs that the page may not ask.
    Sealed(ServedNode),
}

/// A running node, and what ends with it.
#[derive(Clone)]
pub(super) struct ServedNode {
    pub(super) node: NodeHandle,
    pub(super) until: CancellationToken,
}

/// Since when nobody sits before the page, and after how long it is locked.
pub(super) struct Idle {
    pub(super) active: Instant,
    pub(super) lock_after: Option<Duration>,
}

pub(super) struct Listener {
    port: u16,
    stop: CancellationToken,
    tasks: [JoinHandle<()>; 2],
}

impl Web {
    pub(super) fn new(directory: &Path, start: Option<Start>, routes: BuildRouter) -> Self {
        Self(Arc::new(Inner {
            directory: directory.to_owned(),
            start,
            routes,
            stage: watch::Sender::new(Stage::Closed),
            sessions: Mutex::default(),
            idle: Mutex::new(Idle { active: Instant::now(), lock_after: None }),
            server: tokio::sync::Mutex::default(),
            running: tokio::sync::Mutex::default(),
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

    /// The same for the local API.
    pub(crate) fn opener(&self) -> PageOpener {
        let web = self.clone();
        Arc::new(move || {
            let web = web.clone();
            async move { web.url().await }.boxed()
        })
    }

    async fn listen(&self) -> io::Result<Listener> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let stop = CancellationToken::new();
        let router = (self.0.routes)(self.clone(), port);
        let serving = serve_router(listener, router, stop.clone(), stop.clone().cancelled_owned());
        let serving = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the web interface stopped listening");
            }
        });
        let watching = tokio::spawn(self.clone().watch(stop.clone()));
        Ok(Listener { port, stop, tasks: [serving, watching] })
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
        let opener = Some(self.opener());
        let api = server::router(node.clone(), opener, streams.clone(), Timing::default());
        self.idle().active = Instant::now();
        self.0.stage.send_replace(Stage::Open {
            api,
            node: ServedNode { node, until: until.clone() },
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
        let Some(Listener { stop, tasks, .. }) = self.0.server.lock().await.take() else { return };
        stop.cancel();
        for task in tasks {
            let _ = task.await;
        }
    }

    /// Closes the profile to the page: a node that was started here is ended.
    pub(super) async fn lock(&self) {
        // Held to the end: who opens it again waits until its files are free.
        let mut running = self.0.running.lock().await;
        match running.take() {
            Some(StartedNode { stop, task }) => {
                stop.cancel();
                if let Ok(Err(error)) = task.await {
                    tracing::error!(%error, "the node did not end well");
                }
                self.hide();
            }
            None => self.seal(),
        }
    }

    fn seal(&self) {
        self.0.stage.send_if_modified(|stage| {
            let Stage::Open { node, streams, .. } = stage.clone() else { return false };
            streams.cancel();
            *stage = Stage::Sealed(node);
            true
        });
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(*self.0.stage.borrow(), Stage::Open { .. })
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.0.sessions.lock()
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Idle> {
        self.0.idle.lock()
    }
}

impl Idle {
    fn is_over(&self) -> bool {
        self.lock_after.is_some_and(|after| self.active.elapsed() >= after)
    }
}

/// A node that was started here.
pub(super) struct StartedNode {
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<Result<(), StartError>>,
}
