//! Creates the Unix socket so that only its owner can ever connect, and replaces one that nobody
//! listens at.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// Listens at a path, with mode 0600 from the first moment that anybody else can reach it.
///
/// The socket is made in a fresh directory of mode 0700 beside the path, closed to others, and then
/// moved to the path. A socket that nobody listens at any more is replaced. Must be called within a
/// Tokio runtime, by at most one process for one path at a time: the profile's lock sees to that.
///
/// # Errors
///
/// `AddrInUse` when somebody listens there, `AlreadyExists` when something else than a socket is
/// there, and what the file system says otherwise.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    ensure_free(path)?;
    let workshop = ScratchDir::make(path)?;
    let made = workshop.0.join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, Permissions::from_mode(0o600))?;
    fs::rename(&made, path)?;
    Ok(listener)
}

fn ensure_free(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(there) if !there.file_type().is_socket() => Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "something else than a socket is in its place",
        )),
        Ok(_) => ensure_stale(path),
    }
}

fn ensure_stale(path: &Path) -> io::Result<()> {
    match UnixStream::connect(path) {
        Ok(_) => {
            Err(io::Error::new(io::ErrorKind::AddrInUse, "another node listens there already"))
        }
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
            ) =>
        {
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// A directory that only its owner can enter, gone when it is dropped.
struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Its name is short, because a socket's path has about a hundred bytes only.
    fn make(beside: &Path) -> io::Result<Self> {
        let path = beside.with_file_name(format!(".{}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_dir_all(&path)?;
                DirBuilder::new().mode(0o700).create(&path)?;
            }
            made => made?,
        }
        Ok(Self(path))
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, "a temporary directory beside the socket stays behind");
        }
    }
}
