//! `chive events`: prints the node's events as they occur, and reconnects after a break. Fails if
//! events were lost.

use chive::api::client::Client;

use crate::exit::{CliError, CliResult, Exit};
use crate::follow::{Follow, Step};
use crate::output::Output;
use crate::show;

pub(super) async fn run(after: Option<i64>, client: &Client, output: Output) -> CliResult {
    // Without a node at the start there is nothing to follow: that is said, not waited for.
    client.status().await?;
    let mut follow = Follow::new(client, after).await?;
    loop {
        match follow.next().await? {
            Step::Event(event) => output.answer(&*event, show::event)?,
            Step::Broken => output.note("the node is gone: waiting for it to come back"),
            Step::Resumed => output.note("the node is there again: going on behind the last event"),
            Step::Missed => return Err(gap()),
        }
    }
}

/// A stream with a gap must not pass for one without.
fn gap() -> CliError {
    let detail = "the node no longer keeps the events that come next: begin anew without --after, \
                 and read the \
                  messages with `chive history`";
    CliError::new(Exit::Refused, "cursor_expired", detail)
}
