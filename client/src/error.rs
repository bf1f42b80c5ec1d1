//! The error of a refused command: a code for programs, a sentence for people.

use crate::api::types::ErrorCode;
use crate::store::StoreError;

/// A refused command: a stable code for programs, a sentence for people that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct NodeError {
    /// Tells a program what is wrong; it never changes its meaning.
    pub code: ErrorCode,
    /// Tells a person what is wrong, and what to do next.
    pub detail: String,
}

impl NodeError {
    /// A refusal with its reason.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

/// A fault of the node itself: the cause goes to the log, not to the caller.
pub(crate) fn internal(error: &dyn std::fmt::Display) -> NodeError {
    tracing::error!(%error, "a command failed");
    NodeError::new(ErrorCode::Internal, "the node could not do this: its log has the cause")
}

impl From<StoreError> for NodeError {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for NodeError {
    fn from(error: &StoreError) -> Self {
        let code = match error {
            StoreError::Full => ErrorCode::DiskFull,
            StoreError::ReadOnly => ErrorCode::DiskReadOnly,
            StoreError::Damaged { .. } => ErrorCode::ProfileDamaged,
            StoreError::Closed => return Self::new(ErrorCode::Stopping, "the node is stopping"),
            _ => return internal(error),
        };
        tracing::error!(%error, "an operation failed");
        Self::new(code, error.to_string())
    }
}

/// Refuses an operation, with the code and the sentence of an error.
pub(crate) fn refuse<T>(code: ErrorCode, detail: impl Into<String>) -> Result<T, NodeError> {
    Err(NodeError::new(code, detail))
}
