//! `chive server`, `presence`, `handle` and `request`: manages the servers that show our presence,
//! the handles by which others find us, and the requests of those who did.

use chive::api::client::Client;
use chive::api::types::{Decision, NewServer, OwnPresence};

use crate::cli::{Handle, Request, ServerCommand, ShowAs};
use crate::exit::CliResult;
use crate::output::Output;
use crate::show;
use crate::stdin::read_stdin;

/// A token as it is read from standard input.
const MAX_TOKEN: usize = 512;

pub(super) async fn server(command: ServerCommand, client: &Client, output: Output) -> CliResult {
    match command {
        ServerCommand::Add { address, token } => {
            let token =
                if token.as_deref() == Some("-") { Some(read_stdin(MAX_TOKEN)?) } else { token };
            output.answer(&client.add_server(&NewServer { address, token }).await?, show::server)
        }
        ServerCommand::Remove { address } => {
            client.remove_server(&address).await?;
            output.done("removed: contacts are told not to look there")
        }
        ServerCommand::List | ServerCommand::Status => {
            output.answers(&client.servers().await?, show::servers)
        }
    }
}

pub(super) async fn show_as(presence: ShowAs, client: &Client, output: Output) -> CliResult {
    let presence = match presence {
        ShowAs::On => OwnPresence::On,
        ShowAs::Away => OwnPresence::Away,
        ShowAs::Invisible => OwnPresence::Invisible,
    };
    output.answer(&client.set_presence(presence).await?, |status| {
        show::own_presence(status).to_owned()
    })
}

pub(super) async fn handle(command: Handle, client: &Client, output: Output) -> CliResult {
    match command {
        Handle::Claim { handle } => {
            output.answer(&client.claim_handle(&handle).await?, show::handle)
        }
        Handle::List => output.answers(&client.handles().await?, show::handles),
        Handle::Release { handle } => {
            client.release_handle(&handle).await?;
            output.done("given back: nobody finds you by it once the server has heard of it")
        }
    }
}

pub(super) async fn request(command: Request, client: &Client, output: Output) -> CliResult {
    let (id, decision, said) = match command {
        Request::Accept { id } => {
            (id, Decision::Accept, "accepted: you are contacts once both are online together")
        }
        Request::Decline { id } => (id, Decision::Decline, "declined"),
        Request::Block { id } => (id, Decision::Block, "blocked: it will hear nothing"),
    };
    client.answer_request(&id, decision).await?;
    output.done(said)
}
