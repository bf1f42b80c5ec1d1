//! `chive history`: prints a conversation, oldest message first. Shown to a person, the messages
//! count as read.

use chive::api::client::Client;
use chive::api::types::{Direction, Message};

use crate::cli::History;
use crate::exit::CliResult;
use crate::output::{self, Output};
use crate::{show, time};

pub(super) async fn run(history: &History, client: &Client, output: Output) -> CliResult {
    let messages = client.history(&history.name, history.limit, history.before.as_deref()).await?;
    output.answers(&messages, |messages| {
        let shown = show::history(messages, time::now());
        match messages.first() {
            Some(first) if messages.len() >= history.limit as usize => {
                format!(
                    "… older ones: chive history {} --before {}\n{shown}",
                    show::quoted(&history.name),
                    first.id
                )
            }
            _ => shown,
        }
    })?;
    if !output.json && output::to_a_person() && history.before.is_none() {
        client.mark_read(&history.name, newest(&messages)).await?;
    }

    Ok(())
}

/// The received message that came last of those that are shown.
fn newest(messages: &[Message]) -> Option<&str> {
    let received = messages.iter().filter(|message| message.direction == Direction::Received);
    received.max_by_key(|message| message.delivered_at).map(|message| message.id.as_str())
}
