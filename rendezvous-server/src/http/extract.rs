//! How requests are read: thin wrappers of axum's extractors, so that a request that cannot be read
//! gets a problem like every other error.

use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use chive_shared::limits::WORK;
use chive_shared::proof_of_work::Proof;
use data_encoding::HEXLOWER;

use super::api_error::ApiError;

chive_http::extractors!(ApiError);

/// The body as bytes, up to the body limit.
pub(super) struct BinaryBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for BinaryBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}

/// The one parameter of a path: 32 bytes as 64 lower-case hex digits.
pub(super) struct HexPath(pub(super) [u8; 32]);

impl<S: Send + Sync> FromRequestParts<S> for HexPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await?;
        match HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(ApiError::malformed(
                StatusCode::BAD_REQUEST,
                "The path ends with 64 lower-case hex digits.".into(),
            )),
        }
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self::malformed(rejection.status(), rejection.body_text())
    }
}

/// Splits a submission into the bytes that are put, and the proof of work behind them.
pub(super) fn split_proof(submission: &[u8]) -> Option<(&[u8], Proof)> {
    let at = submission.len().checked_sub(WORK)?;
    let (subject, proof) = submission.split_at(at);
    Some((subject, Proof(u64::from_be_bytes(proof.try_into().ok()?))))
}
