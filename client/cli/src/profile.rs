//! Checks that a profile exists, for commands that cannot work without one. Only lists the
//! directory.

use std::io;
use std::path::Path;

use chive::profile::ProfileError;

use crate::exit::{CliError, CliResult};

/// Without a profile there is no node to start: that comes first.
pub(crate) fn must_exist(profile: &Path) -> CliResult {
    let empty = match std::fs::read_dir(profile) {
        Ok(mut entries) => entries.next().is_none(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => true,
        Err(e) => {
            return Err(CliError::io(
                &format!("cannot open the profile {}", profile.display()),
                &e,
            ));
        }
    };
    if empty { Err(ProfileError::Missing(profile.to_owned()).into()) } else { Ok(()) }
}
