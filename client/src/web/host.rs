//! Creates, opens, restores and locks the profile for the page. A locked profile has no node,
//! unless the node was started without the page: then it goes on running, and the page may not use
//! it.

use std::path::Path;
use std::{fs, io};

use axum::http::StatusCode;
use tempfile::NamedTempFile;
use tokio_util::sync::CancellationToken;

use super::interface::{Stage, Start, StartedNode, Web};
use super::page_error::PageError;
use crate::profile::{self, Passphrase, backup};
use crate::text;

impl Web {
    /// One word for the page.
    pub(super) fn state(&self) -> &'static str {
        match &*self.0.stage.borrow() {
            // As one that is wiped, which takes a while.
            Stage::Open { node, .. } if node.node.is_stopping() => "starting",
            Stage::Open { .. } => "ready",
            Stage::Starting => "starting",
            Stage::Closed if !profile::exists(&self.0.directory) => "no_profile",
            Stage::Closed | Stage::Sealed(_) => "locked",
        }
    }

    /// Makes a profile, and opens it.
    pub(super) async fn create(
        &self,
        name: &str,
        passphrase: &Passphrase,
    ) -> Result<(), PageError> {
        self.must_be_host()?;
        let name = text::check_name(name)
            .map_err(|why| PageError::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_name", why))?;
        profile::create(&self.0.directory, &name, passphrase).await?;
        self.unlock(passphrase).await
    }

    /// Makes a profile of a backup, and opens it.
    pub(super) async fn restore(
        &self,
        file: &Path,
        passphrase: &Passphrase,
    ) -> Result<(), PageError> {
        self.must_be_host()?;
        backup::restore(file, passphrase, &self.0.directory).await?;
        self.unlock(passphrase).await
    }

    /// Opens the profile: when this returns, the page may ask its node.
    pub(super) async fn unlock(&self, passphrase: &Passphrase) -> Result<(), PageError> {
        let mut running = self.0.running.lock().await;
        let stage = self.0.stage.borrow().clone();
        match stage {
            Stage::Open { .. } => Ok(()),
            Stage::Sealed(shown) => {
                profile::check_passphrase(&self.0.directory, passphrase).await?;
                self.show(shown.node, &shown.until);
                Ok(())
            }
            Stage::Closed => {
                if let Some(before) = running.take() {
                    // It has said so; now its files are free, too.
                    let _ = before.task.await;
                }
                *running = Some(self.start(passphrase).await?);
                self.until_open(&mut running).await
            }
            // Who asked for it went away before it had started.
            Stage::Starting => {
                profile::check_passphrase(&self.0.directory, passphrase).await?;
                self.until_open(&mut running).await
            }
        }
    }

    async fn start(&self, passphrase: &Passphrase) -> Result<StartedNode, PageError> {
        let start = self.must_be_host()?;
        let profile = profile::open(&self.0.directory, passphrase).await?;
        self.0.stage.send_replace(Stage::Starting);
        let stop = CancellationToken::new();
        let task = tokio::spawn(start(profile, self.clone(), stop.clone()));
        Ok(StartedNode { stop, task })
    }

    async fn until_open(&self, running: &mut Option<StartedNode>) -> Result<(), PageError> {
        let mut stage = self.0.stage.subscribe();
        let ended = match running {
            Some(StartedNode { task, .. }) => tokio::select! {
                _ = stage.wait_for(|stage| matches!(stage, Stage::Open { .. })) => return Ok(()),
                ended = task => ended,
            },
            None => Ok(Ok(())),
        };
        *running = None;
        self.hide();
        match ended {
            Ok(Err(error)) => Err(error.into()),
            _ => Err(PageError::internal(&"the node ended at once")),
        }
    }

    fn must_be_host(&self) -> Result<&Start, PageError> {
        self.0.start.as_ref().ok_or_else(|| {
            PageError::new(
                StatusCode::CONFLICT,
                "not_host",
                "the node was started without the page: use the commands",
            )
        })
    }

    /// A new file beside the profile, for a backup that is being uploaded: of a name that nobody
    /// can guess, so that no link can wait there, and removed when it is dropped.
    pub(super) fn new_upload(&self) -> io::Result<NamedTempFile> {
        let parent = self.0.directory.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        fs::create_dir_all(parent)?;
        tempfile::Builder::new().prefix(".chive-restore-").tempfile_in(parent)
    }
}
