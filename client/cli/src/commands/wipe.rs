//! `chive wipe`: destroys the profile, through the running node, or directly if no node is running.

use crate::config::Settings;
use chive::api::client::{Client, ClientError};
use chive::profile::{self, SOCKET};

use crate::cli::Confirmed;
use crate::confirm::confirm_or_end;
use crate::exit::CliResult;
use crate::output::Output;
use crate::profile::must_exist;

pub(super) async fn run(sure: &Confirmed, settings: &Settings, output: Output) -> CliResult {
    must_exist(&settings.profile)?;
    if !sure.yes {
        let profile = settings.profile.display();
        confirm_or_end(&format!(
            "Destroy the profile in {profile}, with all keys, contacts and messages, for good?"
        ))?;
    }
    match Client::new(settings.profile.join(SOCKET)).wipe().await {
        Err(ClientError::NotRunning) => profile::wipe(&settings.profile)?,
        answer => answer?,
    }
    output.done("the profile is destroyed")
}
