//! Why a conversation cannot do something, and why a value of openmls cannot be stored or read.

/// Why a value cannot be stored or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StorageError {
    #[error("the value is damaged: {0}")]
    Read(#[from] minicbor::decode::Error),
    #[error("the value cannot be written: {0}")]
    Write(#[from] minicbor::encode::Error<std::convert::Infallible>),
    #[error("{0}")]
    Type(String),
    #[error("the value is not of its type: {0}")]
    Json(#[from] serde_json::Error),
    #[error("the value {0} is missing")]
    Missing(String),
    /// Chive's groups do without some of what openmls can store.
    #[error("{0} are not stored")]
    Unused(&'static str),
}

impl serde::ser::Error for StorageError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self::Type(text.to_string())
    }
}

impl serde::de::Error for StorageError {
    fn custom<T: std::fmt::Display>(text: T) -> Self {
        Self::Type(text.to_string())
    }
}

/// Why something does not open, or cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum MlsError {
    /// Of a later epoch: keep it, and try again after the commit.
    #[error("the message is of a later epoch")]
    LaterEpoch,
    /// A commit that was merged before: acknowledge it again.
    #[error("the commit of epoch {0} was merged before")]
    StaleCommit(u64),
    /// A commit by the member whose turn it is not, or anything but a plain update.
    #[error("a commit that breaks the rules")]
    IllegalCommit,
    /// Of another group: of a conversation that has restarted since, on one of the two sides.
    #[error("the message is of another conversation")]
    OtherGroup,
    /// Opened before, too old, or damaged.
    #[error("cannot be opened: {0}")]
    Unreadable(String),
    /// The stored state is damaged.
    #[error("the stored state is damaged: {0}")]
    State(String),
}

pub(crate) fn unreadable(error: impl std::fmt::Display) -> MlsError {
    MlsError::Unreadable(error.to_string())
}

pub(crate) fn state(error: impl std::fmt::Display) -> MlsError {
    MlsError::State(error.to_string())
}
