//! CBOR: a value that is read is within its limits, and the same after it is written and read
//! again.

use chive::limits::{
    ENVELOPE_SIZES, MAX_HELLO_LINKS, MAX_KEY_PACKAGE, MAX_NAME, MAX_RECEIPT_IDS, MAX_SEEN,
    MAX_SERVER, MAX_SERVERS, MAX_TEXT,
};
use chive::wire::card::{Card, Introduction};
use chive::wire::frame::Frame;
use chive::wire::message::Content;
use chive::wire::restart::Restart;

pub(super) fn frame(data: &[u8]) {
    let Ok(frame) = Frame::from_bytes(data) else { return };
    match &frame {
        Frame::Hello { links, .. } => assert!(links.len() <= MAX_HELLO_LINKS),
        Frame::Envelope(envelope) => assert!(envelope.len() <= ENVELOPE_SIZES[3]),
        _ => {}
    }
    assert_eq!(Frame::from_bytes(&frame.to_bytes()).expect("our own bytes"), frame);
}

pub(super) fn content(data: &[u8]) {
    let Ok(content) = Content::from_bytes(data) else { return };
    match &content {
        Content::Text(text) => assert!(text.text.len() <= MAX_TEXT && text.seen.len() <= MAX_SEEN),
        Content::Receipt(ids) => assert!(ids.len() <= MAX_RECEIPT_IDS),
        Content::Card { card, .. } => within_limits(card),
        _ => {}
    }
    assert!(Content::from_bytes(&content.to_bytes()).expect("our own bytes") == content);
}

/// A card, and the messages that contain one.
pub(super) fn card(data: &[u8]) {
    if let Ok(card) = Card::from_bytes(data) {
        within_limits(&card);
        assert!(Card::from_bytes(&card.to_bytes()).expect("our own bytes") == card);
    }

    if let Ok(introduction) = Introduction::from_bytes(data, MAX_KEY_PACKAGE) {
        within_limits(&introduction.card);
        assert!(introduction.mls.len() <= MAX_KEY_PACKAGE);
        let again = Introduction::from_bytes(&introduction.to_bytes(), MAX_KEY_PACKAGE);
        assert!(again.expect("our own bytes") == introduction);
    }

    if let Ok(restart) = Restart::from_bytes(data, MAX_KEY_PACKAGE) {
        assert!(restart.introduction.mls.len() <= MAX_KEY_PACKAGE);
        assert!(
            Restart::from_bytes(&restart.to_bytes(), MAX_KEY_PACKAGE).expect("our own bytes")
                == restart
        );
    }
}

fn within_limits(card: &Card) {
    assert!(card.revision <= i64::MAX.cast_unsigned() && card.name.len() <= MAX_NAME);
    assert!(
        card.servers.len() <= MAX_SERVERS
            && card.servers.iter().all(|server| server.len() <= MAX_SERVER)
    );
}
