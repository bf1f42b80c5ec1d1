//! Sends one HTTP request over the socket and reads its answer, within limits of size and time.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{ACCEPT, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio_util::task::AbortOnDropHandle;

use super::error::ClientError;

/// The node answers within 30 seconds, even if only to say that it cannot.
pub(super) const SILENCE_LIMIT: Duration = Duration::from_mins(1);

/// The longest answer that is read: a thousand of the longest messages, escaped in the longest way.
const MAX_ANSWER: usize = 512 << 20;

/// A request that was not sent yet.
pub(super) struct RequestBuilder {
    socket: PathBuf,
    method: Method,
    path: String,
    accept: &'static str,
    body: Option<Bytes>,
    patience: Duration,
}

impl RequestBuilder {
    pub(super) fn new(socket: PathBuf, method: Method, path: String) -> Self {
        Self {
            socket,
            method,
            path,
            accept: "application/json",
            body: None,
            patience: SILENCE_LIMIT,
        }
    }

    pub(super) fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// Waits so long for the answer, or the beginning of one that comes bit by bit.
    pub(super) fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub(super) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        self.body = Some(serde_json::to_vec(body).map_err(io::Error::from)?.into());
        Ok(self)
    }

    /// Sends it and reads the answer as JSON.
    pub(super) async fn answer<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let body = within(self.patience, self.read()).await?;
        serde_json::from_slice(&body).map_err(protocol)
    }

    /// Sends it; the answer has nothing to read.
    pub(super) async fn done(self) -> Result<(), ClientError> {
        within(self.patience, self.read()).await.map(drop)
    }

    async fn read(self) -> Result<Bytes, ClientError> {
        let mut connection = NodeConnection::open(&self.socket).await?;
        let response = connection.send(self).await?;
        read_all(response.into_body()).await
    }

    /// Sends it and leaves the answer's body to be read bit by bit.
    pub(super) async fn open(self) -> Result<StreamedBody, ClientError> {
        within(self.patience, async {
            let mut connection = NodeConnection::open(&self.socket).await?;
            let body = connection.send(self).await?.into_body();
            Ok(StreamedBody { body, connection })
        })
        .await
    }

    fn into_request(self) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(HOST, "chive")
            .header(ACCEPT, self.accept);
        if self.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(self.body.unwrap_or_default())).map_err(protocol)
    }
}

/// An answer that is still coming.
pub struct StreamedBody {
    body: Incoming,
    #[allow(dead_code, reason = "dropping it closes the connection")]
    connection: NodeConnection,
}

impl StreamedBody {
    /// The next bytes, or nothing at the end.
    pub async fn bytes(&mut self) -> Result<Option<Bytes>, ClientError> {
        in_time(async {
            while let Some(frame) = self.body.frame().await {
                if let Ok(bytes) = frame.map_err(broken)?.into_data() {
                    return Ok(Some(bytes));
                }
            }
            Ok(None)
        })
        .await
    }
}

/// A connection for one request. Dropping it closes it.
struct NodeConnection {
    sender: SendRequest<Full<Bytes>>,
    #[allow(dead_code, reason = "dropping it ends the task that moves the bytes")]
    driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl NodeConnection {
    async fn open(socket: &Path) -> Result<Self, ClientError> {
        let stream = UnixStream::connect(socket).await.map_err(unreachable)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
        Ok(Self { sender, driver: AbortOnDropHandle::new(tokio::spawn(connection)) })
    }

    /// The answer's head, if it is a good one; otherwise what the node says is wrong.
    async fn send(&mut self, ask: RequestBuilder) -> Result<Response<Incoming>, ClientError> {
        let response = self.sender.send_request(ask.into_request()?).await.map_err(broken)?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let body = read_all(response.into_body()).await?;
        Err(serde_json::from_slice(&body).map_or_else(|_| protocol(status), ClientError::Problem))
    }
}

async fn read_all(body: Incoming) -> Result<Bytes, ClientError> {
    let collected = Limited::new(body, MAX_ANSWER).collect().await;
    collected
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| io::Error::other(error).into())
}

async fn in_time<T>(work: impl Future<Output = Result<T, ClientError>>) -> Result<T, ClientError> {
    within(SILENCE_LIMIT, work).await
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, ClientError>>,
) -> Result<T, ClientError> {
    let silent =
        |_| ClientError::Io(io::Error::new(io::ErrorKind::TimedOut, "the node does not answer"));
    tokio::time::timeout(limit, work).await.map_err(silent)?
}

fn unreachable(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NotRunning,
        _ => ClientError::Io(error),
    }
}

fn broken(error: hyper::Error) -> ClientError {
    if error.is_parse() { protocol(error) } else { ClientError::Io(io::Error::other(error)) }
}

#[allow(clippy::needless_pass_by_value, reason = "it maps errors")]
pub(super) fn protocol(reason: impl ToString) -> ClientError {
    ClientError::Protocol(reason.to_string())
}

/// A text as one segment of a path, or as one value of a query (RFC 3986): what is not a plain
/// letter or digit is percent-encoded, also the dots of `..`.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            let digits = [byte >> 4, byte & 15]
                .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)]));
            encoded.push('%');
            encoded.extend(digits);
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::segment;

    #[test]
    fn segments_keep_nothing_that_has_a_meaning_in_a_path() {
        assert_eq!(segment("Ada-1_~"), "Ada-1_~");
        assert_eq!(segment("a/b ?#%&="), "a%2Fb%20%3F%23%25%26%3D");
        assert_eq!(segment(".."), "%2E%2E");
        assert_eq!(segment("é"), "%C3%A9");
    }
}
