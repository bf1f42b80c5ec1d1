//! An open conversation: hands typed texts to the node, and the node's events to the screen. Prints
//! nothing itself.

use chive::api::client::Client;
use chive::api::types::{Direction, Event, Message, NewMessage, What};

use super::screen::{Line, Screen};
use crate::exit::CliResult;
use crate::follow::{Follow, Step};
use crate::outgoing::{accept, new_id};

/// How many messages of the past are shown at the beginning.
const PAST: u32 = 20;

/// A conversation that is open.
pub(super) struct Chat {
    client: Client,
    /// The conversation's id: it stays when the name changes.
    conversation: String,
    pub(super) follow: Follow,
    pub(super) screen: Screen,
}

impl Chat {
    pub(super) async fn open(client: &Client, name: &str) -> CliResult<(Self, Vec<Line>)> {
        // The place in the events before the past: what is in both is shown once.
        let follow = Follow::new(client, None).await?;
        let contact = client.contact(name).await?;
        let past = client.history(&contact.conversation, PAST, None).await?;
        let conversation = client.mark_read(&contact.conversation, None).await?;
        let (screen, opening) = Screen::open(&contact, &conversation, &past);
        Ok((
            Self { client: client.clone(), conversation: conversation.id, follow, screen },
            opening,
        ))
    }

    /// Hands a typed text to the node.
    pub(super) async fn say(&mut self, text: String) -> CliResult<Vec<Line>> {
        let new = NewMessage { text, id: Some(new_id()), expires_in: None };
        let message = accept(&self.client, &self.conversation, &new).await?;
        Ok(self.screen.typed(&message))
    }

    /// What a step in the events shows.
    pub(super) async fn step(&mut self, step: Step) -> CliResult<Vec<Line>> {
        Ok(match step {
            Step::Event(event) => {
                self.mark_read(&event).await;
                self.screen.event(&event)
            }
            Step::Broken => vec![Line::words("the node is gone: waiting for it to come back")],
            Step::Resumed => vec![Line::words("the node is there again")],
            Step::Missed => self.screen.again(&self.past().await?),
        })
    }

    /// What is shown counts as read. If the node cannot be told now, the next message does it.
    async fn mark_read(&self, event: &Event) {
        if let What::Message { message } = &event.what
            && message.conversation == self.conversation
            && message.direction == Direction::Received
            && message.read_at.is_none()
            && let Err(error) = self.client.mark_read(&self.conversation, Some(&message.id)).await
        {
            tracing::debug!(%error, "a message could not be marked as read");
        }
    }

    async fn past(&self) -> CliResult<Vec<Message>> {
        Ok(self.client.history(&self.conversation, PAST, None).await?)
    }
}
