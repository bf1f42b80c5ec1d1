//! The network's directory on disk, removed when the network ends unless it is to be kept.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tracing::warn;

/// A directory that is removed on drop, unless it is to be kept.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    keep: bool,
}

impl Directory {
    /// Uses `wanted`, which must be missing or empty, or makes a temporary directory.
    pub(super) fn create(wanted: Option<PathBuf>, keep: bool) -> Result<Self> {
        let path = match wanted {
            Some(path) => {
                create_private(&path)?;
                ensure!(is_empty(&path)?, "{} is not empty", path.display());
                std::path::absolute(path)?
            }
            None => tempfile::Builder::new().prefix("tornet").tempdir()?.keep(),
        };
        Ok(Self { path, keep })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Creates a subdirectory that only this user can enter.
    pub(super) fn subdirectory(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        create_private(&path)?;
        Ok(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        if let Err(error) = fs::remove_dir_all(&self.path) {
            warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Creates a directory with mode 0700, which tor and arti insist on.
pub(super) fn create_private(path: &Path) -> Result<()> {
    let created = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    created.with_context(|| format!("cannot create {}", path.display()))
}

fn is_empty(path: &Path) -> io::Result<bool> {
    Ok(fs::read_dir(path)?.next().is_none())
}
