//! One connection to a server: sends requests, and reads no answer beyond its limit.

use chive_shared::api::Problem;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use super::{ANSWER_DEADLINE, ServerError, ServerRoute};
use crate::model::AnswerError;
use crate::transport::IsolationToken;

/// The longest answer in JSON.
const MAX_JSON: usize = 64 << 10;
/// What records and boards are sent as.
const BYTES: &str = "application/octet-stream";

/// An open connection. Dropping it closes it.
pub(super) struct ServerConnection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: Option<String>,
    _driver: AbortOnDropHandle<hyper::Result<()>>,
}

impl ServerConnection {
    pub(super) async fn open(
        route: &ServerRoute,
        isolation: IsolationToken,
        attempt: u32,
    ) -> Result<Self, ServerError> {
        let stream = route.dial(isolation, attempt).await?;
        let shaken = timeout(ANSWER_DEADLINE, http1::handshake(TokioIo::new(stream))).await;
        let (sender, connection) =
            shaken.map_err(|_| ServerError::TimedOut)?.map_err(|_| ServerError::Broken)?;
        Ok(Self {
            sender,
            host: route.server.to_address(),
            authorization: route.token.as_ref().map(|token| format!("Bearer {token}")),
            _driver: AbortOnDropHandle::new(tokio::spawn(connection)),
        })
    }

    /// The head of a good answer; otherwise what the server says is wrong.
    pub(super) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Response<Incoming>, ServerError> {
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, BYTES);
        }

        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }

        let request = request
            .body(Full::new(body.into()))
            .map_err(|_| ServerError::Request("it is malformed"))?;
        let answer = timeout(ANSWER_DEADLINE, self.sender.send_request(request)).await;
        let response =
            answer.map_err(|_| ServerError::TimedOut)?.map_err(|_| ServerError::Broken)?;
        if response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }

        let problem: Problem = json(response.into_body()).await?;

        Err(ServerError::Refused(problem))
    }

    /// Asks for JSON.
    pub(super) async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, ServerError> {
        json(self.ask(Method::GET, path, vec![]).await?.into_body()).await
    }

    /// Sends bytes; the answer has nothing to read.
    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<(), ServerError> {
        let answer = self.ask(method, path, body).await?;
        read(answer.into_body(), MAX_JSON).await.map(drop)
    }
}

async fn json<T: DeserializeOwned>(body: Incoming) -> Result<T, ServerError> {
    let body = read(body, MAX_JSON).await?;
    serde_json::from_slice(&body).map_err(|_| ServerError::Protocol(AnswerError::NotJson))
}

/// All of a body, if it is no longer than this.
pub(super) async fn read(body: Incoming, most: usize) -> Result<Bytes, ServerError> {
    let read = timeout(ANSWER_DEADLINE, Limited::new(body, most).collect()).await;
    match read.map_err(|_| ServerError::TimedOut)? {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            Err(ServerError::Protocol(AnswerError::TooLong))
        }
        Err(_) => Err(ServerError::Broken),
    }
}
