//! The `OpenAPI` document of an API: the responses for its errors, and its text. The schemas are
//! the API's own.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::openapi::response::Response as ResponseDoc;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::problem::PROBLEM_JSON;

/// The error responses of an operation: its own codes and those of every operation, by HTTP status.
/// The document must have a schema `Problem`.
pub fn error_responses<C: Copy + Serialize>(
    own: &[C],
    common: &[C],
    status_of: impl Fn(C) -> StatusCode,
) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for &code in own.iter().chain(common) {
        codes.entry(status_of(code).as_str().to_owned()).or_default().push(quoted(code));
    }
    codes.insert("default".into(), vec!["any other problem".into()]);
    codes.into_iter().map(|(status, codes)| (status, response(&codes.join(", ")).into())).collect()
}

fn quoted(code: impl Serialize) -> String {
    serde_json::to_string(&code).unwrap_or_default().replace('"', "`")
}

fn response(description: &str) -> ResponseDoc {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, problem).build()
}

/// Defines a type that lists an operation's own errors for the document: its name, the function
/// that makes the responses, and variants of the code.
#[macro_export]
macro_rules! error_responses {
    ($name:ident, $responses_for:path, $code:ty: $($case:ident),*) => {
        struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::response::Response>,
            > {
                $responses_for(&[$(<$code>::$case),*])
            }
        }
    };
}

/// A document as text, as it is served and checked in.
#[must_use]
pub fn text(document: &utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}
