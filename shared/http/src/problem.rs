//! Errors on their way out: problem details (RFC 9457), and how the API's document lists them.

use std::collections::BTreeMap;

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::openapi::response::Response as ResponseDoc;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

const PROBLEM_JSON: &str = "application/problem+json";

/// A problem as an answer.
pub fn respond(status: StatusCode, problem: &impl Serialize) -> Response {
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

/// The refusals of an operation for the document: its own, and those that every operation has. The document has a
/// schema `Problem`.
pub fn refusals_of<C: Copy + Serialize>(
    own: &[C],
    everywhere: &[C],
    status_of: impl Fn(C) -> StatusCode,
) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for &code in own.iter().chain(everywhere) {
        codes.entry(status_of(code).as_str().to_owned()).or_default().push(in_words(code));
    }
    codes.insert("default".into(), vec!["any other problem".into()]);
    codes.into_iter().map(|(status, codes)| (status, documented(&codes.join(", ")).into())).collect()
}

fn in_words(code: impl Serialize) -> String {
    serde_json::to_string(&code).unwrap_or_default().replace('"', "`")
}

fn documented(description: &str) -> ResponseDoc {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, problem).build()
}

/// Defines a type that lists an operation's own refusals for the document: its name, what makes the list, and cases
/// of the code.
#[macro_export]
macro_rules! refusals {
    ($name:ident, $refusals_of:path, $code:ty: $($case:ident),*) => {
        struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::response::Response>,
            > {
                $refusals_of(&[$(<$code>::$case),*])
            }
        }
    };
}

/// The document as it is served and checked in.
#[must_use]
pub fn document(api: &utoipa::openapi::OpenApi) -> String {
    api.to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}
