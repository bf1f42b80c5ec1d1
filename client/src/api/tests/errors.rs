//! Every way in which a request can be wrong, by name.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::{Request, StatusCode};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::fake::Fake;
use super::{Door, assert_refused, request};
use crate::api::server::limits::{MAX_BODY, Timing};
use crate::api::server::router;
use crate::api::types::{ErrorCode, NewMessage};

/// Checks that a request is refused, and why, without having reached the node.
async fn assert_malformed(method: &str, path: &str, body: &str, status: StatusCode, code: ErrorCode) {
    let door = Door::open();
    let problem = door.problem(request(method, path, body.to_owned())).await;
    assert_eq!((problem.status, problem.code), (status.as_u16(), code), "{method} {path} {body}: {}", problem.detail);
    assert_eq!(door.node.asked(), [""; 0]);
    door.close().await;
}

#[tokio::test]
async fn a_body_that_is_not_json() {
    for body in ["", "{", "{} x", "\u{0}"] {
        let expected = (StatusCode::BAD_REQUEST, ErrorCode::MalformedRequest);
        assert_malformed("POST", "/v1/invitations", body, expected.0, expected.1).await;
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_shape() {
    let wrong = [
        ("/v1/contacts", "{}"),
        ("/v1/contacts", "{\"link\":7}"),
        ("/v1/contacts", "{\"link\":\"l\",\"nmae\":\"Bob\"}"),
        ("/v1/invitations", "{\"uses\":-1}"),
        ("/v1/invitations", "{\"uses\":4294967296}"),
        ("/v1/contacts/Bob/messages", "{\"text\":\"hi\",\"texts\":\"\"}"),
        ("/v1/passphrase", "{\"old\":\"a\"}"),
        ("/v1/wipe", "{}"),
    ];
    for (path, body) in wrong {
        let expected = (StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::MalformedRequest);
        assert_malformed("POST", path, body, expected.0, expected.1).await;
    }
}

#[tokio::test]
async fn a_wipe_that_is_not_meant() {
    let expected = (StatusCode::BAD_REQUEST, ErrorCode::MalformedRequest);
    assert_malformed("POST", "/v1/wipe", "{\"confirm\":false}", expected.0, expected.1).await;
}

#[tokio::test]
async fn a_body_over_the_limit() {
    for size in [MAX_BODY + 1, 8 * MAX_BODY] {
        let body = format!("{{\"text\":\"{}\"}}", "x".repeat(size));
        let expected = (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::MalformedRequest);
        assert_malformed("POST", "/v1/contacts/Bob/messages", &body, expected.0, expected.1).await;
    }
}

#[tokio::test]
async fn a_body_of_the_wrong_type() {
    let door = Door::open();
    let plain = Request::post("/v1/invitations").header("content-type", "text/plain").body(Full::from("{}")).unwrap();
    let problem = door.problem(plain).await;
    assert_eq!(problem.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(problem.code, ErrorCode::MalformedRequest);
    door.close().await;
}

#[tokio::test]
async fn a_path_that_is_not_there() {
    for path in ["/", "/v1", "/v2/status", "/v1/status/", "/v1/contacts/", "/v1/contacts/a/b", "/v1//status"] {
        assert_malformed("GET", path, "", StatusCode::NOT_FOUND, ErrorCode::NotFound).await;
    }
}

#[tokio::test]
async fn a_name_that_is_not_text() {
    let expected = (StatusCode::BAD_REQUEST, ErrorCode::MalformedRequest);
    assert_malformed("GET", "/v1/contacts/%FF", "", expected.0, expected.1).await;
}

#[tokio::test]
async fn a_method_that_the_path_does_not_take() {
    let door = Door::open();
    let response = door.raw(request("PUT", "/v1/invitations", "")).await;
    assert_eq!(response.headers()["allow"], "GET,HEAD,POST");
    let problem = door.problem(request("PUT", "/v1/invitations", "")).await;
    assert_eq!((problem.status, problem.code), (405, ErrorCode::MethodNotAllowed));
    door.close().await;
}

#[tokio::test]
async fn a_query_that_is_wrong() {
    let wrong = ["/v1/contacts/Bob/messages?limit=x", "/v1/contacts/Bob/messages?limt=1", "/v1/events?after=x"];
    for path in wrong.into_iter().chain(["/v1/events?after=1&limit=1", "/v1/events?after=1&after=2"]) {
        assert_malformed("GET", path, "", StatusCode::BAD_REQUEST, ErrorCode::MalformedRequest).await;
    }
}

#[tokio::test]
async fn a_number_out_of_range() {
    for path in ["/v1/contacts/Bob/messages?limit=0", "/v1/contacts/Bob/messages?limit=1001", "/v1/events?after=-1"] {
        assert_malformed("GET", path, "", StatusCode::UNPROCESSABLE_ENTITY, ErrorCode::OutOfRange).await;
    }
}

#[tokio::test]
async fn a_refusal_of_the_node_comes_with_its_reason() {
    let door = Door::open();
    door.node.refuse(ErrorCode::UnknownContact);
    let problem = door.problem(request("GET", "/v1/contacts/Bob", "")).await;
    assert_eq!((problem.status, problem.code), (404, ErrorCode::UnknownContact));
    assert_eq!(problem.detail, "because of secret.onion");
    door.node.refuse(ErrorCode::ContactBlocked);
    let new = NewMessage { text: "hi".into(), id: None, expires_in: None };
    assert_refused(door.client.send("Bob", &new).await, ErrorCode::ContactBlocked, StatusCode::CONFLICT);
    door.close().await;
}

#[tokio::test]
async fn an_internal_fault_keeps_its_cause_to_itself() {
    let door = Door::open();
    door.node.refuse(ErrorCode::Internal);
    let problem = door.problem(request("GET", "/v1/status", "")).await;
    assert_eq!((problem.status, problem.code), (500, ErrorCode::Internal));
    assert!(!problem.detail.contains("onion"), "{}", problem.detail);
    door.close().await;
}

#[tokio::test]
async fn a_node_that_does_not_answer() {
    let node = Arc::new(Fake::default());
    node.fall_silent();
    let request = axum::extract::Request::get("/v1/status").body(axum::body::Body::empty()).unwrap();
    let timing = Timing { request: Duration::from_millis(1), ..Timing::default() };
    let response = router(node, None, CancellationToken::new(), timing).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}
