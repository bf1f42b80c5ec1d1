//! `chive chat`: shows a conversation, and sends what is typed in a terminal or comes through a
//! pipe.
//!
//! `state` is the open conversation, `screen` decides which lines to print, `terminal` and `pipe`
//! read the input and print the lines.

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
