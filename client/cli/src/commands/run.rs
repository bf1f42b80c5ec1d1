//! `chive run`: runs the node in the foreground, and reports its state, until a signal stops it.

use std::sync::Mutex;

use crate::config::Settings;
use chive::api::types::Status;
use chive::node::Links;
use chive::profile::{self, Passphrase};
use chive::run::{self, RunOptions};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::cli::When;
use crate::exit::{CliError, CliResult};
use crate::output::{self, Output};
use crate::passphrase;
use crate::profile::must_exist;
use crate::progress::Progress;
use crate::time;

/// What a shell expects of a command that a signal ended.
const STOPPED_AT_ONCE: i32 = 130;

pub(super) async fn run(links: When, settings: &Settings, output: Output) -> CliResult {
    must_exist(&settings.profile)?;
    let links = match links {
        When::Always => Links::Always,
        When::Needed => Links::WhenNeeded,
    };
    let options = RunOptions { tor: settings.tor()?, links };
    let mut passphrase = passphrase::ask(settings.passphrase_file.as_deref(), output)?;
    let passphrase = Passphrase::new(std::mem::take(&mut *passphrase));

    // Not before the prompt: that is left by Ctrl-C like any other.
    let signals = Signals::catch()?;
    tell(output, "Unlocking the profile …")?;
    let profile = profile::open(&settings.profile, &passphrase).await?;
    drop(passphrase);
    run::run(profile, options, teller(output), signals.stop(output)).await?;

    tell(output, "Stopped.")
}

/// A line for a person; programs hear of states only.
fn tell(output: Output, said: &str) -> CliResult {
    if output.json {
        Ok(())
    } else {
        output::line(&format!("{}  {said}", time::time_of_day(time::now())))
    }
}

/// Says what changed. The node runs on when nobody listens.
fn teller(output: Output) -> impl Fn(&Status) + Send + Sync + 'static {
    let progress = Mutex::new(Progress::default());
    move |status| {
        if output.json {
            let _ = output.answer(status, |_| String::new());
            return;
        }
        let Ok(mut progress) = progress.lock() else { return };
        for said in progress.lines(status, time::now()) {
            let _ = output::line(&said);
        }
    }
}

/// The signals that end the node.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    pub(super) fn catch() -> CliResult<Self> {
        let catch = |kind| signal(kind).map_err(|e| CliError::io("cannot listen for signals", &e));
        Ok(Self {
            interrupt: catch(SignalKind::interrupt())?,
            terminate: catch(SignalKind::terminate())?,
            hangup: catch(SignalKind::hangup())?,
        })
    }

    /// Waits for the first signal; a second one ends the process without waiting for anything.
    pub(super) async fn stop(mut self, output: Output) {
        self.next().await;
        let _ = tell(output, "Stopping … (once more to stop at once)");
        tokio::spawn(async move {
            self.next().await;
            std::process::exit(STOPPED_AT_ONCE);
        });
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
