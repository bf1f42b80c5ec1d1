//! How requests are read. What cannot be read becomes a problem, like every other error.

use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use chive_shared::limits::WORK;
use chive_shared::proof_of_work::Proof;
use data_encoding::HEXLOWER;
use serde::de::DeserializeOwned;

use super::problem::Refusal;

/// A binary body.
pub(super) struct Body(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        Ok(Self(Bytes::from_request(request, state).await?))
    }
}

/// The one parameter of a path: 32 bytes as 64 lower-case hex digits.
pub(super) struct Segment(pub(super) [u8; 32]);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await?;
        match HEXLOWER.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Self(bytes)),
            None => Err(Refusal::malformed(
                StatusCode::BAD_REQUEST,
                "The path ends with 64 lower-case hex digits.".into(),
            )),
        }
    }
}

/// The parameters of a query.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let axum::extract::Query(query) =
            axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(query))
    }
}

impl From<BytesRejection> for Refusal {
    fn from(rejection: BytesRejection) -> Self {
        Self::malformed(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Refusal {
    fn from(rejection: PathRejection) -> Self {
        Self::malformed(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Refusal {
    fn from(rejection: QueryRejection) -> Self {
        Self::malformed(rejection.status(), rejection.body_text())
    }
}

/// What a submission holds: the bytes that are put, and the work behind them.
pub(super) fn split_proof(submission: &[u8]) -> Option<(&[u8], Proof)> {
    let at = submission.len().checked_sub(WORK)?;
    let (subject, work) = submission.split_at(at);
    Some((subject, Proof(u64::from_be_bytes(work.try_into().ok()?))))
}
