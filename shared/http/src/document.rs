//! The `OpenAPI` document of an API.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde::Serialize;
use utoipa::openapi::response::Response as ResponseDoc;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, ResponseBuilder};

use crate::problem::PROBLEM_JSON;

/// The refusals of an operation for the document: its own, and those that every operation has. The
/// document has a schema `Problem`.
pub fn error_responses<C: Copy + Serialize>(
    own: &[C],
    everywhere: &[C],
    status_of: impl Fn(C) -> StatusCode,
) -> BTreeMap<String, RefOr<ResponseDoc>> {
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for &code in own.iter().chain(everywhere) {
        codes.entry(status_of(code).as_str().to_owned()).or_default().push(in_words(code));
    }
    codes.insert("default".into(), vec!["any other problem".into()]);
    codes
        .into_iter()
        .map(|(status, codes)| (status, documented(&codes.join(", ")).into()))
        .collect()
}

fn in_words(code: impl Serialize) -> String {
    serde_json::to_string(&code).unwrap_or_default().replace('"', "`")
}

fn documented(description: &str) -> ResponseDoc {
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, problem).build()
}

/// Defines a type that lists an operation's own refusals for the document: its name, what makes the
/// list, and cases of the code.
#[macro_export]
macro_rules! error_responses {
    ($name:ident, $error_responses:path, $code:ty: $($case:ident),*) => {
        struct $name;

        impl ::utoipa::IntoResponses for $name {
            fn responses() -> ::std::collections::BTreeMap<
                String,
                ::utoipa::openapi::RefOr<::utoipa::openapi::response::Response>,
            > {
                $error_responses(&[$(<$code>::$case),*])
            }
        }
    };
}

/// A document as it is served and checked in.
#[must_use]
pub fn text(document: &utoipa::openapi::OpenApi) -> String {
    document.to_pretty_json().map(|text| text + "\n").unwrap_or_default()
}
