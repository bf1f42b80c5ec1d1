//! Every error on its way out: problem details (RFC 9457). A stranger learns a code and a sentence;
//! the cause goes to the log, where it names nobody.

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

use crate::board::Order;
use crate::keeper::Refused;
use crate::store::StoreError;

/// Seconds after which it makes sense to try again.
const LATER: HeaderValue = HeaderValue::from_static("5");

/// A request that gets a problem for an answer.
#[derive(Debug)]
pub(super) struct Refusal(Box<Problem>);

impl Refusal {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self::with_status(status_of(code), code, detail.into())
    }

    /// A request that cannot be read; the status says how far the reading came.
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

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(Code::TooLarge, format!("The body has more than {most} bytes."))
    }

    pub(super) fn stopping() -> Self {
        Self::new(Code::Stopping, "The server is stopping.")
    }

    pub(super) fn token_required() -> Self {
        Self::new(Code::TokenRequired, "This server asks for a token: get one from who runs it.")
    }

    pub(super) fn work_required(bits: u8) -> Self {
        let mut refusal =
            Self::new(Code::WorkRequired, format!("A proof of work of {bits} bits is asked for."));
        refusal.0.work = Some(bits);
        refusal
    }

    pub(super) fn bucket_too_large(bits: u8) -> Self {
        let detail =
            format!("That part of the board is too large: ask for a bucket of {bits} bits.");
        let mut refusal = Self::new(Code::BucketTooLarge, detail);
        refusal.0.bucket_bits = Some(bits);
        refusal
    }

    pub(super) fn not_newer(Sequence(number): Sequence) -> Self {
        let mut refusal =
            Self::new(Code::SequenceNotNewer, "The server has one with a higher sequence number.");
        refusal.0.sequence = Some(number);
        refusal
    }

    pub(super) fn sequence_taken(Sequence(number): Sequence) -> Self {
        let mut refusal =
            Self::new(Code::SequenceTaken, "The server has another with the same sequence number.");
        refusal.0.sequence = Some(number);
        refusal
    }

    /// Its code, and the sequence number with it.
    pub(super) fn code(&self) -> (Code, Option<u64>) {
        (self.0.code, self.0.sequence)
    }
}

impl From<RecordError> for Refusal {
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

impl From<ClaimError> for Refusal {
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

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Order(Order::Older(sequence)) => Self::not_newer(sequence),
            Refused::Order(Order::Other(sequence)) => Self::sequence_taken(sequence),
            // Neither is a refusal.
            Refused::Order(Order::Newer | Order::Same) => Self::internal(),
            Refused::Full => Self::new(Code::Full, "The board is full: try again later."),
            Refused::Busy => Self::busy(),
            Refused::Unavailable => Self::unavailable(),
            Refused::DiskFull => {
                Self::new(Code::StorageUnavailable, "There is no room: nothing was stored.")
            }
            Refused::Stopping => Self::stopping(),
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a request about a handle failed");
        Self::unavailable()
    }
}

impl Refusal {
    pub(super) fn unavailable() -> Self {
        Self::new(
            Code::StorageUnavailable,
            "Nothing can be stored or looked up now: try again later.",
        )
    }

    pub(super) fn internal() -> Self {
        Self::new(Code::Internal, "Something is wrong with the server.")
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = chive_http::problem::respond(status, &*self.0);
        if matches!(
            self.0.code,
            Code::Busy | Code::Full | Code::StorageUnavailable | Code::Stopping
        ) {
            response.headers_mut().insert(RETRY_AFTER, LATER);
        }
        response
    }
}

/// A handler that broke must not tell why.
pub(super) fn panicked(_cause: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler broke");
    Refusal::internal().into_response()
}

pub(super) async fn not_found() -> Refusal {
    Refusal::new(Code::NotFound, "The API has no such path.")
}

pub(super) async fn method_not_allowed() -> Refusal {
    Refusal::new(
        Code::MethodNotAllowed,
        "This path does not take this method: the Allow header has those it takes.",
    )
}

/// As a sentence: a capital letter, a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).chain(['.']).collect())
        .unwrap_or_default()
}

/// The one table of HTTP statuses.
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

/// What every operation may be refused for.
const EVERYWHERE: [Code; 5] =
    [Code::MalformedRequest, Code::Busy, Code::TooSlow, Code::Stopping, Code::Internal];

pub(super) fn refusals_of(own: &[Code]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    chive_http::document::error_responses(own, &EVERYWHERE, status_of)
}

/// Defines a type that lists an operation's own refusals for the document.
macro_rules! refusals {
    ($name:ident: $($code:ident),*) => {
        chive_http::error_responses!($name, $crate::http::problem::refusals_of, chive_shared::api::Code: $($code),*);
    };
}
pub(super) use refusals;
