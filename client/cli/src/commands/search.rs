//! `chive search`: finds messages by their words, and prints them, newest first.

use chive::api::client::Client;
use chive::api::types;

use crate::cli::Search;
use crate::exit::CliResult;
use crate::output::Output;
use crate::{show, time};

pub(super) async fn run(search: Search, client: &Client, output: Output) -> CliResult {
    let Search { text, within, limit, before } = search;
    let asked = types::Search { text, conversation: within, limit, before };
    let messages = client.search(&asked).await?;
    output.answers(&messages, |messages| {
        let shown = show::found(messages, &asked.text, time::now());
        match messages.last() {
            Some(last) if messages.len() >= asked.limit as usize => {
                format!("{shown}\n… older ones: the same with --before {}", last.id)
            }
            _ => shown,
        }
    })
}
