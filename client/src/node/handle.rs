//! The handle by which callers use the running node. An operation that changes something is a call:
//! the node runs it in one transaction, and its code is in the file of its domain. Reads (`query`)
//! do not go through the node.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::{mpsc, oneshot, watch};

use super::call::Call;
use super::core::Core;
use super::cx::Cx;
use super::effect::Completion;
use super::presence::supervise::ServerRoutes;
use super::view::View;
use crate::api::types::{ErrorCode, NewPreference, PassphraseChange, Preference};
use crate::clock::Clock;
use crate::error::{NodeError, internal, refuse};
use crate::limits::{MAX_PREFERENCE, MAX_PREFERENCE_KEY, MAX_PREFERENCES};
use crate::profile::backup::{Backup, make_backup};
use crate::profile::{self, Passphrase, ProfileError};
use crate::store::preferences::{self, BRIDGES};
use crate::store::{Store, StoreError};
use crate::transport::tor::check_bridges;

/// A cloneable way to use the running node.
///
/// A future that is dropped before its end leaves its operation done or undone, never half-done.
#[derive(Clone)]
pub struct NodeHandle {
    pub(crate) calls: mpsc::Sender<Box<dyn Call>>,
    pub(crate) newest: watch::Receiver<i64>,
    pub(crate) directory: PathBuf,
    pub(crate) store: Store,
    pub(crate) view: Arc<View>,
    pub(crate) clock: Clock,
    pub(crate) routes: ServerRoutes,
    /// In the simulated world: reads are part of its one thread.
    #[cfg(test)]
    pub(crate) at_once: bool,
}

/// The work of a call, and who waits for it.
struct Operation<T, W> {
    work: W,
    answer: oneshot::Sender<Result<T, NodeError>>,
}

impl<T, W> Call for Operation<T, W>
where
    T: Send + 'static,
    W: for<'a> FnOnce(&'a mut Core, &'a mut Cx) -> BoxFuture<'a, Result<T, NodeError>>
        + Send
        + 'static,
{
    fn run<'a>(
        self: Box<Self>,
        core: &'a mut Core,
        cx: &'a mut Cx,
    ) -> BoxFuture<'a, Result<Completion, NodeError>> {
        async move {
            let Self { work, answer } = *self;
            // A caller that went away does not need its answer.
            match work(core, cx).await {
                Ok(value) => Ok(Completion::new(move |committed| {
                    let _ = answer.send(committed.map(|()| value));
                })),
                Err(error) => {
                    let _ = answer.send(Err(error.clone()));
                    Err(error)
                }
            }
        }
        .boxed()
    }

    fn fail(self: Box<Self>, error: NodeError) {
        let _ = self.answer.send(Err(error));
    }
}

