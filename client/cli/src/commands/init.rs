//! `chive init`: creates a profile. Works on the profile directory; needs no node.

use crate::config::Settings;
use chive::profile::{self, Passphrase};
use chive::text;

use crate::cli::Init;
use crate::exit::{CliError, CliResult, Exit};
use crate::output::Output;
use crate::passphrase;

pub(super) async fn run(init: &Init, settings: &Settings, output: Output) -> CliResult {
    let name = text::check_name(&init.name)
        .map_err(|why| CliError::new(Exit::Refused, "invalid_name", why))?;
    let mut passphrase = passphrase::ask_new(settings.passphrase_file.as_deref(), output)?;
    let passphrase = Passphrase::new(std::mem::take(&mut *passphrase));
    profile::create(&settings.profile, &name, &passphrase).await?;
    let made =
        serde_json::json!({ "profile": settings.profile.display().to_string(), "name": name });
    output.answer(&made, |_| {
        format!("The profile is in {}. Start the node: chive run", settings.profile.display())
    })
}
