//! `chive passphrase change`: changes the passphrase through the running node, or directly in the
//! profile if no node is running.

use crate::config::Settings;
use chive::api::client::{Client, ClientError};
use chive::api::types::PassphraseChange;
use chive::profile::{self, Passphrase, SOCKET};
use zeroize::{Zeroize, Zeroizing};

use crate::cli;
use crate::exit::CliResult;
use crate::output::Output;
use crate::passphrase::{ask, ask_new};
use crate::profile::must_exist;

pub(super) async fn run(
    command: &cli::Passphrase,
    settings: &Settings,
    output: Output,
) -> CliResult {
    let cli::Passphrase::Change { new_passphrase_file } = command;
    must_exist(&settings.profile)?;
    let old = ask(settings.passphrase_file.as_deref(), output)?;
    let new = ask_new(new_passphrase_file.as_deref(), output)?;
    change(settings, old, new).await?;
    output.done("the passphrase is changed")
}

async fn change(
    settings: &Settings,
    mut old: Zeroizing<String>,
    mut new: Zeroizing<String>,
) -> CliResult {
    let mut change = PassphraseChange { old: old.to_string(), new: new.to_string() };
    let answer = Client::new(settings.profile.join(SOCKET)).change_passphrase(&change).await;
    change.old.zeroize();
    change.new.zeroize();
    match answer {
        Err(ClientError::NotRunning) => {
            let [old, new] =
                [&mut old, &mut new].map(|text| Passphrase::new(std::mem::take(&mut **text)));
            Ok(profile::change_passphrase(&settings.profile, &old, &new)?)
        }
        answer => Ok(answer?),
    }
}
