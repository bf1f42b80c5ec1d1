//! The commands, one file each: most send a request to the node and print its answer.

use std::path::Path;

use crate::config::Settings;
use chive::api::client::Client;
use chive::api::types::ProfileChange;
use chive::profile::SOCKET;

use crate::cli::{Command, InviteCommand};
use crate::exit::CliResult;
use crate::output::Output;
use crate::profile::must_exist;
use crate::{chat, show, time};

mod add;
mod backup;
mod completions;
mod contact;
mod events;
mod history;
mod init;
mod invite;
mod open;
mod passphrase;
mod presence;
mod restore;
mod run;
mod search;
pub(crate) mod send;
mod watch;
mod wipe;

pub(crate) async fn run(command: Command, settings: &Settings, output: Output) -> CliResult {
    match command {
        Command::Open(open) => open::run(&open, settings, output).await,
        Command::Init(init) => init::run(&init, settings, output).await,
        Command::Run { links } => run::run(links, settings, output).await,
        Command::Completions { shell } => completions::run(shell),
        Command::Passphrase(change) => passphrase::run(&change, settings, output).await,
        Command::Restore(restore) => restore::run(&restore, settings, output).await,
        Command::Wipe(sure) => wipe::run(&sure, settings, output).await,
        Command::Backup(backup) => {
            backup::run(&backup, &client(&settings.profile)?, settings, output).await
        }
        other => ask(other, &client(&settings.profile)?, output).await,
    }
}

/// The commands that only ask the node.
async fn ask(command: Command, client: &Client, output: Output) -> CliResult {
    match command {
        Command::Status => output.answer(&client.status().await?, show::status),
        Command::Invite(invite) => match &invite.revoke {
            Some(InviteCommand::Revoke { id }) => {
                output.answer(&client.revoke(id).await?, show::invitation)
            }
            None => invite::run(&invite, client, output).await,
        },
        Command::Invites => output.answers(&client.invitations().await?, show::invitations),
        Command::Add(add) => add::run(add, client, output).await,
        Command::Contacts => {
            let conversations = if output.json { vec![] } else { client.conversations().await? };
            output.answers(&client.contacts().await?, |contacts| {
                show::contacts(contacts, &conversations)
            })
        }
        Command::Conversations { name: Some(name) } => {
            let conversation = client.conversation(&name).await?;
            output.answer(&conversation, |conversation| {
                show::whole_conversation(conversation, time::now())
            })
        }
        Command::Conversations { name: None } => {
            let conversations = client.conversations().await?;
            output.answers(&conversations, |conversations| {
                show::conversations(conversations, time::now())
            })
        }
        Command::Contact(contact) => contact::run(contact, client, output).await,
        Command::Send(send) => send::run(send, client, output).await,
        Command::Cancel { id } => output
            .answer(&client.cancel(&id).await?, |_| "cancelled: it will not be sent".to_owned()),
        Command::History(history) => history::run(&history, client, output).await,
        Command::Read { name, up_to } => output
            .answer(&client.mark_read(&name, up_to.as_deref()).await?, |_| {
                "marked as read".to_owned()
            }),
        Command::Server(server) => presence::server(server, client, output).await,
        Command::Presence { presence } => presence::show_as(presence, client, output).await,
        Command::Watch { name, timeout } => watch::run(&name, timeout, client, output).await,
        Command::Handle(handle) => presence::handle(handle, client, output).await,
        Command::Requests => output.answers(&client.requests().await?, show::requests),
        Command::Request(request) => presence::request(request, client, output).await,
        Command::Name { new } => {
            let change = ProfileChange { name: Some(new) };
            output.answer(&client.change_profile(&change).await?, show::status)
        }
        Command::Search(search) => search::run(search, client, output).await,
        Command::Chat { name } => chat::run(&name, client, output).await,
        Command::Events { after } => events::run(after, client, output).await,
        Command::Open(_)
        | Command::Init(_)
        | Command::Run { .. }
        | Command::Completions { .. }
        | Command::Passphrase(_)
        | Command::Backup(_)
        | Command::Restore(_)
        | Command::Wipe(_) => Ok(()),
    }
}

/// A client of the profile's node. Whether that runs shows at the first request.
fn client(profile: &Path) -> CliResult<Client> {
    must_exist(profile)?;
    Ok(Client::new(profile.join(SOCKET)))
}
