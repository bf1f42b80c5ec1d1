//! The output of a command that has ended: its answer, or its error. Nothing here knows what a
//! command means.

use std::fmt::Write as _;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt as _;

use crate::process::{Child, Launch, Lines, Output};

/// A command that has ended.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The exit code; 255 for a command that a signal ended.
    pub code: i32,
    /// Everything that it printed to standard output.
    pub stdout: String,
    /// Everything that it printed to standard error.
    pub stderr: String,
}

/// The error that a failed command prints as JSON.
#[derive(Clone, Debug, Deserialize)]
pub struct CommandError {
    /// The exit code, which is not in the JSON.
    #[serde(skip)]
    pub exit: i32,
    /// A stable code, for programs.
    pub code: String,
    /// A sentence for people, in English.
    pub detail: String,
}

#[derive(Deserialize)]
struct ErrorLine {
    error: CommandError,
}

impl Answer {
    /// Starts a command, feeds it the input, and waits for its end.
    pub async fn of(command: Launch, input: Option<&str>) -> Result<Self> {
        let command = if input.is_some() { command.with_stdin() } else { command };
        let mut child = command.stdout(Output::Lines).stderr(Output::Lines).start()?;
        let (stdout, stderr) = (child.take_stdout(), child.take_stderr());
        let fed = feed(&mut child, input.unwrap_or_default());
        let (fed, stdout, stderr) = tokio::join!(fed, all(stdout), all(stderr));
        // A command that fails early does not read its input: its answer says so.
        drop(fed);
        let status = child.wait().await?;
        Ok(Self { code: status.code().unwrap_or(255), stdout: stdout?, stderr: stderr? })
    }

    /// The text of a command that must have succeeded.
    pub fn text(self) -> Result<String> {
        ensure!(self.code == 0, "the command ended with {}: {}", self.code, self.stderr.trim_end());
        Ok(self.stdout)
    }

    /// The one object that a command answered.
    pub fn object<T: DeserializeOwned>(self) -> Result<T> {
        let mut objects = self.objects()?;
        ensure!(objects.len() == 1, "the command answered {} objects, not one", objects.len());
        objects.pop().context("no object")
    }

    /// The objects that a command answered, one a line.
    pub fn objects<T: DeserializeOwned>(self) -> Result<Vec<T>> {
        let text = self.text()?;
        let read = |line| {
            serde_json::from_str(line).with_context(|| format!("the command answered {line}"))
        };
        text.lines().map(read).collect()
    }

    /// The error of a command that must have failed.
    pub fn error(self) -> Result<CommandError> {
        ensure!(self.code != 0, "the command did not fail: {}", self.stdout.trim_end());
        ensure!(self.stdout.is_empty(), "a failed command answered {}", self.stdout);
        let last = self.stderr.lines().last().context("a failed command printed no error")?;
        let line: ErrorLine = serde_json::from_str(last)
            .with_context(|| format!("a failed command printed {last}"))?;
        Ok(CommandError { exit: self.code, ..line.error })
    }
}

async fn feed(child: &mut Child, input: &str) -> Result<()> {
    if let Some(stdin) = child.stdin() {
        stdin.write_all(input.as_bytes()).await?;
    }
    child.close_stdin();
    Ok(())
}

async fn all(lines: Option<Lines>) -> Result<String> {
    let mut text = String::new();
    let Some(mut lines) = lines else { return Ok(text) };
    while let Some(line) = lines.next().await? {
        writeln!(text, "{line}")?;
    }
    Ok(text)
}
