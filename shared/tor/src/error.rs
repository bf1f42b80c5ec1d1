//! Why Tor does not start, and why a service is not launched. No error names an address.

use std::io;
use std::path::PathBuf;

use arti_client::ErrorKind;

/// Why Tor did not start.
#[derive(Debug, thiserror::Error)]
pub enum TorStartError {
    /// A directory could not be created or made private.
    #[error("cannot use the directory {}: {source}", dir.display())]
    #[allow(missing_docs, reason = "the fields are what their names say")]
    Directory { dir: PathBuf, source: io::Error },
    /// The settings are wrong; the text is a sentence for the person who wrote them.
    #[error("Tor's settings are wrong: {0}")]
    Configuration(String),
    /// Started outside of a multi-threaded tokio runtime.
    #[error("Tor needs a multi-threaded tokio runtime")]
    NoRuntime,
    /// arti did not start, for instance because another process holds its state directory.
    #[error("Tor did not start: {0}")]
    Arti(ErrorKind),
}

/// Why an onion service was not launched.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// arti knows why, but its message may name the service.
    #[error("arti refused: {0:?}")]
    Refused(ErrorKind),
    /// A fault of this crate: it made a nickname or a configuration that arti does not take.
    #[error("the nickname or the configuration is invalid")]
    Configuration,
    /// arti launched it under another key, so no client would find it.
    #[error("it has another address than its key says")]
    WrongAddress,
}
