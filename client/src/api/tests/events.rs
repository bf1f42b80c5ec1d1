//! The stream of events: nothing is missed, nothing is shown twice, and it ends when it should.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use futures::{FutureExt, StreamExt, poll};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::fake::Fake;
use super::{Door, assert_refused, json, request, within};
use crate::api::server::limits::{STREAM_PAGE, Timing};
use crate::api::server::router;
use crate::api::types::{ErrorCode, Event};

fn ask(path: &str, header: (&str, &str)) -> Request<Full<Bytes>> {
    Request::get(path).header(header.0, header.1).body(Full::default()).unwrap()
}

/// The text that comes next.
async fn chunk(response: &mut Response<Incoming>) -> String {
    let frame = within(response.body_mut().frame()).await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().into()).unwrap()
}

/// The body of an answer, without a socket and its buffers.
async fn in_process(node: Arc<Fake>, path: &str, timing: Timing) -> Body {
    let request = Request::get(path).body(Body::empty()).unwrap();
    router(node, None, CancellationToken::new(), timing).oneshot(request).await.unwrap().into_body()
}

impl Door {
    /// The numbers of the next events after a cursor, on a connection of their own.
    async fn read(&self, after: i64, count: usize) -> Vec<i64> {
        let events = self.client.events(Some(after)).take(count);
        within(events.map(|event| event.unwrap().seq).collect()).await
    }
}

