//! Access to the web interface, with requests that a browser, a page of somebody else, and another
//! user would make.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::Arc;

use futures::FutureExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::Web;
use super::interface::Stage;
use crate::api::client::Client;
use crate::node::{Links, SharedTransport};
use crate::profile::{Passphrase, SOCKET};
use crate::run;
use crate::transport::memory::MemoryNetwork;

/// A page that hosts a profile, and a browser that was let in.
struct Page {
    web: Web,
    port: u16,
    cookie: String,
    key: String,
    directory: TempDir,
}

/// An answer: its status, its head and its body.
type Answered = (StatusCode, HeaderMap, Value);

impl Page {
    async fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let start = |profile, web: Web, stop: tokio_util::sync::CancellationToken| {
            let connect = |accepted| {
                Ok(Arc::new(MemoryNetwork::default().transport(accepted)) as SharedTransport)
            };
            async move {
                run::run_with(profile, Links::Always, connect, &web, |_| (), stop.cancelled_owned())
                    .await
                    .map_err(Into::into)
            }
            .boxed()
        };
        let web = Web::host(&directory.path().join("alice"), Box::new(start));
        let url = web.url().await.unwrap();
        let (address, token) = url.split_once("/#").unwrap();
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        let mut page = Self { web, port, cookie: String::new(), key: String::new(), directory };
        let (status, head, body) = page.post("/ui/enter", json!({ "token": token })).await;

        assert_eq!(status, StatusCode::OK);
        let cookie = head["set-cookie"].to_str().unwrap().to_owned();
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
        page.cookie = cookie.split(';').next().unwrap().to_owned();
        page.key = body["key"].as_str().unwrap().to_owned();

        page
    }

    fn here(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the page itself would send, changed by `differs`: headers in the place of others, or
    /// none for "".
    async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
        differs: &[(&str, &str)],
    ) -> Answered {
        let mut headers = vec![
            ("host", format!("127.0.0.1:{}", self.port)),
            ("origin", self.here()),
            ("sec-fetch-site", "same-origin".to_owned()),
            ("cookie", self.cookie.clone()),
            ("x-chive-key", self.key.clone()),
            ("content-type", "application/json".to_owned()),
        ];
        for (name, value) in differs {
            headers.retain(|(known, _)| known != name);
            headers.push((name, (*value).to_owned()));
        }

        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, value);
        }

        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let answer =
            sender.send_request(request.body(Full::<Bytes>::from(body)).unwrap()).await.unwrap();
        let (status, head) = (answer.status(), answer.headers().clone());
        let bytes = answer.into_body().collect().await.unwrap().to_bytes();

        (status, head, serde_json::from_slice(&bytes).unwrap_or_default())
    }

    async fn get(&self, path: &str, differs: &[(&str, &str)]) -> Answered {
        self.ask("GET", path, None, differs).await
    }

    async fn post(&self, path: &str, body: Value) -> Answered {
        self.ask("POST", path, Some(body), &[]).await
    }

    #[track_caller]
    fn refused((status, head, body): Answered, expected: StatusCode, code: &str) {
        assert_eq!((status, body["code"].as_str()), (expected, Some(code)), "{body}");
        assert!(!head.contains_key("access-control-allow-origin"));
        assert!(head.contains_key("content-security-policy"));
    }
}

#[tokio::test]
async fn an_address_lets_one_browser_in_and_others_not() {
    let page = Page::open().await;
    let token = page.web.url().await.unwrap().split_once('#').unwrap().1.to_owned();

    assert_eq!(page.post("/ui/enter", json!({ "token": token })).await.0, StatusCode::OK);
    Page::refused(
        page.post("/ui/enter", json!({ "token": token })).await,
        StatusCode::UNAUTHORIZED,
        "used_token",
    );
    Page::refused(
        page.post("/ui/enter", json!({ "token": "" })).await,
        StatusCode::UNAUTHORIZED,
        "used_token",
    );
    assert_eq!(page.get("/ui/state", &[]).await.2["state"], "no_profile");
    let guessed = "0".repeat(64);
    for path in ["/ui/state", "/v1/status", "/v1/events", "/v1/openapi.json"] {
        for differs in [
            ("cookie", ""),
            ("x-chive-key", ""),
            ("x-chive-key", guessed.as_str()),
            ("cookie", "chive-1=x"),
        ] {
            Page::refused(page.get(path, &[differs]).await, StatusCode::UNAUTHORIZED, "not_let_in");
        }
    }

    page.web.close().await;
}

