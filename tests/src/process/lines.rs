//! The output of a child, line by line.

use std::os::fd::OwnedFd;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::time::timeout;

/// The lines a child prints to one of its outputs.
#[derive(Debug)]
pub struct Lines {
    lines: tokio::io::Lines<BufReader<pipe::Receiver>>,
}

impl Lines {
    pub(super) fn new(output: OwnedFd) -> Result<Self> {
        let output = pipe::Receiver::from_owned_fd(output)?;
        Ok(Self { lines: BufReader::new(output).lines() })
    }

    /// The next line without its end, or `None` once the output is closed.
    /// Cancelling this loses nothing.
    pub async fn next(&mut self) -> Result<Option<String>> {
        self.lines.next_line().await.context("cannot read a child's output")
    }

    /// Reads until a line satisfies `wanted`, and returns that line.
    pub async fn find(
        &mut self,
        deadline: Duration,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String> {
        let found = async {
            while let Some(line) = self.next().await? {
                if wanted(&line) {
                    return Ok(line);
                }
            }
            bail!("the output ended before the line that was waited for")
        };
        timeout(deadline, found).await.context("the line that was waited for did not come")?
    }
}
