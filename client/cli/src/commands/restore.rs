//! `chive restore`: creates a profile from a backup, in a directory that has none. Needs no node.

use crate::config::Settings;
use chive::profile::backup::{self, Restored};
use chive::profile::{Passphrase, ProfileError};
use chive::store::backup::BackupContents;

use crate::cli::Restore;
use crate::exit::{CliError, CliResult};
use crate::output::Output;
use crate::{passphrase, time};

pub(super) async fn run(restore: &Restore, settings: &Settings, output: Output) -> CliResult {
    let profile = &settings.profile;

    // Before a passphrase is typed: what cannot be restored, or nowhere.
    std::fs::File::open(&restore.file).map_err(|error| {
        CliError::io(&format!("cannot read the backup {}", restore.file.display()), &error)
    })?;
    if std::fs::read_dir(profile).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(ProfileError::Exists(profile.clone()).into());
    }

    let mut passphrase = passphrase::ask(settings.passphrase_file.as_deref(), output)?;
    let passphrase = Passphrase::new(std::mem::take(&mut *passphrase));
    let Restored { made_at, contents } =
        backup::restore(&restore.file, &passphrase, profile).await?;
    let BackupContents { name, contacts, messages, revoked } = contents;
    let made = serde_json::json!({
        "profile": profile.display().to_string(), "name": name, "made_at": made_at,
        "contacts": contacts, "messages": messages, "revoked": revoked,
    });

    output.answer(&made, |_| {
        let (made, profile) = (time::day_and_time(made_at), profile.display());
        format!(
            "The profile is in {profile}, as it was on {made}: contacts: {contacts}, messages: \
            {messages}. \
             Invitations revoked: {revoked}.\nNever run the profile of before again. Start the \
             node: chive run"
        )
    })
}
