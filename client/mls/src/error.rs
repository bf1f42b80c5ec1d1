//! Why a value of openmls cannot be stored or read.

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
