//! A whole client: starts the profile, Tor, the node and the local API in their order, and stops
//! them.

use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::server;
use crate::api::types::Status;
use crate::clock::Clock;
use crate::node::{
    self, Ending, INCOMING_QUEUE, KeyUpdates, Links, NodeHandle, Parts, Running, SharedTransport,
};
use crate::profile::{self, Profile, ProfileError};
use crate::store::StoreError;
use crate::store::preferences::{self, BRIDGES};
use crate::transport::Incoming;
use crate::transport::tor::{TorOptions, TorStartError, TorTransport, with_bridges};
use crate::web::{StartError, Web};

/// What a person chose for this run.
pub struct RunOptions {
    /// Settings in arti's own configuration format.
    pub tor: Option<toml::Table>,
    /// Which contacts are dialled without a message that waits.
    pub links: Links,
}

/// Why a client cannot run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Tor's settings or files cannot be used.
    #[error("Tor cannot start: {0}")]
    Tor(#[from] TorStartError),
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The profile could not be destroyed.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The local API cannot listen, or stopped listening.
    #[error("the local API cannot be reached: {0}")]
    Api(#[from] std::io::Error),
    /// The node ended by a fault of its own.
    #[error("the node ended unexpectedly")]
    Crashed,
}

impl From<RunError> for StartError {
    fn from(error: RunError) -> Self {
        let code = if matches!(error, RunError::Tor(_)) { "tor" } else { "not_started" };
        Self { code, detail: error.to_string() }
    }
}

/// Runs until `shutdown`, or until the profile is wiped. `notify` hears of the status at once and
/// whenever it changes. The web interface is served once somebody asks for it.
pub async fn run(
    profile: Profile,
    options: RunOptions,
    notify: impl Fn(&Status) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let web = Web::beside(&profile.directory);
    let ended = run_tor(profile, options, &web, notify, shutdown).await;
    web.close().await;
    ended
}

/// The same with a web interface that outlives the node.
pub async fn run_tor(
    profile: Profile,
    options: RunOptions,
    web: &Web,
    notify: impl Fn(&Status) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let mut tx = profile.store.begin().await?;
    let bridges = preferences::get(&mut tx, BRIDGES).await?.unwrap_or_default();
    drop(tx);
    let tor = TorOptions {
        state_dir: profile.tor_directory().join("state"),
        cache_dir: profile.tor_directory().join("cache"),
        overrides: with_bridges(options.tor, &bridges),
    };
    let links = options.links;
    let connect = |accepted| Ok(Arc::new(TorTransport::start(tor, accepted)?) as SharedTransport);
    run_with(profile, links, connect, web, notify, shutdown).await
}

/// As [`run`], over any transport: `connect` starts it with the channel for accepted streams.
pub async fn run_over(
    profile: Profile,
    links: Links,
    connect: impl FnOnce(mpsc::Sender<Incoming>) -> Result<SharedTransport, RunError> + Send,
    notify: impl Fn(&Status) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let web = Web::beside(&profile.directory);
    let ended = run_with(profile, links, connect, &web, notify, shutdown).await;
    web.close().await;
    ended
}

/// As [`run_over`], with a web interface that outlives the node.
pub async fn run_with(
    profile: Profile,
    links: Links,
    connect: impl FnOnce(mpsc::Sender<Incoming>) -> Result<SharedTransport, RunError> + Send,
    web: &Web,
    notify: impl Fn(&Status) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    let listener = server::bind(&profile.socket())?;
    let (accepted, incoming) = mpsc::channel(INCOMING_QUEUE);
    let transport = connect(accepted)?;
    let parts = Parts {
        store: profile.store.clone(),
        transport,
        incoming,
        directory: profile.directory.clone(),
        clock: Clock::system(),
        rng: StdRng::from_os_rng(),
        key_updates: KeyUpdates::default(),
        links,
    };
    let Running { handle, stop, mut ended } = node::start(parts).await?;
    let api_stop = CancellationToken::new();
    let until = api_stop.clone().cancelled_owned();
    let mut api =
        tokio::spawn(server::serve_with(listener, handle.clone(), Some(web.opener()), until));

    web.show(handle.clone(), &api_stop);
    let telling = tokio::spawn(tell(handle, notify));
    let (ending, served) = tokio::select! {
        () = shutdown => (None, None),
        ending = &mut ended => (Some(ending), None),
        served = &mut api => (None, Some(served)),
    };

    // The API first: nothing is accepted that the node would not finish.
    api_stop.cancel();
    let is_wiped = matches!(ending, Some(Ok(Ending::Wiped)));
    if !is_wiped {
        web.hide();
    }

    let served = match served {
        Some(served) => served,
        None => api.await,
    };
    stop.cancel();
    let ending = match ending {
        Some(ending) => ending,
        None => ended.await,
    };

    telling.abort();
    let _ = std::fs::remove_file(profile.socket());
    match ending {
        Ok(Ending::Wiped) => {
            let destroyed = profile::destroy(&profile.directory);
            // Only now: what is closed and still there would be called locked.
            web.hide();
            Ok(destroyed?)
        }
        Ok(Ending::Stopped) => Ok(served.map_err(|_| RunError::Crashed)??),
        Ok(Ending::StoreClosed) | Err(_) => Err(RunError::Crashed),
    }
}

async fn tell(node: NodeHandle, notify: impl Fn(&Status)) {
    let mut newest = node.newest_event();
    let mut last = None;
    while let Ok(status) = node.status().await {
        // The number of the newest event changes with every message: that alone is no news.
        let now = Status { last_event: 0, ..status.clone() };
        if last.as_ref() != Some(&now) {
            notify(&status);
            last = Some(now);
        }
        if newest.changed().await.is_err() {
            return;
        }
    }
}
