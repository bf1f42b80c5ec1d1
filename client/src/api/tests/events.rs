//! The stream of events: nothing is missed, nothing is sent twice, and it ends when it should.

use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use futures::{FutureExt, StreamExt, poll};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{Api, Person, assert_refused, json, request, within};
use crate::api::server::limits::{MAX_EVENTS, STREAM_PAGE, Timing};
use crate::api::server::router;
use crate::api::types::{ErrorCode, Event, What};
use crate::model::UnixMillis;
use crate::node::NodeHandle;
use crate::store::events::{self, Kind};

fn ask(path: &str, header: (&str, &str)) -> Request<Full<Bytes>> {
    Request::get(path).header(header.0, header.1).body(Full::default()).unwrap()
}

/// The text that comes next.
async fn chunk(response: &mut Response<Incoming>) -> String {
    let frame = within(response.body_mut().frame()).await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().into()).unwrap()
}

/// The text that comes next in an answer without a socket and its buffers.
async fn frame(body: &mut Body) -> String {
    let frame = within(body.frame()).await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().into()).unwrap()
}

/// The body of an answer, without a socket and its buffers.
async fn in_process(node: NodeHandle, path: &str, timing: Timing) -> Body {
    let request = Request::get(path).body(Body::empty()).unwrap();
    let router = router(node, None, CancellationToken::new(), timing);
    router.oneshot(request).await.unwrap().into_body()
}

impl Api {
    /// The numbers of the next events after a cursor, on a connection of their own.
    async fn read(&self, after: i64, count: usize) -> Vec<i64> {
        let events = self.client.events(Some(after)).take(count);
        within(events.map(|event| event.unwrap().seq).collect()).await
    }
}

impl Person {
    fn newest(&self) -> i64 {
        *self.node().newest_event().borrow()
    }

    /// The numbers of all events, as the node itself lists them.
    async fn seqs(&self) -> Vec<i64> {
        let events = self.node().events(0, MAX_EVENTS).await.unwrap();
        events.iter().map(|event| event.seq).collect()
    }

