//! Wrong requests of every kind, and the status and code that each is refused with.

use std::time::Duration;

use http_body_util::Full;
use hyper::{Request, StatusCode};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::openapi::{document, operations};
use super::{Api, assert_refused, empty_store, request};
use crate::api::server::limits::{MAX_BODY, Timing};
use crate::api::server::router;
use crate::api::types::{ContactChange, ErrorCode, NewMessage};
use crate::node::NodeHandle;

/// The API of a node that never answers: an answer shows that the node was not asked.
struct Deaf {
    api: Api,
    _node: Box<dyn Send>,
    _directory: tempfile::TempDir,
}

impl Deaf {
    async fn open() -> Self {
        let (store, directory) = empty_store().await;
        let (handle, node) = NodeHandle::unanswered(store, directory.path().to_owned());
        Self { api: Api::of(handle), _node: Box::new(node), _directory: directory }
    }

    async fn refuses(&self, asked: (&str, &str, &str), status: StatusCode, code: ErrorCode) {
        let (method, path, body) = asked;
        let problem = self.api.problem(request(method, path, body.to_owned())).await;
        let detail = &problem.detail;
        assert_eq!((problem.status, problem.code), (status.as_u16(), code), "{asked:?}: {detail}");
    }

    async fn refuses_as_malformed(&self, asked: (&str, &str, &str), status: StatusCode) {
        self.refuses(asked, status, ErrorCode::MalformedRequest).await;
    }