#[tokio::test]
async fn a_stream_begins_with_what_happens_from_now_on() {
    let door = Door::open();
    door.node.happen("before");
    let mut response = door.raw(request("GET", "/v1/events", "")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(chunk(&mut response).await, ": connected\n\n");
    door.node.happen("after");
    let event = chunk(&mut response).await;
    assert!(event.starts_with("id: 6\nevent: contact_removed\ndata: {"), "{event}");
    assert!(event.contains("\"name\":\"after\"") && event.ends_with("}\n\n"), "{event}");
    door.close().await;
}

#[tokio::test]
async fn a_stream_resumes_without_a_gap_while_things_happen() {
    let door = Door::open();
    let node = Arc::clone(&door.node);
    let happening = tokio::spawn(async move {
        for _ in 0..1000 {
            node.happen("x");
            tokio::task::yield_now().await;
        }
    });
    let mut seen = vec![0];
    while seen.len() <= 1000 {
        let count = (1 + 37 * seen.len() % 200).min(1001 - seen.len());
        let after = seen[seen.len() - 1];
        seen.extend(door.read(after, count).await);
    }
    assert_eq!(seen, (0..=1000).map(|n| 3 * n).collect::<Vec<_>>());
    within(happening).await.unwrap();
    door.close().await;
}

#[tokio::test]
async fn the_last_event_id_counts_for_more_than_the_query() {
    let door = Door::open();
    (0..3).for_each(|_| door.node.happen("x"));
    let mut response = door.raw(ask("/v1/events?after=0", ("Last-Event-ID", "6"))).await;
    assert_eq!(chunk(&mut response).await, ": connected\n\n");
    assert!(chunk(&mut response).await.starts_with("id: 9\n"));
    let problem = door.problem(ask("/v1/events", ("Last-Event-ID", "x"))).await;
    assert_eq!(problem.code, ErrorCode::MalformedRequest);
    door.close().await;
}

#[tokio::test]
async fn a_page_has_what_happened_so_far() {
    let door = Door::open();
    (0..5).for_each(|_| door.node.happen("x"));
    let page = json(door.raw(ask("/v1/events?after=3&limit=2", ("accept", "application/json"))).await).await;
    let page: Vec<Event> = serde_json::from_value(page).unwrap();
    assert_eq!(page.iter().map(|event| event.seq).collect::<Vec<_>>(), [6, 9]);
    let page = json(door.raw(ask("/v1/events?after=15", ("accept", "application/json"))).await).await;
    assert_eq!(page, serde_json::json!([]));
    door.close().await;
}

#[tokio::test]
async fn a_page_that_cannot_be() {
    let door = Door::open();
    let wrong = [
        ("/v1/events", ErrorCode::MalformedRequest),
        ("/v1/events?after=0&limit=0", ErrorCode::OutOfRange),
        ("/v1/events?after=0&limit=1001", ErrorCode::OutOfRange),
    ];
    for (path, code) in wrong {
        assert_eq!(door.problem(ask(path, ("accept", "application/json"))).await.code, code, "{path}");
    }
    door.close().await;
}

#[tokio::test]
async fn a_cursor_that_is_too_old_is_refused_before_the_stream_begins() {
    let door = Door::open();
    door.node.refuse(ErrorCode::CursorExpired);
    let mut events = door.client.events(Some(3));
    assert_refused(within(events.next()).await.unwrap(), ErrorCode::CursorExpired, StatusCode::GONE);
    assert!(within(events.next()).await.is_none());
    door.close().await;
}

#[tokio::test]
async fn a_stream_that_cannot_go_on_says_why() {
    let door = Door::open();
    door.node.happen("x");
    let mut events = door.client.events(Some(0));
    assert_eq!(within(events.next()).await.unwrap().unwrap().seq, 3);
    door.node.refuse(ErrorCode::CursorExpired);
    door.node.happen("y");
    assert_refused(within(events.next()).await.unwrap(), ErrorCode::CursorExpired, StatusCode::GONE);
    assert!(within(events.next()).await.is_none());
    door.close().await;
}

#[tokio::test]
async fn a_slow_reader_is_waited_for_and_holds_up_nobody() {
    let door = Door::open();
    let long = "x".repeat(16 << 10);
    let count = 1000;
    (0..count).for_each(|_| door.node.happen(&long));
    let mut slow = door.client.events(Some(0));
    within(slow.next()).await.unwrap().unwrap();
    assert_eq!(door.read(0, count).await.len(), count);
    let for_the_slow = door.node.handed_out() - count;
    assert!(for_the_slow < count / 2, "{for_the_slow} events of {count} wait for a reader that reads one");
    let rest: Vec<_> = within(slow.take(count - 1).map(|event| event.unwrap().seq).collect()).await;
    assert!(rest.iter().copied().eq((2..).map(|n| 3 * n).take(count - 1)));
    door.close().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let door = Door::open();
    door.node.happen("x");
    let mut events = door.client.events(Some(0));
    within(events.next()).await.unwrap().unwrap();
    door.close().await;
    assert!(within(events.next()).await.is_none());
}

#[tokio::test]
async fn a_reader_that_does_not_read_cannot_keep_the_server_from_stopping() {
    let door = Door::open();
    let long = "x".repeat(64 << 10);
    (0..1000).for_each(|_| door.node.happen(&long));
    let _stuck = door.raw(request("GET", "/v1/events?after=0", "")).await;
    door.close().await;
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive() {
    let timing = Timing { heartbeat: Duration::from_millis(1), ..Timing::default() };
    let mut body = in_process(Arc::default(), "/v1/events", timing).await;
    for comment in [": connected\n\n", ":\n\n", ":\n\n"] {
        assert_eq!(within(body.frame()).await.unwrap().unwrap().into_data().unwrap(), comment);
    }
}

#[tokio::test]
async fn a_full_page_is_followed_by_the_next_one_before_anything_new() {
    let node = Arc::new(Fake::default());
    (0..=STREAM_PAGE).for_each(|_| node.happen("x"));
    let mut body = in_process(Arc::clone(&node), "/v1/events?after=0", Timing::default()).await;
    for _ in 0..STREAM_PAGE + 2 {
        body.frame().now_or_never().unwrap().unwrap().unwrap();
    }
    let mut next = Box::pin(body.frame());
    assert!(matches!(poll!(&mut next), Poll::Pending));
    node.happen("y");
    assert!(within(next).await.unwrap().is_ok());
}

#[tokio::test]
async fn what_happens_between_the_reading_of_a_page_and_the_wait_after_it_is_not_missed() {
    let door = Door::open();
    for _ in 0..3 {
        door.node.happen_after_reading("x");
    }
    assert_eq!(door.read(0, 3).await, [3, 6, 9]);
    door.close().await;
}
