//! A whole server: its parts, and the order in which they start and stop. Nothing here handles a
//! request.
//!
//! Start: settings, key, sockets, onion service's configuration, database, board, tasks; then
//! connections. Stop: accept no more connections, end the streams, answer what was accepted, let
//! the writer finish, close the database.

mod listeners;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use chive_http::serve::{ConnectionLimits, Server};
use chive_shared::server::ServerId;
use chive_tor::TorStartError;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::listeners::{ListenError, Listeners};
use crate::access::AccessControl;
use crate::admin::{self, Admin};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, ConfigError};
use crate::http::{self, AppParts, feed};
use crate::identity::{KeyError, OnionSeed};
use crate::metrics::Metrics;
use crate::onion::{OnionHost, OnionOptions, Reachable};
use crate::record_writer::{RecordWriter, WriterParts};
use crate::store::{Store, StoreError};

/// The operator's connections; far fewer than those of clients.
const ADMIN_CONNECTIONS: usize = 32;

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each variant is the error of the part that it names")]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Onion(#[from] TorStartError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("cannot use the directory {}: {source}", dir.display())]
    Directory { dir: PathBuf, source: io::Error },
    #[error("onion.address: {0}")]
    Address(String),
}

/// A server that serves until [`RunningServer::stop`].
pub struct RunningServer {
    id: ServerId,
    tcp: Option<SocketAddr>,
    admin_tcp: Option<SocketAddr>,
    server: Server,
    admin_server: Server,
    store: Store,
    tokens: StopTokens,
    /// Accept connections; end with `tokens.serving`.
    accept_tasks: JoinSet<()>,
    /// The record writer and the feed; end with their tokens.
    background_tasks: JoinSet<()>,
}

/// Stops the server in two steps.
#[derive(Clone, Default)]
struct StopTokens {
    /// Ends accepting, streams and the feed.
    serving: CancellationToken,
    /// Ends the record writer, once no request can reach it.
    writing: CancellationToken,
}

impl RunningServer {
    /// Starts a server. Its sockets serve at once; the onion service follows when Tor is ready.
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, RunError> {
        create_private(&config.data_dir)?;
        let seed = OnionSeed::open(&config.data_dir)?;
        let id = config.address().map_err(RunError::Address)?.unwrap_or_else(|| seed.server());
        let listeners = Listeners::bind(&config.listen).await?;
        let admin_listeners = Listeners::bind(&config.admin).await?;
        let onion = config
            .onion
            .enabled
            .then(|| OnionHost::new(onion_options(config, seed)))
            .transpose()?;

        let tokens = StopTokens::default();
        let mut background_tasks = JoinSet::new();
        let reachable = onion.as_ref().map(OnionHost::reachable);
        let (app, admin) =
            open(config, id, clock, reachable, &tokens, &mut background_tasks).await?;
        let server = Server::new(
            http::router(app),
            config.limits.for_connections(),
            Arc::<Metrics>::clone(&admin.metrics),
            tokens.serving.clone(),
        );
        let admin_server = admin_server(config, admin::router(admin.clone()), &tokens.serving);

        let mut accept_tasks = JoinSet::new();
        let (tcp, admin_tcp) = (listeners.address(), admin_listeners.address());
        listeners.serve(&server, &mut accept_tasks);
        admin_listeners.serve(&admin_server, &mut accept_tasks);
        if let Some(onion) = onion {
            accept_tasks.spawn(onion.run(server.clone(), tokens.serving.clone()));
        }

        let store = admin.store;
        Ok(Self {
            id,
            tcp,
            admin_tcp,
            server,
            admin_server,
            store,
            tokens,
            accept_tasks,
            background_tasks,
        })
    }

    /// The onion address, for which records are made.
    #[must_use]
    pub fn id(&self) -> ServerId {
        self.id
    }

    /// The TCP address that it listens on.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// The TCP address of the operator's endpoints.
    #[must_use]
    pub fn admin_tcp(&self) -> Option<SocketAddr> {
        self.admin_tcp
    }

    /// Stops: when this returns, everything that was accepted is stored, and nothing runs.
    pub async fn stop(mut self) {
        self.tokens.serving.cancel();
        // Before the accept tasks: arti's task ends its streams, which get their last bytes first.
        self.server.close().await;
        self.admin_server.close().await;
        while self.accept_tasks.join_next().await.is_some() {}

        self.tokens.writing.cancel();
        while self.background_tasks.join_next().await.is_some() {}
        self.store.close().await;
    }
}

/// Opens the database, fills the board, and spawns the record writer and the feed.
async fn open(
    config: &Config,
    id: ServerId,
    clock: Clock,
    onion: Option<Reachable>,
    tokens: &StopTokens,
    tasks: &mut JoinSet<()>,
) -> Result<(AppParts, Admin), RunError> {
    let limits = &config.limits;
    let access_control: AccessControl = config.access_control()?;
    let store = Store::open(&config.database_location()?).await?;
    let metrics = Arc::new(Metrics::default());
    let generation = store.generation().await?;
    let board = Arc::new(Board::new(generation, 0, limits.changes, limits.bucket_records));

    let parts = WriterParts {
        store: store.clone(),
        board: Arc::clone(&board),
        clock: clock.clone(),
        max_addresses: limits.records,
        times: limits.times(),
        metrics: Arc::clone(&metrics),
    };
    let (writer, mut writer_task) = RecordWriter::new(parts, limits.queue);
    writer_task.load().await?;
    tracing::info!(records = board.live(), "the board is filled");
    tasks.spawn(writer_task.run(tokens.writing.clone()));

    let (batches, feed) = watch::channel(Arc::default());
    let publisher =
        feed::publish(Arc::clone(&board), clock.clone(), batches, tokens.serving.clone());
    tasks.spawn(publisher);

    let app = AppParts {
        server: id,
        board: Arc::clone(&board),
        writer,
        store: store.clone(),
        access_control,
        prices: config.work,
        handles: config.handles,
        notice: config.notice.clone(),
        limits: limits.clone(),
        clock,
        metrics: Arc::clone(&metrics),
        feed,
        stopping: tokens.serving.clone(),
    };

    Ok((app, Admin { board, store, metrics, onion }))
}

fn onion_options(config: &Config, seed: OnionSeed) -> OnionOptions {
    OnionOptions { dir: config.data_dir.join("tor"), tor: config.tor.clone(), seed }
}

fn admin_server(config: &Config, router: Router, stopping: &CancellationToken) -> Server {
    let limits =
        ConnectionLimits { connections: ADMIN_CONNECTIONS, ..config.limits.for_connections() };
    Server::new(router, limits, Arc::new(()), stopping.clone())
}

fn create_private(dir: &Path) -> Result<(), RunError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let created = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    created.map_err(|source| RunError::Directory { dir: dir.to_owned(), source })
}
