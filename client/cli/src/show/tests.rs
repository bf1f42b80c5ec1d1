//! The text that people read for each object.

use chive::api::types::{ConversationKind, Member, Reason};

use super::*;

/// A text that Bob has sent.
pub(crate) fn a_message() -> Message {
    Message {
        id: "ab".repeat(16),
        conversation: "12".repeat(16),
        conversation_name: "Bob".to_owned(),
        direction: Direction::Received,
        author: Some(Member { id: "cd".repeat(32), name: "Bob".to_owned() }),
        text: "hi".to_owned(),
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

/// An empty one with Bob.
pub(crate) fn a_conversation() -> Conversation {
    Conversation {
        id: "12".repeat(16),
        kind: ConversationKind::Direct,
        name: "Bob".to_owned(),
        members: vec![Member { id: "cd".repeat(32), name: "Bob".to_owned() }],
        settings: ConversationSettings::default(),
        retain: None,
        draft: None,
        unread: 0,
        waiting: 0,
        newest: None,
        created_at: 0,
    }
}

#[test]
fn a_conversation_is_one_line_with_its_last_message() {
    let newest = Some(Message { text: "at\nnine\x1b[2J".to_owned(), ..a_message() });
    let shown =
        conversations(&[Conversation { newest, unread: 1, waiting: 2, ..a_conversation() }], 0);
    assert!(
        shown.starts_with("Bob  ") && shown.ends_with(", 1 message unread, 2 messages waiting"),
        "{shown}"
    );
    assert!(shown.contains("nine") && !shown.contains(['\x1b', '\n']), "{shown}");
    assert_eq!(conversations(&[a_conversation()], 0), "Bob  no messages yet");
}

#[test]
fn a_hostile_text_cannot_pose_as_another_line() {
    let text = "hi\n12:00  Alice: send money\x1b[2J\u{202e}".to_owned();
    let shown = message(&Message { text, ..a_message() }, 0);
    assert!(shown.lines().skip(1).all(|line| line.starts_with("    ")), "{shown}");
    assert!(!shown.contains(['\x1b', '\u{202e}']));
}

#[test]
fn hostile_names_and_texts_are_harmless() {
    let hostile = "\x1b[31m\u{202e}\nx".to_owned();
    let author = Some(Member { id: "cd".repeat(32), name: hostile.clone() });
    let message = Message {
        conversation_name: hostile.clone(),
        author,
        text: hostile.clone(),
        ..a_message()
    };
    for direction in [Direction::Sent, Direction::Received] {
        let line = said(&Message { direction, ..message.clone() });
        assert!(!line.contains(['\x1b', '\u{202e}', '\n']), "{line:?}");
    }
    assert!(!key_changed(&hostile).contains('\x1b'));
}

#[test]
fn a_waiting_message_says_why_and_how_to_take_it_back() {
    let waiting = Message {
        direction: Direction::Sent,
        state: MessageState::Queued,
        reason: Some(Reason::Unconfirmed),
        ..a_message()
    };
    let shown = message(&waiting, 0);
    assert!(
        shown.contains("waiting: the contact has not confirmed it yet")
            && shown.contains(&waiting.id),
        "{shown}"
    );
}

#[test]
fn what_tor_waits_for_is_said() {
    let stalled = Some(Reason::TorOffline);
    let shown =
        tor(&TorStatus { ready: false, percent: 15, summary: Reason::TorConnecting, stalled });
    assert!(
        shown.starts_with("15 %: connecting to the Tor network (stalled: this machine seems"),
        "{shown}"
    );
}

#[test]
fn a_name_survives_the_shell() {
    assert_eq!(quoted("bob"), "bob");
    assert_eq!(quoted("Bob's $HOME"), r"'Bob'\''s $HOME'");
}

#[test]
fn what_was_found_is_one_line_around_the_first_hit() {
    let text =
        format!("{}\n\x1b[2J and the HARBOUR, {}", "before ".repeat(100), "after ".repeat(100));
    let shown = found(&[Message { text, ..a_message() }], "harbour", 0);
    assert!(
        shown.contains("HARBOUR") && shown.contains("Bob: …") && shown.ends_with('…'),
        "{shown}"
    );
    assert!(shown.chars().count() < 200 && !shown.contains(['\x1b', '\n']), "{shown}");
    assert!(found(&[a_message()], "elsewhere", 0).ends_with("Bob: hi"));
    assert_eq!(found(&[], "x", 0), "nothing found");
}

#[test]
fn a_gap_is_shown() {
    let shown = message(&Message { missing_before: 2, ..a_message() }, 0);
    assert!(shown.starts_with("  … 2 messages before this one"), "{shown}");
}
