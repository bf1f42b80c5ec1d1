//! The errors that the page gets: a code for the page, a sentence for a person.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::interface::StartError;
use crate::profile::BackupError;
use crate::profile::ProfileError;
use crate::store::StoreError;

#[derive(Debug, Serialize)]
pub(super) struct PageError {
    #[serde(skip)]
    status: StatusCode,
    pub(super) code: &'static str,
    detail: String,
}

impl PageError {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    pub(super) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "the web interface could not do something");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "something is wrong: the log says what",
        )
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "application/problem+json")], Json(self)).into_response()
    }
}

impl From<ProfileError> for PageError {
    fn from(error: ProfileError) -> Self {
        use StatusCode as S;

        let (status, code) = match &error {
            ProfileError::Exists(_) => (S::CONFLICT, "profile_exists"),
            ProfileError::Missing(_) => (S::CONFLICT, "no_profile"),
            ProfileError::InUse => (S::CONFLICT, "profile_in_use"),
            ProfileError::WrongPassphrase => (S::FORBIDDEN, "wrong_passphrase"),
            ProfileError::EmptyPassphrase => (S::UNPROCESSABLE_ENTITY, "no_passphrase"),
            ProfileError::Damaged(_) => (S::INTERNAL_SERVER_ERROR, "profile_damaged"),
            ProfileError::Backup(BackupError::Damaged(_)) => {
                (S::UNPROCESSABLE_ENTITY, "backup_damaged")
            }
            ProfileError::Backup(BackupError::Version) => {
                (S::UNPROCESSABLE_ENTITY, "unsupported_backup")
            }
            ProfileError::Store(StoreError::Full) => (S::INSUFFICIENT_STORAGE, "disk_full"),
            ProfileError::Store(StoreError::ReadOnly) => {
                (S::INSUFFICIENT_STORAGE, "disk_read_only")
            }
            ProfileError::Store(_) | ProfileError::Io(_) => return Self::internal(&error),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<StartError> for PageError {
    fn from(error: StartError) -> Self {
        tracing::error!(%error, "the node did not start");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.code, error.detail)
    }
}
