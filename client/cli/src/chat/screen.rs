//! Decides which lines a chat prints for each event, and that no message is printed twice. No I/O.

use std::collections::VecDeque;

use chive::api::types::{
    Contact, ContactState, Conversation, ConversationSettings, Direction, Event, Message,
    MessageState, Policy, Reason, What,
};
use chive::text::for_one_line;

use crate::{show, time};

/// How many messages are remembered, so that none is shown twice.
const REMEMBERED: usize = 512;
/// How much of a text is repeated when its state changes.
const SNIPPET: usize = 24;

/// Something to show: words for a person, and the message that they are about for a program.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) words: String,
    pub(super) message: Option<Message>,
}

impl Line {
    /// A remark that is about no message.
    pub(super) fn words(words: impl Into<String>) -> Self {
        Self { words: format!("· {}", words.into()), message: None }
    }

    fn about(words: String, message: &Message) -> Self {
        Self { words, message: Some(message.clone()) }
    }
}

/// A message that was shown, and how it was then.
#[derive(Debug)]
struct ShownMessage {
    id: String,
    state: MessageState,
    reason: Option<Reason>,
}

/// What is on the screen.
#[derive(Debug)]
pub(super) struct Screen {
    contact: String,
    contact_state: ContactState,
    conversation: String,
    settings: ConversationSettings,
    shown: VecDeque<ShownMessage>,
}

impl Screen {
    /// Begins with the contact, the conversation with them, and the past of it.
    pub(super) fn open(
        contact: &Contact,
        conversation: &Conversation,
        past: &[Message],
    ) -> (Self, Vec<Line>) {
        let mut screen = Self {
            contact: contact.id.clone(),
            contact_state: contact.state,
            conversation: conversation.id.clone(),
            settings: conversation.settings,
            shown: VecDeque::new(),
        };
        let mut lines = screen.again(past);
        let ConversationSettings { ours, theirs, .. } = conversation.settings;
        if ours != Policy::default() || theirs != Policy::default() {
            lines.push(Line::words(show::agreement(conversation)));
        }

        lines.push(Line::words(format!(
            "{}. Ctrl-D leaves",
            show::contact_and_counts(contact, conversation)
        )));

        (screen, lines)
    }

    /// The past once more: only what is new in it is shown.
    pub(super) fn again(&mut self, past: &[Message]) -> Vec<Line> {
        past.iter().filter_map(|message| self.message(message)).collect()
    }

    /// A text that was typed here and accepted: it stands there already, so only its state is said.
    pub(super) fn typed(&mut self, message: &Message) -> Vec<Line> {
        self.remember(message);
        let waits_for_something = message.state != MessageState::Queued || message.reason.is_some();
        let words = if waits_for_something { Self::state(message, None) } else { String::new() };
        vec![Line::about(words, message)]
    }

    /// What an event shows, if it is about this conversation.
    pub(super) fn event(&mut self, event: &Event) -> Vec<Line> {
        match &event.what {
            What::Message { message } if message.conversation == self.conversation => {
                self.message(message).into_iter().collect()
            }
            What::Presence { id, name, presence, .. } if *id == self.contact => {
                let at = time::short(event.at, event.at);
                vec![Line::words(format!(
                    "{} is {} ({at})",
                    for_one_line(name),
                    show::presence(*presence)
                ))]
            }
            What::MessagesGone { conversation, name, messages }
                if *conversation == self.conversation =>
            {
                vec![Line::words(show::gone(name, messages))]
            }
            What::KeyChanged { id, name } if *id == self.contact => {
                vec![Line::words(show::key_changed(name))]
            }
            What::ConversationRestarted { conversation, name, by_contact, .. }
                if *conversation == self.conversation =>
            {
                vec![Line::words(show::restarted(name, *by_contact))]
            }
            What::Contact { contact } if contact.id == self.contact => self.contact(contact),
            What::Conversation { conversation } if conversation.id == self.conversation => {
                self.conversation(conversation)
            }
            What::ContactRemoved { id, name, .. } if *id == self.contact => {
                vec![Line::words(format!("{} was removed from the contacts", for_one_line(name)))]
            }
            _ => Vec::new(),
        }
    }

    fn contact(&mut self, contact: &Contact) -> Vec<Line> {
        let mut lines = Vec::new();
        if std::mem::replace(&mut self.contact_state, contact.state) != contact.state {
            lines.push(Line::words(show::contact(contact)));
        }
        lines
    }

    fn conversation(&mut self, conversation: &Conversation) -> Vec<Line> {
        let before = std::mem::replace(&mut self.settings, conversation.settings);
        if (before.ours, before.theirs) == (self.settings.ours, self.settings.theirs) {
            return Vec::new();
        }
        vec![Line::words(show::agreement(conversation))]
    }

    fn message(&mut self, message: &Message) -> Option<Line> {
        match self.remember(message) {
            None => Some(Line::about(show::message(message, time::now()), message)),
            Some(same) if same => None,
            // A message that others sent does not change in a way worth a line.
            Some(_) if message.direction == Direction::Received => None,
            Some(_) => Some(Line::about(Self::state(message, Some(&message.text)), message)),
        }
    }

    fn state(message: &Message, text: Option<&str>) -> String {
        let text = text.map(|text| format!("  “{}”", snippet(text))).unwrap_or_default();
        format!("    {}{text}", show::progress(message))
    }

