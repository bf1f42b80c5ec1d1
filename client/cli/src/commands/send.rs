//! `chive send`: hands a message to the node. With `--wait`, follows events until the message
//! reaches the given state.

use chive::api::client::Client;
use chive::api::types::{Message, MessageState, NewMessage, What};
use chive::limits::MAX_TEXT;

use crate::cli::{Send, Wait};
use crate::exit::{CliError, CliResult, Exit};
use crate::follow::{Follow, Step};
use crate::outgoing::{accept, new_id};
use crate::output::Output;
use crate::show;
use crate::stdin::read_stdin;
use crate::time::Period;

pub(super) async fn run(send: Send, client: &Client, output: Output) -> CliResult {
    let text = if send.text == "-" { read_stdin(MAX_TEXT)? } else { send.text };
    let new =
        NewMessage { text, id: Some(new_id()), expires_in: send.expires.map(Period::seconds) };
    let Some(wait) = send.wait else {
        return output.answer(&accept(client, &send.name, &new).await?, say);
    };

    // The place in the events is fixed first: no state that comes later is missed.
    let follow = Follow::new(client, None).await?;
    let message = accept(client, &send.name, &new).await?;
    let id = message.id.clone();
    let fate = until(client, follow, message, wait);
    let message = match send.timeout {
        None => fate.await?,
        Some(timeout) => tokio::time::timeout(timeout.0, fate)
            .await
            .map_err(|_| too_late(wait, timeout, &id))??,
    };

    output.answer(&message, say)
}

async fn until(
    client: &Client,
    mut follow: Follow,
    mut message: Message,
    wait: Wait,
) -> CliResult<Message> {
    loop {
        if reached(message.state, wait)? {
            return Ok(message);
        }
        match follow.next().await? {
            Step::Event(event) => {
                if let What::Message { message: news } = event.what
                    && news.id == message.id
                {
                    message = news;
                }
            }
            Step::Missed => message = client.message(&message.id).await?,
            Step::Broken | Step::Resumed => {}
        }
    }
}

/// True when the message is that far; an error when it never will be.
fn reached(state: MessageState, wait: Wait) -> CliResult<bool> {
    match state {
        MessageState::Delivered | MessageState::Read => Ok(true),
        MessageState::Sent => Ok(wait == Wait::Sent),
        MessageState::Expired => {
            Err(lost("expired", "the message expired before it was delivered"))
        }
        MessageState::Cancelled => Err(lost("cancelled", "the message was cancelled")),
        MessageState::Queued | MessageState::Received => Ok(false),
    }
}

fn lost(code: &str, detail: &str) -> CliError {
    CliError::new(Exit::NotInTime, code, detail)
}

fn too_late(wait: Wait, timeout: Period, id: &str) -> CliError {
    let state = match wait {
        Wait::Sent => "sent",
        Wait::Delivered => "delivered",
    };
    let time = humantime::format_duration(timeout.0);
    let detail = format!(
        "not {state} within {time}. The message goes on waiting; take it back with `chive cancel \
        {id}`"
    );
    CliError::new(Exit::NotInTime, "timeout", detail)
}

fn say(message: &Message) -> String {
    match message.state {
        MessageState::Queued => format!("{}  {}", message.id, show::progress(message)),
        _ => show::progress(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_reached_or_lost_or_awaited() {
        assert_eq!(reached(MessageState::Queued, Wait::Sent).ok(), Some(false));
        assert_eq!(reached(MessageState::Sent, Wait::Sent).ok(), Some(true));
        assert_eq!(reached(MessageState::Sent, Wait::Delivered).ok(), Some(false));
        assert_eq!(reached(MessageState::Delivered, Wait::Sent).ok(), Some(true));
        for state in [MessageState::Expired, MessageState::Cancelled] {
            assert_eq!(reached(state, Wait::Sent).err().map(|e| e.exit), Some(Exit::NotInTime));
        }
    }

    #[test]
    fn ids_are_what_the_api_takes() {
        let id = new_id();
        assert!(
            id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "{id}"
        );
        assert_ne!(id, new_id());
    }
}
