//! Follows the node's events across broken connections and restarts of the node, and says when
//! events were lost.

use std::pin::Pin;
use std::time::Duration;

use chive::api::client::{Client, ClientError};
use chive::api::types::{ErrorCode, Event};
use chive_shared::backoff::{Backoff, Pauses};
use futures::{Stream, StreamExt as _};

use crate::exit::{CliError, CliResult};

/// The pauses before connecting again: a restarted node is noticed within the longest.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));

type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>;

/// What [`Follow::next`] returns.
#[derive(Debug)]
pub(crate) enum Step {
    Event(Box<Event>),
    /// The connection broke; it is being made again.
    Broken,
    /// The connection is there again.
    Resumed,
    /// The node no longer keeps the events that come next: what follows is from now on.
    Missed,
}

/// A place in the node's events.
pub(crate) struct Follow {
    client: Client,
    after: i64,
    events: Option<EventStream>,
    broken: bool,
    pauses: Pauses,
}

impl Follow {
    /// Follows the events after `after`, or those from now on.
    ///
    /// The cursor is fixed before this returns: what happens afterwards is not missed.
    pub(crate) async fn new(client: &Client, after: Option<i64>) -> CliResult<Self> {
        let after = match after {
            Some(after) => after,
            None => client.status().await?.last_event,
        };
        Ok(Self {
            client: client.clone(),
            after,
            events: None,
            broken: false,
            pauses: PAUSES.pauses(),
        })
    }

    /// The next step. It can be dropped while it waits, and asked again.
    pub(crate) async fn next(&mut self) -> CliResult<Step> {
        while self.broken {
            if let Some(step) = self.resume().await? {
                return Ok(step);
            }
        }

        let events =
            self.events.get_or_insert_with(|| Box::pin(self.client.events(Some(self.after))));
        match events.next().await {
            Some(Ok(event)) => Ok(self.advance(event)),
            Some(Err(ClientError::Problem(p))) if p.code == ErrorCode::CursorExpired => {
                self.skip().await
            }
            Some(Err(error @ ClientError::Problem(_))) if !is_stopping(&error) => Err(error.into()),
            Some(Err(error @ ClientError::Protocol(_))) => Err(error.into()),
            Some(Err(_)) | None => Ok(self.lose()),
        }
    }

    fn advance(&mut self, event: Event) -> Step {
        self.after = event.seq;
        self.pauses.reset();
        Step::Event(Box::new(event))
    }

    fn lose(&mut self) -> Step {
        self.events = None;
        self.broken = true;
        Step::Broken
    }

    /// Waits a little and tries once: a step when the node answers again.
    async fn resume(&mut self) -> CliResult<Option<Step>> {
        tokio::time::sleep(self.pauses.after_failure()).await;
        match self.client.status().await {
            // A cursor of the future belongs to a profile that is no longer there.
            Ok(status) if status.last_event < self.after => {
                self.after = status.last_event;
                self.broken = false;
                Ok(Some(Step::Missed))
            }
            Ok(_) => {
                self.broken = false;
                Ok(Some(Step::Resumed))
            }
            Err(error @ (ClientError::Io(_) | ClientError::NotRunning)) => {
                tracing::debug!(%error, "no node answers yet");
                Ok(None)
            }
            Err(error) if is_stopping(&error) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn skip(&mut self) -> CliResult<Step> {
        self.events = None;
        self.after = self.client.status().await.map_err(CliError::from)?.last_event;
        Ok(Step::Missed)
    }
}

fn is_stopping(error: &ClientError) -> bool {
    matches!(error, ClientError::Problem(problem) if problem.code == ErrorCode::Stopping)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_stays_away_is_told_once() -> CliResult {
        let dir = tempfile::tempdir()?;
        let mut follow = Follow::new(&Client::new(dir.path().join("api.sock")), Some(3)).await?;
        assert!(matches!(follow.next().await?, Step::Broken));
        let silence = tokio::time::timeout(5 * PAUSES.after(0), follow.next()).await;
        assert!(silence.is_err(), "{silence:?}");
        Ok(())
    }
}
