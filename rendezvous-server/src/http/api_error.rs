//! The errors of the API, as problem details (RFC 9457). A client gets a code and a sentence; it
//! never gets the cause, which goes to the log and names no one.

use std::any::Any;
use std::collections::BTreeMap;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use chive_shared::api::{Code, Problem};
use chive_shared::handle::ClaimError;
use chive_shared::record::RecordError;
use chive_shared::sequence::Sequence;
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response as ResponseDoc;

use crate::board::Freshness;
use crate::record_writer::PutError;
use crate::store::StoreError;

/// Seconds after which a client may try again.
const RETRY_SECONDS: HeaderValue = HeaderValue::from_static("5");

/// Why a request is not done: the problem that is its answer.
#[derive(Debug)]
pub(super) struct ApiError(Box<Problem>);

impl ApiError {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::with_status(status_of(code), code, detail.into())
    }

    /// A request that cannot be read; the status is that of the extractor which failed.
    pub(super) fn malformed(status: StatusCode, detail: String) -> Self {
        let code = if status == StatusCode::PAYLOAD_TOO_LARGE {
            Code::TooLarge
        } else {
            Code::MalformedRequest
        };
        Self::with_status(status, code, detail)
    }

    fn with_status(status: StatusCode, code: Code, detail: String) -> Self {
        Self(Box::new(Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or_default().into(),
            status: status.as_u16(),
            detail,
            code,
            sequence: None,
            work: None,
            bucket_bits: None,
        }))
    }

    pub(super) fn busy() -> Self {
        Self::new(Code::Busy, "Too many at once: try again in a few seconds.")
    }

    pub(super) fn too_slow() -> Self {
        Self::new(
            Code::TooSlow,
            "The request, or its answer, took too long. What you sent may be stored all the same.",
        )
    }

    pub(super) fn too_large(limit: usize) -> Self {
        Self::new(Code::TooLarge, format!("The body has more than {limit} bytes."))
    }

    pub(super) fn stopping() -> Self {
        Self::new(Code::Stopping, "The server is stopping.")
    }

    pub(super) fn token_required() -> Self {
        Self::new(Code::TokenRequired, "This server asks for a token: get one from who runs it.")
    }

    pub(super) fn work_required(bits: u8) -> Self {
        let mut error =
            Self::new(Code::WorkRequired, format!("A proof of work of {bits} bits is asked for."));
        error.0.work = Some(bits);
        error
    }

    pub(super) fn bucket_too_large(bits: u8) -> Self {
        let detail =
            format!("That part of the board is too large: ask for a bucket of {bits} bits.");
        let mut error = Self::new(Code::BucketTooLarge, detail);
        error.0.bucket_bits = Some(bits);
        error
    }

    pub(super) fn not_newer(Sequence(number): Sequence) -> Self {
        let mut error =
            Self::new(Code::SequenceNotNewer, "The server has one with a higher sequence number.");
        error.0.sequence = Some(number);
        error
    }

    pub(super) fn sequence_taken(Sequence(number): Sequence) -> Self {
        let mut error =
            Self::new(Code::SequenceTaken, "The server has another with the same sequence number.");
        error.0.sequence = Some(number);
        error
    }

    pub(super) fn unavailable() -> Self {
        Self::new(
            Code::StorageUnavailable,
            "Nothing can be stored or looked up now: try again later.",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new(Code::Internal, "Something is wrong with the server.")
    }

    /// The code, and the stored sequence number where there is one: all that a batch reports.
    pub(super) fn code_and_sequence(&self) -> (Code, Option<u64>) {
        (self.0.code, self.0.sequence)
    }
}

