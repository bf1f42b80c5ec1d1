//! What the node tells the person it works for when a command cannot be done.

use crate::api::types::ErrorCode;

/// A refused command: a stable code for programs, a sentence for people that says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    /// For programs.
    pub code: ErrorCode,
    /// For people.
    pub detail: String,
}

impl Fault {
    /// A refusal with its reason.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