    /// Whether the message was shown, and if so, whether it was the same then.
    fn remember(&mut self, message: &Message) -> Option<bool> {
        if let Some(shown) = self.shown.iter_mut().rev().find(|shown| shown.id == message.id) {
            let same = shown.state == message.state && shown.reason == message.reason;
            (shown.state, shown.reason) = (message.state, message.reason.clone());
            return Some(same);
        }
        if self.shown.len() == REMEMBERED {
            self.shown.pop_front();
        }
        let (id, state, reason) = (message.id.clone(), message.state, message.reason.clone());
        self.shown.push_back(ShownMessage { id, state, reason });
        None
    }
}

fn snippet(text: &str) -> String {
    let mut shown: String = for_one_line(text).chars().take(SNIPPET + 1).collect();
    if shown.chars().count() > SNIPPET {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use chive::api::types::Presence;

    use super::*;
    use crate::show::tests::{a_conversation, a_message};

    fn bob() -> Contact {
        Contact {
            id: "cd".repeat(32),
            name: "Bob".to_owned(),
            shared_name: None,
            state: ContactState::Requested,
            reason: None,
            presence: Presence::Unknown,
            presence_source: None,
            presence_reason: None,
            since: None,
            presence_hidden: false,
            verified: false,
            safety_number: None,
            conversation: a_conversation().id,
            created_at: 0,
        }
    }

    fn ours(state: MessageState) -> Message {
        Message { id: "ef".repeat(16), direction: Direction::Sent, state, ..a_message() }
    }

    fn event(what: What) -> Event {
        Event { seq: 1, at: 0, what }
    }

    fn news(message: Message) -> Event {
        event(What::Message { message })
    }

    fn words(lines: &[Line]) -> String {
        lines.iter().map(|line| line.words.as_str()).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_in_the_past_and_in_the_events_is_shown_once() {
        let (mut screen, opening) = Screen::open(&bob(), &a_conversation(), &[a_message()]);
        assert!(words(&opening).contains("Bob: hi"));
        assert!(screen.event(&news(a_message())).is_empty());
    }

    #[test]
    fn a_typed_message_shows_each_state_once() {
        let (mut screen, _) = Screen::open(&bob(), &a_conversation(), &[]);
        assert_eq!(words(&screen.typed(&ours(MessageState::Queued))), "");
        assert!(screen.event(&news(ours(MessageState::Queued))).is_empty());
        assert!(words(&screen.event(&news(ours(MessageState::Sent)))).contains("✓ sent"));
        assert!(
            words(&screen.event(&news(ours(MessageState::Delivered)))).contains("✓✓ delivered")
        );
        assert!(screen.event(&news(ours(MessageState::Delivered))).is_empty());
    }

    #[test]
    fn a_message_sent_elsewhere_is_shown_whole() {
        let (mut screen, _) = Screen::open(&bob(), &a_conversation(), &[]);
        assert!(words(&screen.event(&news(ours(MessageState::Sent)))).contains("you: hi"));
    }

    #[test]
    fn presence_acceptance_and_alarm_are_shown_of_this_contact_only() {
        let (mut screen, _) = Screen::open(&bob(), &a_conversation(), &[]);
        let presence = |id: String| {
            event(What::Presence {
                id,
                name: "Bob".to_owned(),
                presence: Presence::Online,
                source: None,
            })
        };

        assert!(words(&screen.event(&presence(bob().id))).contains("Bob is online"));
        assert!(screen.event(&presence("00".repeat(32))).is_empty());
        let accepted =
            event(What::Contact { contact: Contact { state: ContactState::Accepted, ..bob() } });
        assert_eq!(screen.event(&accepted).len(), 1);
        assert!(screen.event(&accepted).is_empty());
        let alarm = event(What::KeyChanged { id: bob().id, name: "Bob".to_owned() });
        assert!(words(&screen.event(&alarm)).contains("WARNING"));
    }

    #[test]
    fn changed_settings_and_messages_that_are_gone_are_shown() {
        let (mut screen, opening) = Screen::open(&bob(), &a_conversation(), &[]);
        assert_eq!(opening.len(), 1, "nothing is agreed");
        let theirs = Policy { disappear_after: 604_800, read_receipts: true };
        let settings = ConversationSettings { theirs, ..ConversationSettings::default() };
        let conversation = Conversation { settings, ..a_conversation() };
        let shown =
            words(&screen.event(&event(What::Conversation { conversation: conversation.clone() })));

        assert!(
            shown.contains("chive contact disappear Bob 7days")
                && shown.contains("receipts Bob on"),
            "{shown}"
        );
        assert!(screen.event(&event(What::Conversation { conversation })).is_empty());
        let gone = What::MessagesGone {
            conversation: a_conversation().id,
            name: "Bob".to_owned(),
            messages: vec!["ab".repeat(16)],
        };
        assert!(words(&screen.event(&event(gone))).contains("1 message with Bob gone"));
    }

    #[test]
    fn memory_has_a_limit() {
        let (mut screen, _) = Screen::open(&bob(), &a_conversation(), &[]);
        for n in 0..2 * REMEMBERED {
            screen.event(&news(Message { id: n.to_string(), ..a_message() }));
        }
        assert_eq!(screen.shown.len(), REMEMBERED);
    }
}