    async fn close(self) {
        self.api.close().await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_json() {
    let deaf = Deaf::open().await;
    for body in ["", "{", "{} x", "\u{0}"] {
        deaf.refuses_as_malformed(("POST", "/v1/invitations", body), StatusCode::BAD_REQUEST).await;
    }
    deaf.close().await;
}

#[tokio::test]
async fn a_body_of_the_wrong_shape() {
    let deaf = Deaf::open().await;
    let wrong = [
        ("/v1/contacts", "{}"),
        ("/v1/contacts", "{\"link\":7}"),
        ("/v1/contacts", "{\"link\":\"l\",\"nmae\":\"Bob\"}"),
        ("/v1/invitations", "{\"uses\":-1}"),
        ("/v1/invitations", "{\"uses\":4294967296}"),
        ("/v1/conversations/Bob/messages", "{\"text\":\"hi\",\"texts\":\"\"}"),
        ("/v1/passphrase", "{\"old\":\"a\"}"),
        ("/v1/wipe", "{}"),
    ];
    for (path, body) in wrong {
        deaf.refuses_as_malformed(("POST", path, body), StatusCode::UNPROCESSABLE_ENTITY).await;
    }

    deaf.close().await;
}

#[tokio::test]
async fn every_body_refuses_no_json_and_unknown_fields() {
    let deaf = Deaf::open().await;
    let document = document();
    let with_body = operations(&document).filter(|it| it.details["requestBody"].is_object());
    for operation in with_body {
        let uri = operation.uri();
        let asked = |body| (operation.method.as_str(), uri.as_str(), body);
        deaf.refuses_as_malformed(asked("{"), StatusCode::BAD_REQUEST).await;
        let unknown = asked("{\"no such field\":1}");
        deaf.refuses_as_malformed(unknown, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    deaf.close().await;
}

#[tokio::test]
async fn a_wipe_that_is_not_meant() {
    let deaf = Deaf::open().await;
    let asked = ("POST", "/v1/wipe", "{\"confirm\":false}");
    deaf.refuses_as_malformed(asked, StatusCode::BAD_REQUEST).await;
    deaf.close().await;
}

#[tokio::test]
async fn a_body_over_the_limit() {
    let deaf = Deaf::open().await;
    for size in [MAX_BODY + 1, 8 * MAX_BODY] {
        let body = format!("{{\"text\":\"{}\"}}", "x".repeat(size));
        let asked = ("POST", "/v1/conversations/Bob/messages", body.as_str());
        deaf.refuses_as_malformed(asked, StatusCode::PAYLOAD_TOO_LARGE).await;
    }
    deaf.close().await;
}

#[tokio::test]
async fn a_body_of_the_wrong_type() {
    let deaf = Deaf::open().await;
    let plain = Request::post("/v1/invitations").header("content-type", "text/plain");
    let problem = deaf.api.problem(plain.body(Full::from("{}")).unwrap()).await;
    assert_eq!(problem.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(problem.code, ErrorCode::MalformedRequest);
    deaf.close().await;
}

#[tokio::test]
async fn a_path_that_is_not_there() {
    let deaf = Deaf::open().await;
    let wrong = [
        "/",
        "/v1",
        "/v2/status",
        "/v1/status/",
        "/v1/contacts/",
        "/v1/contacts/a/b",
        "/v1//status",
    ];
    for path in wrong {
        deaf.refuses(("GET", path, ""), StatusCode::NOT_FOUND, ErrorCode::NotFound).await;
    }
    deaf.close().await;
}

#[tokio::test]
async fn a_name_that_is_not_text() {
    let deaf = Deaf::open().await;
    deaf.refuses_as_malformed(("GET", "/v1/contacts/%FF", ""), StatusCode::BAD_REQUEST).await;
    deaf.close().await;
}

#[tokio::test]
async fn a_method_that_the_path_does_not_take() {
    let deaf = Deaf::open().await;
    let response = deaf.api.raw(request("PUT", "/v1/invitations", "")).await;
    assert_eq!(response.headers()["allow"], "GET,HEAD,POST");

    let (status, code) = (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::MethodNotAllowed);
    deaf.refuses(("PUT", "/v1/invitations", ""), status, code).await;
    deaf.close().await;
}

#[tokio::test]
async fn a_query_that_is_wrong() {
    let deaf = Deaf::open().await;
    let wrong = [
        "/v1/conversations/Bob/messages?limit=x",
        "/v1/conversations/Bob/messages?limt=1",
        "/v1/events?after=x",
        "/v1/events?after=1&limit=1",
        "/v1/events?after=1&after=2",
    ];
    for path in wrong {
        deaf.refuses_as_malformed(("GET", path, ""), StatusCode::BAD_REQUEST).await;
    }
    deaf.close().await;
}

#[tokio::test]
async fn a_number_out_of_range() {
    let deaf = Deaf::open().await;
    let wrong = [
        "/v1/conversations/Bob/messages?limit=0",
        "/v1/conversations/Bob/messages?limit=1001",
        "/v1/events?after=-1",
    ];
    for path in wrong {
        let (status, code) = (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::OutOfRange);
        deaf.refuses(("GET", path, ""), status, code).await;
    }
    deaf.close().await;
}

#[tokio::test]
async fn a_refusal_of_the_node_comes_with_its_reason() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let error = ada.node().contact("Eve").await.unwrap_err();
    let problem = api.problem(request("GET", "/v1/contacts/Eve", "")).await;
    assert_eq!((problem.status, problem.code), (404, ErrorCode::UnknownContact));
    assert_eq!((error.code, error.detail), (problem.code, problem.detail));

    let block = ContactChange { blocked: Some(true), ..ContactChange::default() };
    ada.node().change_contact("Bob", block).await.unwrap();
    let new = NewMessage { text: "hi".into(), id: None, expires_in: None };
    let refused = api.client.send("Bob", &new).await;
    assert_refused(refused, ErrorCode::ContactBlocked, StatusCode::CONFLICT);

    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn an_internal_fault_keeps_its_cause_to_itself() {
    let (ada, api) = Api::of_ada().await;
    let mut tx = ada.store.begin().await.unwrap();
    sqlx::query("DROP TABLE outbox").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let problem = api.problem(request("GET", "/v1/status", "")).await;
    assert_eq!((problem.status, problem.code), (500, ErrorCode::Internal));
    assert_eq!(problem.detail, "Something is wrong with the node: see its log.");
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_node_that_has_stopped() {
    let (ada, api) = Api::of_ada().await;
    ada.stops().await;
    let problem = api.problem(request("GET", "/v1/status", "")).await;
    assert_eq!((problem.status, problem.code), (503, ErrorCode::Stopping));
    api.close().await;
}

#[tokio::test]
async fn a_node_that_does_not_answer() {
    let (store, directory) = empty_store().await;
    let (handle, _node) = NodeHandle::unanswered(store, directory.path().to_owned());
    let timing = Timing { request: Duration::from_millis(1), ..Timing::default() };
    let router = router(handle, None, CancellationToken::new(), timing);

    let request =
        axum::extract::Request::post("/v1/invitations").header("content-type", "application/json");
    let body = axum::body::Body::from("{}");
    let response = router.oneshot(request.body(body).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}