#[tokio::test]
async fn another_name_for_this_machine_is_refused() {
    let page = Page::open().await;
    let wrong = StatusCode::MISDIRECTED_REQUEST;
    for host in [
        "evil.example",
        "localhost",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]:80",
        "127.0.0.1.evil.example:80",
    ] {
        for path in ["/", "/app.js", "/ui/state", "/v1/status"] {
            Page::refused(page.get(path, &[("host", host)]).await, wrong, "wrong_host");
        }
    }

    Page::refused(
        page.get("/", &[("host", &format!("localhost:{}", page.port))]).await,
        wrong,
        "wrong_host",
    );
    page.web.close().await;
}

#[tokio::test]
async fn another_page_is_refused() {
    let page = Page::open().await;
    for origin in [
        "http://evil.example",
        "null",
        "https://127.0.0.1",
        "http://127.0.0.1:1",
        "http://localhost:80",
    ] {
        for path in ["/ui/state", "/v1/status", "/style.css"] {
            let answer = page.get(path, &[("origin", origin)]).await;
            Page::refused(answer, StatusCode::FORBIDDEN, "wrong_origin");
        }
        let answer = page.ask("POST", "/ui/lock", None, &[("origin", origin)]).await;
        Page::refused(answer, StatusCode::FORBIDDEN, "wrong_origin");
    }

    // What changes something must say where it comes from.
    let answer = page.ask("POST", "/ui/lock", None, &[("origin", "")]).await;
    Page::refused(answer, StatusCode::FORBIDDEN, "wrong_origin");
    for site in ["cross-site", "same-site"] {
        let answer = page.get("/v1/status", &[("origin", ""), ("sec-fetch-site", site)]).await;
        Page::refused(answer, StatusCode::FORBIDDEN, "wrong_origin");
    }

    // A link may lead to the page itself, which holds nothing.
    let answer = page
        .get(
            "/",
            &[
                ("origin", ""),
                ("sec-fetch-site", "cross-site"),
                ("cookie", ""),
                ("x-chive-key", ""),
            ],
        )
        .await;
    assert_eq!(answer.0, StatusCode::OK);
    page.web.close().await;
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let page = Page::open().await;
    for path in
        ["/", "/app.js", "/locales/ru.ftl", "/ui/state", "/v1/status", "/nowhere", "/../Cargo.toml"]
    {
        let (_, head, _) = page.get(path, &[]).await;
        let policy = head["content-security-policy"].to_str().unwrap();

        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        for (name, value) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(head[name], value, "{path}");
        }
    }

    page.web.close().await;
}

#[tokio::test]
async fn the_page_makes_locks_and_opens_a_profile() {
    let page = Page::open().await;
    Page::refused(page.get("/v1/status", &[]).await, StatusCode::SERVICE_UNAVAILABLE, "locked");
    let bad = page.post("/ui/create", json!({ "name": "a\u{202e}b", "passphrase": "x" })).await;

    Page::refused(bad, StatusCode::UNPROCESSABLE_ENTITY, "invalid_name");
    let made =
        page.post("/ui/create", json!({ "name": "Alice", "passphrase": "correct horse" })).await;
    assert_eq!((made.0, made.2["state"].as_str()), (StatusCode::OK, Some("ready")));
    let (_, _, status) = page.get("/v1/status", &[]).await;
    let socket = Client::new(page.directory.path().join("alice").join(SOCKET));
    assert_eq!(status, serde_json::to_value(socket.status().await.unwrap()).unwrap());
    assert!(socket.web().await.unwrap().url.starts_with(&page.here()));
    let contact = page.get("/v1/contacts/Nobody", &[]).await;
    Page::refused(contact, StatusCode::NOT_FOUND, "unknown_contact");
    assert_eq!(page.get("/v1/nowhere", &[]).await.2["code"], "not_found");
    assert_eq!(page.post("/ui/lock", json!({})).await.2["state"], "locked");
    assert!(socket.status().await.is_err());
    Page::refused(page.get("/v1/contacts", &[]).await, StatusCode::SERVICE_UNAVAILABLE, "locked");
    let wrong = page.post("/ui/unlock", json!({ "passphrase": "wrong" })).await;
    Page::refused(wrong, StatusCode::FORBIDDEN, "wrong_passphrase");
    assert_eq!(
        page.post("/ui/unlock", json!({ "passphrase": "correct horse" })).await.2["state"],
        "ready"
    );
    assert_eq!(page.get("/v1/status", &[]).await.2["name"], "Alice");
    page.web.close().await;
}

