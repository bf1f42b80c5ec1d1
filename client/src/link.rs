//! Links: a Noise session between two devices that have proved who they are. A link carries
//! frames; it knows nothing of messages.

pub mod handshake;
pub mod preface;
pub mod record;
pub mod session;

/// Why a link is not, or no more.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The stream broke or ended.
    #[error("the stream ended")]
    Stream(#[from] std::io::Error),
    /// The other side did not do its part in time.
    #[error("no answer in time")]
    TimedOut,
    /// The handshake is not for us, or not by whom it says.
    #[error("the handshake failed")]
    Handshake,
    /// The handshake was valid, but with other keys than the peer id says.
    #[error("the peer has other keys than expected")]
    WrongPeer,
    /// A record of an impossible size, or one that does not open.
    #[error("a damaged record")]
    Record,
    /// A frame that is not one.
    #[error("a malformed frame: {0}")]
    Frame(#[from] crate::wire::WireError),
    /// A frame that has no place here.
    #[error("an unexpected frame")]
    Unexpected,
}

impl From<snow::Error> for LinkError {
    fn from(_: snow::Error) -> Self {
        Self::Handshake
    }
}

impl From<tokio::time::error::Elapsed> for LinkError {
    fn from(_: tokio::time::error::Elapsed) -> Self {
        Self::TimedOut
    }
}
