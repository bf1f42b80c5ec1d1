//! A whole server: what it is made of, in the order in which that starts and stops.
//!
//! A stop is: take no more connections, end the streams, answer what was accepted, close the
//! database.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use chive_http::serve::{ConnectionLimits, Server};
use chive_shared::server::ServerId;
use chive_tor::TorStartError;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::admin::{self, Admin};
use crate::board::Board;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, Listen};
use crate::http::{self, App, feed};
use crate::identity::{KeyError, OnionSeed};
use crate::keeper::{Keeper, Keeping};
use crate::metrics::Metrics;
use crate::onion::{Onion, OnionOptions, Reachable};
use crate::store::{Store, StoreError};

/// Connections of the operator.
const ADMIN_CONNECTIONS: usize = 32;

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum RunError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Onion(#[from] TorStartError),
    #[error("cannot use the directory {}: {source}", dir.display())]
    Directory { dir: PathBuf, source: io::Error },
    #[error("cannot listen on {place}: {source}")]
    Listen { place: String, source: io::Error },
    #[error("onion.address: {0}")]
    Address(String),
}

/// A server that runs.
pub struct Running {
    id: ServerId,
    tcp: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    server: Server,
    admin_server: Server,
    store: Store,
    /// Ends what lets in and what reads.
    stopping: CancellationToken,
    /// Ends what writes.
    last: CancellationToken,
    doors: JoinSet<()>,
    work: JoinSet<()>,
}

impl Running {
    /// Starts a server. It serves at once; its onion service follows when there is a network.
    pub async fn start(config: &Config, clock: Clock) -> Result<Self, RunError> {
        make_private(&config.data_dir)?;
        let seed = OnionSeed::open(&config.data_dir)?;
        let id = config.address().map_err(RunError::Address)?.unwrap_or_else(|| seed.server());
        let listeners = Listeners::bind(&config.listen).await?;
        let admin_listeners = Listeners::bind(&config.admin).await?;
        let onion =
            config.onion.enabled.then(|| Onion::new(onion_options(config, seed))).transpose()?;
        let reachable = onion.as_ref().map(Onion::reachable);

        let (stopping, last) = (CancellationToken::new(), CancellationToken::new());
        let mut work = JoinSet::new();
        let house = Core { config, clock, stopping: &stopping, last: &last };
        let (app, admin) = house.open(id, reachable, &mut work).await?;
        let metrics = Arc::clone(&admin.metrics);
        let server = Server::new(
            http::router(app),
            config.limits.of_connections(),
            metrics,
            stopping.clone(),
        );
        let admin_server = admin_server(config, admin::router(admin.clone()), &stopping);

        let mut doors = JoinSet::new();
        let (tcp, admin_tcp) = (listeners.address(), admin_listeners.address());
        listeners.open(&server, &mut doors);
        admin_listeners.open(&admin_server, &mut doors);
        if let Some(onion) = onion {
            doors.spawn(onion.run(server.clone(), stopping.clone()));
        }
        Ok(Self {
            id,
            tcp,
            admin: admin_tcp,
            server,
            admin_server,
            store: admin.store,
            stopping,
            last,
            doors,
            work,
        })
    }

    /// For whom records are made.
    #[must_use]
    pub fn id(&self) -> ServerId {
        self.id
    }

    /// The TCP address that it listens on.
    #[must_use]
    pub fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
    }

    /// The operator's TCP address.
    #[must_use]
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Stops: when this returns, all that was accepted lasts, and nothing runs.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        // A door of arti's ends with its streams: they get their last bytes first.
        self.server.close().await;
        self.admin_server.close().await;
        while self.doors.join_next().await.is_some() {}
        self.last.cancel();
        while self.work.join_next().await.is_some() {}
        self.store.close().await;
    }
}

/// What the parts are made from.
struct Core<'a> {
    config: &'a Config,
    clock: Clock,
    stopping: &'a CancellationToken,
    last: &'a CancellationToken,
}