impl From<RecordError> for ApiError {
    fn from(error: RecordError) -> Self {
        let code = match error {
            RecordError::Length | RecordError::Version(_) => Code::MalformedRecord,
            RecordError::Address => Code::InvalidKey,
            RecordError::Signature => Code::InvalidSignature,
            RecordError::Epoch => Code::WrongEpoch,
            RecordError::Expired => Code::Expired,
            RecordError::Future => Code::SequenceInFuture,
            RecordError::Stale => Code::Stale,
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

impl From<ClaimError> for ApiError {
    fn from(error: ClaimError) -> Self {
        let code = match error {
            ClaimError::Length | ClaimError::Version(_) => Code::MalformedRecord,
            ClaimError::Key => Code::InvalidKey,
            ClaimError::Signature => Code::InvalidSignature,
            ClaimError::Expired => Code::Expired,
            ClaimError::Future => Code::SequenceInFuture,
            ClaimError::Stale => Code::Stale,
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

impl From<PutError> for ApiError {
    fn from(error: PutError) -> Self {
        match error {
            PutError::NotFresh(Freshness::Stale(sequence)) => Self::not_newer(sequence),
            PutError::NotFresh(Freshness::Conflict(sequence)) => Self::sequence_taken(sequence),
            // Neither is a error.
            PutError::NotFresh(Freshness::New | Freshness::Duplicate) => Self::internal(),
            PutError::BoardFull => Self::new(Code::Full, "The board is full: try again later."),
            PutError::QueueFull => Self::busy(),
            PutError::Unavailable => Self::unavailable(),
            PutError::DiskFull => {
                Self::new(Code::StorageUnavailable, "There is no room: nothing was stored.")
            }
            PutError::Stopping => Self::stopping(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a request about a handle failed");
        Self::unavailable()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = chive_http::problem::respond(status, &*self.0);
        if matches!(
            self.0.code,
            Code::Busy | Code::Full | Code::StorageUnavailable | Code::Stopping
        ) {
            response.headers_mut().insert(RETRY_AFTER, RETRY_SECONDS);
        }
        response
    }
}

/// The answer for a handler that panicked: the client must not learn why.
pub(super) fn panicked(_cause: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked");
    ApiError::internal().into_response()
}

pub(super) async fn not_found() -> ApiError {
    ApiError::new(Code::NotFound, "The API has no such path.")
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        Code::MethodNotAllowed,
        "This path does not take this method: the Allow header has those it takes.",
    )
}

/// Makes an error's text a sentence: with a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).chain(['.']).collect())
        .unwrap_or_default()
}

/// The HTTP status of each code; no other place decides it.
pub(super) fn status_of(code: Code) -> StatusCode {
    use Code as C;

    match code {
        C::MalformedRequest | C::MalformedRecord | C::WrongPlace => StatusCode::BAD_REQUEST,
        C::TokenRequired => StatusCode::UNAUTHORIZED,
        C::WorkRequired => StatusCode::PAYMENT_REQUIRED,
        C::NotOwner => StatusCode::FORBIDDEN,
        C::Unknown | C::NoHandles | C::NotFound => StatusCode::NOT_FOUND,
        C::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        C::SequenceNotNewer | C::SequenceTaken | C::HandleTaken => StatusCode::CONFLICT,
        C::CursorExpired => StatusCode::GONE,
        C::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        C::InvalidKey
        | C::InvalidSignature
        | C::WrongEpoch
        | C::Expired
        | C::SequenceInFuture
        | C::Stale
        | C::BucketTooLarge => StatusCode::UNPROCESSABLE_ENTITY,
        C::Full => StatusCode::INSUFFICIENT_STORAGE,
        C::Busy | C::StorageUnavailable | C::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        C::TooSlow => StatusCode::GATEWAY_TIMEOUT,
        C::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The errors of every operation.
const COMMON: [Code; 5] =
    [Code::MalformedRequest, Code::Busy, Code::TooSlow, Code::Stopping, Code::Internal];

pub(super) fn responses_for(own: &[Code]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    chive_http::document::error_responses(own, &COMMON, status_of)
}

/// Defines a type that lists an operation's own errors for the document.
macro_rules! error_responses {
    ($name:ident: $($code:ident),*) => {
        chive_http::error_responses!(
            $name, $crate::http::api_error::responses_for, chive_shared::api::Code: $($code),*
        );
    };
}
pub(super) use error_responses;
