//! Tells on standard error what happens, and when. Standard output belongs to the report.

use std::io::{Write as _, stderr};
use std::time::{Duration, Instant};

use anyhow::Result;
use chive::api::types::{ServiceState, Status};
use tokio_util::task::AbortOnDropHandle;

use crate::person::Person;

/// The bootstrap is told in steps of this many percent.
const STEP: u8 = 20;
/// The width of the time before each line.
const MARGIN: usize = 10;

#[derive(Clone, Copy)]
pub(super) struct Narrator {
    began: Instant,
}

impl Narrator {
    pub(super) fn new() -> Self {
        Self { began: Instant::now() }
    }

    /// A step of the story, with the time since its beginning. Further lines are indented.
    pub(super) fn say(self, text: &str) {
        let time = seconds(self.began.elapsed());
        let text = text.replace('\n', &format!("\n{:MARGIN$}", ""));
        write(&format!("{time:>8}  {text}\n"));
    }

    /// Something to look at, under a title.
    #[allow(clippy::unused_self, reason = "all that is told comes from the narrator")]
    pub(super) fn show(self, title: &str, text: &str) {
        write(&format!("\n{title}\n\n  {}\n\n", text.trim_end().replace('\n', "\n  ")));
    }

    /// Tells how a person's node connects to Tor, until the handle is dropped.
    pub(super) fn follow(self, person: &Person) -> Result<AbortOnDropHandle<()>> {
        let (name, mut states) = (person.name().to_owned(), person.states()?);
        Ok(AbortOnDropHandle::new(tokio::spawn(async move {
            let mut told = String::new();
            while states.changed().await.is_ok() {
                let now = states.borrow_and_update().as_ref().map(progress).unwrap_or_default();
                if now != told {
                    self.say(&format!("{name}'s node: {now}."));
                    told = now;
                }
            }
        })))
    }
}

fn progress(status: &Status) -> String {
    let tor = &status.tor;
    match &tor.stalled {
        Some(why) => format!("Tor does not go on ({why:?})"),
        None if !tor.ready => format!("connecting to Tor, {} %", tor.percent / STEP * STEP),
        None if status.endpoint == ServiceState::Reachable => {
            "its onion service can be reached".to_owned()
        }
        None => "connected to Tor".to_owned(),
    }
}

/// A time as `12.3 s`.
pub(super) fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn write(text: &str) {
    // If no one reads it, the demo goes on.
    let _ = stderr().write_all(text.as_bytes());
}
