//! The measurements of the demo: its one line on standard output.

use std::time::Duration;

use chive::api::types::{Direction, Message};
use serde::Serialize;

/// All numbers; `deploy/demo --help` says what each means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Everything went as it should.
    pub ok: bool,
    /// From the start of both processes until they are contacts with a link.
    pub cold_start_ms: Option<u64>,
    /// From typing the first message until its receipt is shown.
    pub first_delivery_ms: Option<u64>,
    /// Messages typed.
    pub sent: usize,
    /// Messages in the receiver's history.
    pub delivered: usize,
    /// Messages that are missing at the end.
    pub lost: usize,
    /// Messages that are there more than once.
    pub duplicated: usize,
}

impl Report {
    pub(super) fn cold_start(&mut self, time: Duration) {
        self.cold_start_ms = Some(millis(time));
    }

    /// Only the first call counts.
    pub(super) fn first_delivery(&mut self, time: Duration) {
        self.first_delivery_ms.get_or_insert(millis(time));
    }

    /// Counts the sent messages in their receiver's history.
    pub(super) fn count(&mut self, sent: &[Message], history: &[Message]) {
        for message in sent {
            let is_copy = |other: &&Message| {
                other.direction == Direction::Received && other.text == message.text
            };
            match history.iter().filter(is_copy).count() {
                0 => self.lost += 1,
                copies => {
                    self.delivered += 1;
                    self.duplicated += copies - 1;
                }
            }
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use chive::api::types::MessageState;

    use super::*;

    fn received(text: &str) -> Message {
        Message {
            id: String::new(),
            conversation: String::new(),
            conversation_name: String::new(),
            author: None,
            direction: Direction::Received,
            text: text.to_owned(),
            state: MessageState::Received,
            reason: None,
            created_at: 0,
            sent_at: None,
            delivered_at: None,
            expires_at: None,
            missing_before: 0,
            late: false,
            read_at: None,
            disappear_after: None,
            disappears_at: None,
        }
    }

    #[test]
    fn lost_and_duplicated_messages_are_counted() {
        let mut report = Report::default();
        let sent = ["one", "two", "three"].map(received);
        report.count(&sent, &["three", "one", "one"].map(received));
        assert_eq!((report.delivered, report.lost, report.duplicated), (2, 1, 1));
    }
}
