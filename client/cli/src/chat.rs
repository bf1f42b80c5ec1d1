//! `chive chat`: a conversation, typed in a terminal or piped through.
//!
//! `state` is the open conversation, `screen` decides what is shown, `terminal` and `pipe` are the two ways to type and to read.

use std::io::{self, IsTerminal};

use chive::api::client::Client;

use crate::exit::CliResult;
use crate::output::{self, Output};

mod pipe;
mod screen;
mod state;
mod terminal;

use state::Chat;

/// Talks until the input ends.
pub(crate) async fn run(name: &str, client: &Client, output: Output) -> CliResult {
    let (chat, opening) = Chat::open(client, name).await?;
    if io::stdin().is_terminal() && output::to_a_person() && !output.json {
        terminal::run(chat, opening).await
    } else {
        pipe::run(chat, opening, output).await
    }
}
