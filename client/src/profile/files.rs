//! The names of the files in a profile's directory, and the removal of an interrupted backup.

use std::fs;
use std::io;
use std::path::Path;

/// The local API's socket, in the profile's directory.
pub const SOCKET: &str = "api.sock";

pub(super) const KEY_FILE: &str = "key";

pub(super) const STORE: &str = "chive.db";

pub(super) const LOCK: &str = "lock";

pub(super) const TOR: &str = "tor";

/// What is not there need not be removed.
pub(super) fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The database while it is made, in the profile's directory.
pub(super) const UNFINISHED: &str = "backup.new";

/// Removes what an interrupted backup may have left. Its key is nowhere any more.
pub(super) fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        gone(fs::remove_file(directory.join(format!("{UNFINISHED}{end}"))))?;
    }
    Ok(())
}
