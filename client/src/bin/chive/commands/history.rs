//! `chive history`: a conversation, oldest message first.

use chive::api::client::Client;

use crate::cli::History;
use crate::exit::Outcome;
use crate::output::Output;
use crate::{show, time};

pub(super) async fn run(history: &History, client: &Client, output: Output) -> Outcome {
    let messages = client.history(&history.name, history.limit, history.before.as_deref()).await?;
    output.answers(&messages, |messages| {
        let shown = show::history(messages, time::now());
        match messages.first() {
            Some(first) if messages.len() >= history.limit as usize => {
                format!("… older ones: chive history {} --before {}\n{shown}", show::quoted(&history.name), first.id)
            }
            _ => shown,
        }
    })
}
