//! A running node: its process, and the statuses that it prints. It is asked nothing; commands do
//! that.

use std::process::ExitStatus;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::api::types::Status;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::process::{Child, Launch, Lines, Signal};

/// A process of `chive run`.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) process: Child,
    status: watch::Receiver<Option<Status>>,
    _reading: AbortOnDropHandle<()>,
}

impl Node {
    /// Starts it, and waits for its first status: from then on it accepts commands.
    pub(super) async fn start(command: Launch, patience: Duration) -> Result<Self> {
        let mut process = command.start()?;
        let lines = process.take_stdout().context("the output is not piped")?;
        let (sender, status) = watch::channel(None);
        let node = Self {
            process,
            status,
            _reading: AbortOnDropHandle::new(tokio::spawn(read(lines, sender))),
        };
        node.until(patience, |_| true).await?;
        Ok(node)
    }

    /// Waits for a status that satisfies `wanted`.
    pub(super) async fn until(
        &self,
        patience: Duration,
        wanted: impl Fn(&Status) -> bool,
    ) -> Result<Status> {
        let mut status = self.status.clone();
        let found = status.wait_for(|status| status.as_ref().is_some_and(&wanted));
        let found = timeout(patience, found).await;
        let found = found
            .with_context(|| self.describe_timeout(patience))?
            .context("the node has ended")?;
        found.clone().context("the node printed no status")
    }

    pub(super) fn states(&self) -> watch::Receiver<Option<Status>> {
        self.status.clone()
    }

    fn describe_timeout(&self, patience: Duration) -> String {
        let tor = self.status.borrow().as_ref().map(|status| status.tor.clone());
        let tor = tor.map(|tor| format!("{} %: {:?} {:?}", tor.percent, tor.summary, tor.stalled));
        format!(
            "not within {} s; Tor: {}",
            patience.as_secs(),
            tor.as_deref().unwrap_or("not started")
        )
    }

    /// Sends SIGINT, and waits for the end.
    pub(super) async fn interrupt(mut self, patience: Duration) -> Result<ExitStatus> {
        self.process.signal(Signal::INT)?;
        self.ended(patience).await
    }

    /// Waits for the end.
    pub(super) async fn ended(mut self, patience: Duration) -> Result<ExitStatus> {
        timeout(patience, self.process.wait()).await.context("the node does not end")?
    }
}

async fn read(mut lines: Lines, status: watch::Sender<Option<Status>>) {
    while let Ok(Some(line)) = lines.next().await {
        if let Ok(printed) = serde_json::from_str(&line) {
            status.send_replace(Some(printed));
        }
    }
}
