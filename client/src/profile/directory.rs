//! Creates a profile directory, which appears whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};

use super::error::ProfileError;
use super::passphrase::Passphrase;

/// Makes a directory with what `fill` puts into it. It appears whole, or not at all.
pub(super) async fn make<T>(
    directory: &Path,
    passphrase: &Passphrase,
    fill: impl AsyncFnOnce(&Path, &mut StdRng) -> Result<T, ProfileError>,
) -> Result<T, ProfileError> {
    if passphrase.is_empty() {
        return Err(ProfileError::EmptyPassphrase);
    }

    if directory.exists() && fs::read_dir(directory)?.next().is_some() {
        return Err(ProfileError::Exists(directory.to_owned()));
    }

    let mut rng = StdRng::from_os_rng();
    let parent = directory
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));

    DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    let unfinished = parent.join(format!(".chive-{:016x}", rng.next_u64()));
    DirBuilder::new().mode(0o700).create(&unfinished)?;
    let made = fill(&unfinished, &mut rng).await;
    let made = made.and_then(|made| {
        fs::rename(&unfinished, directory).map(|()| made).map_err(ProfileError::Io)
    });
    if made.is_err() {
        let _ = fs::remove_dir_all(&unfinished);
    }

    let made = made?;
    File::open(parent)?.sync_all()?;

    Ok(made)
}
