//! Turns errors into responses: problem details (RFC 9457), with one table of HTTP statuses.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use utoipa::openapi::RefOr;
use utoipa::openapi::response::Response as ResponseDoc;

use crate::api::types::{ErrorCode, Problem};
use crate::error::NodeError;

/// A request that gets a problem for an answer.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    detail: String,
}

impl ApiError {
    pub(super) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self { status: status_of(code), code, detail: detail.into() }
    }

    /// A request that cannot be read; the status says how far the reading came.
    pub(super) fn malformed(status: StatusCode, detail: String) -> Self {
        Self { status, code: ErrorCode::MalformedRequest, detail }
    }

    pub(super) fn too_slow() -> Self {
        Self {
            status: StatusCode::GATEWAY_TIMEOUT,
            code: ErrorCode::Internal,
            detail: "The node takes too long. What you asked for may still be done: look before \
                    you ask again."
                .into(),
        }
    }

    pub(super) fn into_problem(self) -> Problem {
        Problem {
            kind: "about:blank".into(),
            title: self.status.canonical_reason().unwrap_or_default().into(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
        }
    }
}

/// The cause of an internal fault goes to the log and nowhere else, so it must be fit for a log:
/// no names, no addresses, no contents.
impl From<NodeError> for ApiError {
    fn from(error: NodeError) -> Self {
        if error.code == ErrorCode::Internal {
            tracing::error!(cause = %error.detail, "a request failed");
            return Self::new(
                ErrorCode::Internal,
                "Something is wrong with the node: see its log.",
            );
        }
        Self::new(error.code, error.detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        chive_http::problem::respond(self.status, &self.into_problem())
    }
}

pub(super) async fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "The API has no such path.")
}

pub(super) async fn method_not_allowed() -> ApiError {
    ApiError::new(
        ErrorCode::MethodNotAllowed,
        "This path does not take this method: the Allow header has those it takes.",
    )
}

/// The one table of HTTP statuses.
pub(super) fn status_of(code: ErrorCode) -> StatusCode {
    use ErrorCode as E;

    match code {
        E::MalformedRequest => StatusCode::BAD_REQUEST,
        E::WrongPassphrase => StatusCode::FORBIDDEN,
        E::UnknownContact
        | E::UnknownConversation
        | E::UnknownInvitation
        | E::UnknownMessage
        | E::UnknownServer
        | E::UnknownHandle
        | E::UnknownRequest
        | E::NotFound => StatusCode::NOT_FOUND,
        E::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        E::OwnLink
        | E::AlreadyContact
        | E::NameTaken
        | E::NotAccepted
        | E::ServerKnown
        | E::ContactBlocked
        | E::IdTaken
        | E::AlreadySent => StatusCode::CONFLICT,
        E::CursorExpired => StatusCode::GONE,
        E::InvalidLink
        | E::UnsupportedLink
        | E::OutOfRange
        | E::InvalidName
        | E::InvalidText
        | E::InvalidServer
        | E::InvalidHandle => StatusCode::UNPROCESSABLE_ENTITY,
        E::ServerUnreachable => StatusCode::BAD_GATEWAY,
        E::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        E::DiskFull | E::DiskReadOnly => StatusCode::INSUFFICIENT_STORAGE,
        E::ProfileDamaged | E::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What every operation may be refused for.
const EVERYWHERE: [ErrorCode; 6] = [
    ErrorCode::MalformedRequest,
    ErrorCode::Stopping,
    ErrorCode::DiskFull,
    ErrorCode::DiskReadOnly,
    ErrorCode::ProfileDamaged,
    ErrorCode::Internal,
];

pub(super) fn refusals_of(own: &[ErrorCode]) -> BTreeMap<String, RefOr<ResponseDoc>> {
    chive_http::document::error_responses(own, &EVERYWHERE, status_of)
}

/// Defines a type that lists an operation's own refusals for the document.
macro_rules! refusals {
    ($name:ident: $($code:ident),*) => {
        chive_http::error_responses!(
            $name, $crate::api::server::problem::refusals_of,
            $crate::api::types::ErrorCode: $($code),*
        );
    };
}
pub(super) use refusals;

#[cfg(test)]
mod tests {
    use axum::http::header::CONTENT_TYPE;
    use chive_http::problem::PROBLEM_JSON;
    use http_body_util::BodyExt;
    use utoipa::openapi::schema::Schema;

    use super::*;

    /// Every code, as the document lists them.
    fn codes() -> Vec<ErrorCode> {
        let RefOr::T(Schema::Object(schema)) = <ErrorCode as utoipa::PartialSchema>::schema()
        else {
            panic!("the codes are no enumeration");
        };
        let names = schema.enum_values.unwrap();
        names.into_iter().map(|name| serde_json::from_value(name).unwrap()).collect()
    }

    async fn problem(error: NodeError) -> (StatusCode, Problem) {
        let response = ApiError::from(error).into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
        let status = response.status();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, serde_json::from_slice(&body).unwrap())
    }

    #[tokio::test]
    async fn every_fault_becomes_a_problem_with_its_code_and_its_reason() {
        for code in codes() {
            let (status, problem) = problem(NodeError::new(code, "because of secret.onion")).await;
            assert_eq!((problem.code, problem.status), (code, status.as_u16()));
            assert_eq!(problem.kind, "about:blank");
            assert_eq!(Some(problem.title.as_str()), status.canonical_reason());

            let tells = problem.detail == "because of secret.onion";
            let hides = !problem.detail.contains("onion") && !problem.detail.is_empty();
            assert!(if code == ErrorCode::Internal { hides } else { tells }, "{problem:?}");
        }
    }

    #[tokio::test]
    async fn whose_fault_it_is_can_be_told_from_the_status() {
        use ErrorCode as E;

        let not_the_callers = [
            E::ServerUnreachable,
            E::DiskFull,
            E::DiskReadOnly,
            E::ProfileDamaged,
            E::Stopping,
            E::Internal,
        ];
        for code in codes() {
            let (status, _) = problem(NodeError::new(code, "why")).await;
            let is_the_nodes = not_the_callers.contains(&code);
            assert_eq!(status.is_server_error(), is_the_nodes, "{code:?}: {status}");
            assert_eq!(status.is_client_error(), !is_the_nodes, "{code:?}: {status}");
        }
    }
}
