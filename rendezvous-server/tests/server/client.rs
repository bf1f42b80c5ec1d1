//! A plain HTTP/1.1 client over TCP, which knows nothing of records.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use chive_shared::api::{Code, Problem};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;

/// For everything that a test waits for.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);

pub(crate) async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

/// One connection, with a token for all its requests.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    token: Option<String>,
}

/// An answer whose body has been read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {:?}", self.status, self.body);
        self
    }

    /// Checks that it is a well-formed problem with this code, and gives it.
    pub(crate) fn is(&self, code: Code) -> Problem {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.headers["content-type"], "application/problem+json", "{text}");
        let problem: Problem = self.json();
        assert_eq!((problem.status, problem.code), (self.status.as_u16(), code), "{text}");
        problem
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { sender, token: None }
    }

    pub(crate) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// Sends a request, and gives the answer before its body is read.
    pub(crate) async fn open(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Response<Incoming> {
        let mut request = Request::builder().method(method).uri(path).header("host", "server");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.sender.ready().await.unwrap();
        within(self.sender.send_request(request.body(Full::new(body.into())).unwrap()))
            .await
            .unwrap()
    }

    pub(crate) async fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let (head, body) = response.into_parts();
        let body = within(body.collect()).await.unwrap().to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, &[], "").await
    }
}
