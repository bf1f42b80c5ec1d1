//! Everything that `chive events` has printed, from the first event on. Nothing is ever dropped.

use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::api::types::Event;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{Child, Launch};

/// Everything that one node reported.
#[derive(Debug)]
pub(super) struct Events {
    events: watch::Receiver<Vec<Event>>,
    _reading: AbortOnDropHandle<()>,
}

impl Events {
    /// Starts to follow with this command.
    pub(super) fn follow(command: Launch) -> Result<Self> {
        let child = command.start()?;
        let (sender, events) = watch::channel(Vec::new());
        Ok(Self { events, _reading: AbortOnDropHandle::new(tokio::spawn(read(child, sender))) })
    }

    pub(super) fn all(&self) -> watch::Ref<'_, Vec<Event>> {
        self.events.borrow()
    }

    /// Waits until `find` finds something in all events until now.
    pub(super) async fn wait<T>(
        &self,
        patience: Duration,
        find: impl Fn(&[Event]) -> Option<T>,
    ) -> Result<T> {
        let mut events = self.events.clone();
        let found = async {
            loop {
                if let Some(found) = find(&events.borrow_and_update()) {
                    return Ok(found);
                }
                events.changed().await.context("`chive events` has ended")?;
            }
        };
        timeout(patience, found)
            .await
            .with_context(|| format!("not within {} s", patience.as_secs()))?
    }
}

/// Ends with the output, or at a line that is not an event; dropping the sender wakes the waiters.
async fn read(mut child: Child, events: watch::Sender<Vec<Event>>) {
    let Some(lines) = child.stdout() else { return };
    while let Ok(Some(line)) = lines.next().await {
        match serde_json::from_str(&line) {
            Ok(event) => events.send_modify(|events| events.push(event)),
            Err(error) => {
                tracing::error!(%error, "`chive events` printed something else");
                return;
            }
        }
    }
}