impl NodeHandle {
    /// Has the node do something, in one transaction. When this returns, it is stored, and what
    /// follows from it is under way.
    pub(crate) async fn call<T: Send + 'static>(
        &self,
        work: impl for<'a> FnOnce(&'a mut Core, &'a mut Cx) -> BoxFuture<'a, Result<T, NodeError>>
        + Send
        + 'static,
    ) -> Result<T, NodeError> {
        let stopping = || NodeError::new(ErrorCode::Stopping, "the node is stopping");
        let (answer, answered) = oneshot::channel();
        self.calls.send(Box::new(Operation { work, answer })).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    pub(crate) async fn read<T>(&self, read: impl Future<Output = T> + Send) -> T {
        #[cfg(test)]
        if self.at_once {
            return super::lockstep::at_once(read);
        }
        read.await
    }

    /// Whether it takes no more calls.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.calls.is_closed()
    }

    /// Changes whenever there is a newer event; its value is the newest one's number.
    #[must_use]
    pub fn newest_event(&self) -> watch::Receiver<i64> {
        self.newest.clone()
    }

    /// What front-ends keep in the profile.
    pub async fn preferences(&self) -> Result<Vec<Preference>, NodeError> {
        self.read(async {
            let mut tx = self.store.begin().await?;
            Ok(preferences::all(&mut tx)
                .await?
                .into_iter()
                .map(|(key, text)| Preference { key, text })
                .collect())
        })
        .await
    }

    /// Keeps a preference of a front-end; an empty one is removed.
    pub async fn put_preference(&self, key: &str, new: NewPreference) -> Result<(), NodeError> {
        check_preference(key, &new.text)?;
        let key = key.to_owned();
        self.call(move |_, cx| put_preference(cx, key, new.text).boxed()).await
    }

    /// Replaces the passphrase. The node goes on meanwhile.
    pub async fn change_passphrase(&self, change: PassphraseChange) -> Result<(), NodeError> {
        let directory = self.directory.clone();
        let changed =
            tokio::task::spawn_blocking(move || change_passphrase(&directory, change)).await;
        match changed.map_err(|error| internal(&error))? {
            Ok(()) => Ok(()),
            Err(ProfileError::WrongPassphrase) => Err(NodeError::new(
                ErrorCode::WrongPassphrase,
                "the old passphrase is wrong: nothing was changed",
            )),
            Err(error @ ProfileError::EmptyPassphrase) => {
                Err(NodeError::new(ErrorCode::WrongPassphrase, error.to_string()))
            }
            Err(ProfileError::Io(error)) if error.kind() == ErrorKind::StorageFull => {
                Err(StoreError::Full.into())
            }
            Err(ProfileError::Io(error)) if error.kind() == ErrorKind::ReadOnlyFilesystem => {
                Err(StoreError::ReadOnly.into())
            }
            Err(error) => Err(internal(&error)),
        }
    }

    /// Makes a backup, which opens with this passphrase alone. The node goes on meanwhile.
    pub async fn backup(&self, passphrase: Passphrase) -> Result<Backup, NodeError> {
        let (store, directory) = (self.store.clone(), self.directory.clone());
        // On its own, so that it is whole or gone, whoever waits for it.
        let making =
            tokio::spawn(async move { make_backup(&store, &directory, &passphrase).await });
        match making.await.map_err(|error| internal(&error))? {
            Err(error @ ProfileError::EmptyPassphrase) => {
                Err(NodeError::new(ErrorCode::WrongPassphrase, error.to_string()))
            }
            Err(ProfileError::Store(error)) => Err(error.into()),
            made => made.map_err(|error| internal(&error)),
        }
    }

    /// Destroys the profile's key, then ends the node. When this returns, the profile is lost.
    pub async fn wipe(&self) -> Result<(), NodeError> {
        let (node, directory) = (self.clone(), self.directory.clone());
        // On its own, so that it is done or not, whoever waits for it.
        let wiping = tokio::spawn(async move {
            let destroyed =
                tokio::task::spawn_blocking(move || profile::destroy_key(&directory)).await;
            destroyed.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
            node.call(|core, _| {
                core.wiped = true;
                std::future::ready(Ok(())).boxed()
            })
            .await
        });
        wiping.await.map_err(|error| internal(&error))?
    }
}

#[cfg(test)]
impl NodeHandle {
    /// A node that never answers: its calls wait until the second value is dropped.
    pub(crate) fn unanswered(store: Store, directory: PathBuf) -> (Self, impl Send + use<>) {
        let (calls, queue) = mpsc::channel(super::input::CALL_QUEUE);
        let (never, newest) = watch::channel(0);
        let network = crate::transport::memory::MemoryNetwork::default();
        let handle = Self {
            calls,
            newest,
            directory,
            store,
            view: Arc::new(View::new(Clock::system().now())),
            clock: Clock::system(),
            routes: ServerRoutes::new(Arc::new(network.transport(mpsc::channel(1).0))),
            at_once: false,
        };
        (handle, (queue, never))
    }
}

async fn put_preference(cx: &mut Cx, key: String, text: String) -> Result<(), NodeError> {
    if text.is_empty() {
        return Ok(preferences::remove(&mut cx.tx, &key).await?);
    }
    let is_new = preferences::get(&mut cx.tx, &key).await?.is_none();
    if is_new && preferences::count(&mut cx.tx).await? >= MAX_PREFERENCES {
        return refuse(
            ErrorCode::OutOfRange,
            format!("there are {MAX_PREFERENCES} preferences: remove one first"),
        );
    }
    Ok(preferences::put(&mut cx.tx, &key, &text).await?)
}

fn check_preference(key: &str, text: &str) -> Result<(), NodeError> {
    let fine =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'_' | b'-');
    if key.is_empty() || key.len() > MAX_PREFERENCE_KEY || !key.bytes().all(fine) {
        let why = format!(
            "a preference's key is 1 to {MAX_PREFERENCE_KEY} of a to z, 0 to 9, `.`, `_` and `-`"
        );
        return Err(NodeError::new(ErrorCode::OutOfRange, why));
    }

    if key == BRIDGES {
        check_bridges(text).map_err(|why| NodeError::new(ErrorCode::InvalidText, why))?;
    }

    if text.len() > MAX_PREFERENCE {
        return Err(NodeError::new(
            ErrorCode::InvalidText,
            format!("a preference has at most {MAX_PREFERENCE} bytes"),
        ));
    }

    Ok(())
}

fn change_passphrase(directory: &Path, change: PassphraseChange) -> Result<(), ProfileError> {
    profile::rewrap(directory, &Passphrase::new(change.old), &Passphrase::new(change.new))
}
