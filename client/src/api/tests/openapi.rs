//! The `OpenAPI` document: the file that is checked in is up to date and complete, and the server
//! takes what it describes and nothing else.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use super::{Api, request};
use crate::api::server;

const CHECKED_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");

/// An operation, as the document describes it.
pub(super) struct Operation<'a> {
    /// In capitals.
    pub(super) method: String,
    /// With its parameters in braces.
    pub(super) path: String,
    pub(super) details: &'a Value,
}

impl Operation<'_> {
    /// Whether a request asks for this.
    pub(super) fn is(&self, method: &str, path: &str) -> bool {
        let (ours, theirs) = (self.path.split('/'), path.split('/'));
        let as_long = ours.clone().count() == theirs.clone().count();
        let alike = ours.zip(theirs).all(|(ours, theirs)| ours == theirs || ours.starts_with('{'));
        self.method == method && as_long && alike
    }

    /// Its path, with the names of its parameters as their values.
    pub(super) fn uri(&self) -> String {
        self.path.replace(['{', '}'], "")
    }
}

pub(super) fn document() -> Value {
    serde_json::from_str(&server::document()).unwrap()
}

pub(super) fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, details)| Operation {
            method: method.to_uppercase(),
            path: path.clone(),
            details,
        })
    })
}

#[test]
fn the_document_is_the_one_that_is_checked_in() {
    let text = server::document();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        fs::write(CHECKED_IN, &text).unwrap();
    }
    let checked_in = fs::read_to_string(CHECKED_IN).unwrap_or_default();
    assert!(
        text == checked_in,
        "openapi.json is not what the code says: UPDATE_OPENAPI=1 cargo test -p chive openapi"
    );
}

#[tokio::test]
async fn every_path_takes_only_documented_methods() {
    let (ada, api) = Api::of_ada().await;
    let document = document();
    for path in document["paths"].as_object().unwrap().keys() {
        let here: Vec<_> = operations(&document).filter(|it| it.path == *path).collect();
        let uri = here[0].uri();
        let mut documented: BTreeSet<_> = here.into_iter().map(|it| it.method).collect();
        if documented.contains("GET") {
            documented.insert("HEAD".into());
        }

        let refused = api.raw(request("TRACE", &uri, "")).await;
        let allowed = refused.headers()["allow"].to_str().unwrap().split(',');
        assert_eq!(allowed.map(str::to_owned).collect::<BTreeSet<_>>(), documented, "{path}");
    }

    api.close().await;
    ada.stops().await;
}

#[test]
fn every_operation_is_documented_completely() {
    let document = document();
    let mut ids = BTreeSet::new();
    for Operation { method, path, details } in operations(&document) {
        assert!(details["summary"].is_string(), "{method} {path}");
        assert_eq!(details["tags"].as_array().map(Vec::len), Some(1), "{method} {path}");
        assert!(ids.insert(details["operationId"].as_str().unwrap()), "{method} {path}");

        let in_path = |it: &&Value| it["in"] == "path" && it["required"] == true;
        let documented = details["parameters"].as_array().into_iter().flatten().filter(in_path);
        let documented: Vec<_> = documented.map(|it| it["name"].as_str().unwrap()).collect();
        let segments = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(documented, segments.collect::<Vec<_>>(), "{method} {path}");
    }
}

#[test]
fn every_operation_has_its_answer_and_its_refusals() {
    let document = document();
    let codes = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    for Operation { method, path, details } in operations(&document) {
        let responses = details["responses"].as_object().unwrap();
        for status in ["400", "500", "503", "default"] {
            assert!(responses.contains_key(status), "{method} {path} {status}");
        }
        let (answers, refusals): (Vec<_>, Vec<_>) =
            responses.iter().partition(|(status, _)| status.starts_with('2'));
        assert_eq!(answers.len(), 1, "{method} {path}");

        for (status, refusal) in refusals {
            let content = &refusal["content"]["application/problem+json"];
            let schema = &content["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");

            let named = refusal["description"].as_str().unwrap().split('`').skip(1).step_by(2);
            for code in named {
                assert!(codes.contains(&code.into()), "{method} {path} {status}: {code}");
            }
        }
    }
}

#[test]
fn every_schema_that_is_named_is_there() {
    let document = document();
    let text = document.to_string();
    let named = text.split("#/components/schemas/").skip(1);
    for name in named.map(|rest| rest.split('"').next().unwrap()) {
        assert!(document["components"]["schemas"][name].is_object(), "{name}");
    }
}