/// It is shown as locked before its node has ended: who is quick waits for that.
#[tokio::test]
async fn a_profile_that_was_just_locked_is_opened_again() {
    let Page { web, .. } = Page::open().await;
    let passphrase = Passphrase::new("correct horse".into());
    web.create("Alice", &passphrase).await.unwrap();
    for _ in 0..5 {
        let mut stage = web.0.stage.subscribe();
        let opens = async {
            let _ = stage.wait_for(|stage| matches!(stage, Stage::Closed)).await;
            web.unlock(&passphrase).await
        };
        let (opened, ()) = tokio::join!(opens, web.lock());
        opened.unwrap();
        assert_eq!(web.state(), "ready");
    }
}

/// Who closes the window while the profile opens must not leave a node that nothing locks.
#[tokio::test]
async fn an_abandoned_unlock_ends_in_a_locked_profile() {
    let Page { web, .. } = Page::open().await;
    let passphrase = Passphrase::new("correct horse".into());

    web.create("Alice", &passphrase).await.unwrap();
    web.lock().await;
    let mut stage = web.0.stage.subscribe();
    tokio::select! {
        biased;
        _ = stage.wait_for(|stage| matches!(stage, Stage::Starting)) => {}
        _ = web.unlock(&passphrase) => panic!("it was to be given up before"),
    }
    assert_eq!(web.state(), "starting");
    let wrong = web.unlock(&Passphrase::new("another".into())).await;
    assert!(wrong.is_err());
    web.unlock(&passphrase).await.unwrap();
    assert_eq!(web.state(), "ready");
    web.lock().await;
    assert!(matches!(*stage.borrow(), Stage::Closed), "the node goes on");
}

#[tokio::test]
async fn beside_a_node_the_page_is_locked_and_the_node_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("bob");
    let words = crate::profile::Passphrase::new("open sesame".into());

    crate::profile::create(&place, "Bob", &words).await.unwrap();
    let profile = crate::profile::open(&place, &words).await.unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let connect =
        |accepted| Ok(Arc::new(MemoryNetwork::default().transport(accepted)) as SharedTransport);
    let running = tokio::spawn(run::run_over(profile, Links::Always, connect, |_| (), async {
        drop(stopped.await);
    }));
    let socket = Client::new(place.join(SOCKET));
    while socket.status().await.is_err() {
        tokio::task::yield_now().await;
    }

    let url = socket.web().await.unwrap().url;
    let (address, token) = url.split_once("/#").unwrap();
    let port = address.rsplit(':').next().unwrap().parse().unwrap();
    let web = Web::beside(&place);
    let mut page = Page { web, port, cookie: String::new(), key: String::new(), directory };
    let (_, head, body) = page.post("/ui/enter", json!({ "token": token })).await;

    page.cookie = head["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    page.key = body["key"].as_str().unwrap().to_owned();
    assert_eq!(page.get("/v1/status", &[]).await.2["name"], "Bob");
    assert_eq!(page.post("/ui/lock", json!({})).await.2["state"], "locked");
    Page::refused(page.get("/v1/status", &[]).await, StatusCode::SERVICE_UNAVAILABLE, "locked");
    socket.status().await.unwrap();
    let wrong = page.post("/ui/unlock", json!({ "passphrase": "wrong" })).await;
    Page::refused(wrong, StatusCode::FORBIDDEN, "wrong_passphrase");
    assert_eq!(
        page.post("/ui/unlock", json!({ "passphrase": "open sesame" })).await.2["state"],
        "ready"
    );
    let other = page.post("/ui/create", json!({ "name": "Eve", "passphrase": "x" })).await;
    Page::refused(other, StatusCode::CONFLICT, "not_host");
    stop.send(()).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_uploaded_backup_follows_no_link_and_leaves_nothing() {
    let page = Page::open().await;
    let victim = page.directory.path().join("victim");
    fs::write(&victim, "kept").unwrap();
    // Names that can be guessed: of the process and the number of uploads.
    for number in 0..4 {
        let name = format!("alice.restoring-{}-{number}", std::process::id());
        symlink(&victim, page.directory.path().join(name)).unwrap();
    }
    let names = || {
        let entries = fs::read_dir(page.directory.path()).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect::<BTreeSet<_>>()
    };
    let before = names();

    let (one, other) = (page.web.new_upload().unwrap(), page.web.new_upload().unwrap());
    assert_ne!(one.path(), other.path());
    drop((one, other));
    let answer = page.post("/ui/restore", json!({ "passphrase": "x" })).await;
    Page::refused(answer, StatusCode::BAD_REQUEST, "malformed_request");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
    assert_eq!(names(), before);
    page.web.close().await;
}
