//! STUB, to be replaced: the running node. It has the signatures that the command line calls.
#![allow(clippy::unused_async, unused_variables, missing_docs)]

use crate::api::types::Status;
use crate::profile::Profile;

/// How to run.
pub struct RunOptions {
    /// arti's configuration.
    pub tor: Option<toml::Table>,
}

#[derive(Debug, thiserror::Error)]
#[error("the node cannot run: {0}")]
pub struct RunError(pub String);

pub async fn run(
    profile: Profile,
    options: RunOptions,
    notify: impl Fn(&Status) + Send + Sync + 'static,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), RunError> {
    Err(RunError("not built yet".to_owned()))
}