impl Core<'_> {
    /// Opens the database, fills the board, and starts those who write and publish.
    async fn open(
        self,
        id: ServerId,
        onion: Option<Reachable>,
        work: &mut JoinSet<()>,
    ) -> Result<(App, Admin), RunError> {
        let (config, limits) = (self.config, &self.config.limits);
        let doorkeeper = config.doorkeeper()?;
        let store = Store::open(&config.place()?).await?;
        let metrics = Arc::new(Metrics::default());
        let generation = store.generation().await?;
        let board = Arc::new(Board::new(generation, 0, limits.changes, limits.bucket_records));
        let (keeper, mut keeping) = Keeper::new(
            Keeping {
                store: store.clone(),
                board: Arc::clone(&board),
                clock: self.clock.clone(),
                most: limits.records,
                times: limits.times(),
                metrics: Arc::clone(&metrics),
            },
            limits.queue,
        );

        keeping.load().await?;
        tracing::info!(records = board.live(), "the board is filled");
        work.spawn(keeping.run(self.last.clone()));
        let (batches, feed) = watch::channel(Arc::default());
        work.spawn(feed::publish(
            Arc::clone(&board),
            self.clock.clone(),
            batches,
            self.stopping.clone(),
        ));
        let app = App {
            server: id,
            board: Arc::clone(&board),
            keeper,
            store: store.clone(),
            doorkeeper,
            prices: config.work,
            handles: config.handles,
            notice: config.notice.clone(),
            limits: limits.clone(),
            clock: self.clock,
            metrics: Arc::clone(&metrics),
            feed,
            stopping: self.stopping.clone(),
        };

        Ok((app, Admin { board, store, metrics, onion }))
    }
}

fn onion_options(config: &Config, seed: OnionSeed) -> OnionOptions {
    OnionOptions { dir: config.data_dir.join("tor"), tor: config.tor.clone(), seed }
}

fn admin_server(config: &Config, router: Router, stopping: &CancellationToken) -> Server {
    let limits =
        ConnectionLimits { connections: ADMIN_CONNECTIONS, ..config.limits.of_connections() };
    Server::new(router, limits, Arc::new(()), stopping.clone())
}

/// Sockets, open before anything else is done.
struct Listeners {
    tcp: Option<TcpListener>,
    unix: Option<UnixListener>,
}

impl Listeners {
    async fn bind(listen: &Listen) -> Result<Self, RunError> {
        let tcp = match listen.tcp {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(|source| RunError::Listen { place: address.to_string(), source })?,
            ),
            None => None,
        };
        let unix = listen.unix.as_deref().map(bind_unix).transpose()?;
        Ok(Self { tcp, unix })
    }

    fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }

    fn open(self, server: &Server, doors: &mut JoinSet<()>) {
        let (tcp, unix) = (server.clone(), server.clone());
        if let Some(listener) = self.tcp {
            doors.spawn(report(async move { tcp.accept(listener).await }));
        }
        if let Some(listener) = self.unix {
            doors.spawn(report(async move { unix.accept(listener).await }));
        }
    }
}

async fn report(door: impl Future<Output = io::Result<()>>) {
    if let Err(error) = door.await {
        tracing::error!(%error, "a listener is broken");
    }
}

/// A socket that only this user's group can use; one that a dead server left is replaced.
fn bind_unix(path: &Path) -> Result<UnixListener, RunError> {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
    let wrong = |source| RunError::Listen { place: path.display().to_string(), source };
    let left = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if left && std::os::unix::net::UnixStream::connect(path).is_err() {
        std::fs::remove_file(path).map_err(wrong)?;
    }
    let listener = UnixListener::bind(path).map_err(wrong)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(wrong)?;
    Ok(listener)
}

fn make_private(dir: &Path) -> Result<(), RunError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| RunError::Directory { dir: dir.to_owned(), source })
}