    /// Drops the events up to a number, as if there had been too many since.
    async fn drops_events(&self, up_to: i64) {
        let mut tx = self.store.begin().await.unwrap();
        let dropped = sqlx::query("DELETE FROM event WHERE seq <= ?").bind(up_to);
        dropped.execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_begins_with_what_happens_from_now_on() {
    let (ada, api) = Api::of_ada_and_bob().await;
    ada.sends("Bob", "before").await;
    let mut response = api.raw(request("GET", "/v1/events", "")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(chunk(&mut response).await, ": connected\n\n");

    ada.sends("Bob", "after").await;
    let event = chunk(&mut response).await;
    let head = format!("id: {}\nevent: message\ndata: {{", ada.newest());
    assert!(event.starts_with(&head), "{event}");
    assert!(event.contains("\"text\":\"after\"") && event.ends_with("}\n\n"), "{event}");

    drop(response);
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_text_that_looks_like_the_end_of_an_event_comes_whole() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let sent = ada.sends("Bob", "hi\r\n\r\ndata: no\n\nid: 7\u{0}").await;
    let mut events = api.client.events(Some(ada.newest() - 1));
    let event = within(events.next()).await.unwrap().unwrap();
    assert!(matches!(event.what, What::Message { message } if message.text == sent.text));
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_stream_resumes_without_a_gap_while_things_happen() {
    let (ada, api) = Api::of_ada_and_bob().await;
    // The events of a contact who is removed are gone: the numbers of the others are not in a row.
    ada.invites_nobody_as("Eve", 2).await;
    for n in 0..50 {
        ada.sends(if n % 3 == 0 { "Eve" } else { "Bob" }, "x").await;
    }
    ada.node().remove_contact("Eve").await.unwrap();
    let total = ada.seqs().await.len() + 500;

    let happening = async {
        for _ in 0..500 {
            ada.sends("Bob", "x").await;
        }
    };
    let reading = async {
        let mut seen = vec![];
        while seen.len() < total {
            let count = (1 + 37 * seen.len() % 200).min(total - seen.len());
            let after = seen.last().copied().unwrap_or(0);
            seen.extend(api.read(after, count).await);
        }
        seen
    };
    let (seen, ()) = futures::join!(reading, happening);
    let all = ada.seqs().await;
    assert!(all.windows(2).any(|pair| pair[0] + 1 < pair[1]), "{all:?}");
    assert_eq!(seen, all);

    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn the_last_event_id_counts_for_more_than_the_query() {
    let (ada, api) = Api::of_ada_and_bob().await;
    ada.sends("Bob", "one").await;
    let known = ada.newest().to_string();
    ada.sends("Bob", "two").await;
    let mut response = api.raw(ask("/v1/events?after=0", ("Last-Event-ID", &known))).await;
    assert_eq!(chunk(&mut response).await, ": connected\n\n");
    assert!(chunk(&mut response).await.starts_with(&format!("id: {}\n", ada.newest())));

    let problem = api.problem(ask("/v1/events", ("Last-Event-ID", "x"))).await;
    assert_eq!(problem.code, ErrorCode::MalformedRequest);

    drop(response);
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_page_has_what_happened_so_far() {
    let (ada, api) = Api::of_ada_and_bob().await;
    for _ in 0..4 {
        ada.sends("Bob", "x").await;
    }
    let seqs = ada.seqs().await;
    let path = format!("/v1/events?after={}&limit=2", seqs[0]);
    let page = json(api.raw(ask(&path, ("accept", "application/json"))).await).await;
    let page: Vec<Event> = serde_json::from_value(page).unwrap();
    assert_eq!(page.iter().map(|event| event.seq).collect::<Vec<_>>(), seqs[1..3]);

    let path = format!("/v1/events?after={}", ada.newest());
    let page = json(api.raw(ask(&path, ("accept", "application/json"))).await).await;
    assert_eq!(page, serde_json::json!([]));

    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_page_that_cannot_be() {
    let (ada, api) = Api::of_ada().await;
    let wrong = [
        ("/v1/events", ErrorCode::MalformedRequest),
        ("/v1/events?after=0&limit=0", ErrorCode::OutOfRange),
        ("/v1/events?after=0&limit=1001", ErrorCode::OutOfRange),
    ];
    for (path, code) in wrong {
        let problem = api.problem(ask(path, ("accept", "application/json"))).await;
        assert_eq!(problem.code, code, "{path}");
    }
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_cursor_that_is_too_old_is_refused_before_the_stream_begins() {
    let (ada, api) = Api::of_ada_and_bob().await;
    ada.sends("Bob", "x").await;
    ada.drops_events(ada.newest() - 1).await;
    let mut events = api.client.events(Some(0));
    let first = within(events.next()).await.unwrap();
    assert_refused(first, ErrorCode::CursorExpired, StatusCode::GONE);
    assert!(within(events.next()).await.is_none());
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_stream_that_cannot_go_on_says_why() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let known = ada.newest();
    let mut events = api.client.events(Some(known - 1));
    assert_eq!(within(events.next()).await.unwrap().unwrap().seq, known);

    // Something happens and is dropped before the stream reads it.
    let mut tx = ada.store.begin().await.unwrap();
    events::add(&mut tx, UnixMillis(0), Kind::Message, None, None).await.unwrap();
    tx.commit().await.unwrap();
    ada.drops_events(known + 1).await;
    ada.sends("Bob", "x").await;

    let last = within(events.next()).await.unwrap();
    assert_refused(last, ErrorCode::CursorExpired, StatusCode::GONE);
    assert!(within(events.next()).await.is_none());
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_slow_reader_gets_everything_and_holds_up_nobody() {
    let (ada, api) = Api::of_ada_and_bob().await;
    // More than the buffers of a socket hold.
    let long = "x".repeat(60_000);
    for _ in 0..200 {
        ada.sends("Bob", &long).await;
    }
    let all = ada.seqs().await;
    let mut slow = api.client.events(Some(0));
    let first = within(slow.next()).await.unwrap().unwrap().seq;
    assert_eq!(api.read(0, all.len()).await, all);

    let rest = slow.take(all.len() - 1).map(|event| event.unwrap().seq);
    let rest: Vec<_> = within(rest.collect()).await;
    assert_eq!([vec![first], rest].concat(), all);
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn no_more_than_a_page_is_read_for_a_slow_reader() {
    let (ada, api) = Api::of_ada_and_bob().await;
    for _ in 0..3 * STREAM_PAGE {
        ada.sends("Bob", "x").await;
    }
    let all = ada.seqs().await;
    let mut slow = in_process(ada.node().clone(), "/v1/events?after=0", Timing::default()).await;
    assert_eq!(frame(&mut slow).await, ": connected\n\n");
    frame(&mut slow).await;

    // Time for whoever would read ahead.
    assert_eq!(api.read(0, all.len()).await, all);

    // Nobody else reads the store between these: what comes was there.
    let held = ada.store.begin().await.unwrap();
    let mut ready = 1;
    while slow.frame().now_or_never().is_some() {
        ready += 1;
    }
    assert_eq!(ready, STREAM_PAGE);
    drop(held);
    for seq in &all[STREAM_PAGE as usize..] {
        assert!(frame(&mut slow).await.starts_with(&format!("id: {seq}\n")));
    }
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let mut events = api.client.events(Some(ada.newest() - 1));
    within(events.next()).await.unwrap().unwrap();
    api.close().await;
    assert!(within(events.next()).await.is_none());
    ada.stops().await;
}

#[tokio::test]
async fn a_stalled_reader_does_not_delay_a_stop() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let long = "x".repeat(60_000);
    for _ in 0..200 {
        ada.sends("Bob", &long).await;
    }
    let _stuck = api.raw(request("GET", "/v1/events?after=0", "")).await;
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_silent_stream_says_that_it_is_alive() {
    let (ada, api) = Api::of_ada().await;
    let timing = Timing { heartbeat: Duration::from_millis(1), ..Timing::default() };
    let mut body = in_process(ada.node().clone(), "/v1/events", timing).await;
    for comment in [": connected\n\n", ":\n\n", ":\n\n"] {
        assert_eq!(frame(&mut body).await, comment);
    }
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn a_full_page_is_followed_by_the_next_one_before_anything_new() {
    let (ada, api) = Api::of_ada_and_bob().await;
    for _ in 0..STREAM_PAGE {
        ada.sends("Bob", "x").await;
    }
    let all = ada.seqs().await;
    assert_eq!(all.len(), STREAM_PAGE as usize + 2, "the contact and the conversation came before");
    let mut body = in_process(ada.node().clone(), "/v1/events?after=0", Timing::default()).await;
    for _ in 0..=all.len() {
        frame(&mut body).await;
    }
    assert_eq!(ada.seqs().await, all, "nothing new has happened");

    let mut next = Box::pin(frame(&mut body));
    assert!(matches!(poll!(&mut next), Poll::Pending));
    ada.sends("Bob", "y").await;
    assert!(next.await.contains("\"text\":\"y\""));
    api.close().await;
    ada.stops().await;
}

#[tokio::test]
async fn an_event_between_reading_and_waiting_is_not_missed() {
    let (ada, api) = Api::of_ada_and_bob().await;
    let mut body = in_process(ada.node().clone(), "/v1/events", Timing::default()).await;
    assert_eq!(frame(&mut body).await, ": connected\n\n");
    for text in ["one", "two", "three"] {
        let mut next = Box::pin(frame(&mut body));
        // The node is asked for a page, which is empty …
        assert!(matches!(poll!(&mut next), Poll::Pending));
        // … and then for this, before the stream hears of the page.
        ada.sends("Bob", text).await;
        assert!(next.await.contains(&format!("\"text\":\"{text}\"")));
    }
    api.close().await;
    ada.stops().await;
}
