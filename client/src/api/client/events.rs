//! Requests the stream of events, and parses it until it ends. Does not reconnect.

use std::collections::VecDeque;

use futures::{Stream, StreamExt, stream};

use super::error::ClientError;
use super::http::{RequestBuilder, StreamedBody, protocol};
use crate::api::types::Event;
use crate::sse::{Parser, SseMessage};

/// The node ends a stream that it cannot go on with by an event of this kind: a `Problem`.
const PROBLEM: &str = "problem";
/// The longest event, in bytes.
const MAX_EVENT: usize = 1 << 20;

pub(super) fn follow(
    ask: RequestBuilder,
) -> impl Stream<Item = Result<Event, ClientError>> + Send + Unpin {
    let reading = async move {
        match ask.open().await {
            Ok(answer) => EventReader::new(answer).into_stream().left_stream(),
            Err(error) => stream::iter([Err(error)]).right_stream(),
        }
    };
    Box::pin(stream::once(reading).flatten())
}

struct EventReader {
    answer: StreamedBody,
    parser: Parser,
    complete: VecDeque<SseMessage>,
}

impl EventReader {
    fn new(answer: StreamedBody) -> Self {
        Self { answer, parser: Parser::new(MAX_EVENT), complete: VecDeque::new() }
    }

    /// Ends after the first error.
    fn into_stream(self) -> impl Stream<Item = Result<Event, ClientError>> {
        stream::unfold(Some(self), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(event) => event.map(|event| (Ok(event), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Event>, ClientError> {
        loop {
            if let Some(sent) = self.complete.pop_front() {
                return understand(&sent).map(Some);
            }
            let Some(bytes) = self.answer.bytes().await? else { return Ok(None) };
            self.complete.extend(self.parser.push(&bytes).map_err(protocol)?);
        }
    }
}

fn understand(sent: &SseMessage) -> Result<Event, ClientError> {
    if sent.kind == PROBLEM {
        return Err(serde_json::from_str(&sent.data).map_or_else(protocol, ClientError::Problem));
    }
    serde_json::from_str(&sent.data).map_err(protocol)
}
