//! What MLS seals: the content of one envelope.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::card::Card;
use super::{WireError, decode, encode, required, within};
use crate::limits::{DISAPPEAR_AFTER, MAX_RECEIPT_IDS, MAX_SEEN, MAX_TEXT};

/// Names a message on both sides: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageId(pub [u8; 16]);

impl std::fmt::Debug for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageId(…)")
    }
}

/// Every content type that was ever used: a number is never given twice.
mod kind {
    pub(super) const TEXT: u64 = 1;
    pub(super) const RECEIPT: u64 = 2;
    pub(super) const COMMIT_RECEIPT: u64 = 3;
    pub(super) const CARD: u64 = 4;
    pub(super) const TERMS: u64 = 5;
    pub(super) const READ: u64 = 6;
}

/// A text that a person wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// Random; the same on both sides.
    pub id: MessageId,
    /// 1 for the sender's first message in this conversation, then rising by one: a gap shows.
    pub counter: u64,
    /// A Lamport clock: higher than every message that the sender had seen. Both sides order by
    /// (clock, id).
    pub clock: u64,
    /// The sender's clock, Unix milliseconds: for showing only.
    pub created_at: i64,
    /// The newest messages of the reader that the sender had stored: they count as receipted.
    pub seen: Vec<MessageId>,
    /// Untrusted text.
    pub text: String,
    /// It is deleted on both sides so many seconds after it was delivered.
    pub disappear_after: Option<u64>,
}

/// What one side lets happen to the messages of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Rises with every change: older terms never replace newer ones.
    pub revision: u64,
    /// Messages may disappear after so many seconds; 0 for never.
    pub disappear_after: u64,
    /// Whether to tell each other which messages were read.
    pub read_receipts: bool,
}

/// The content of one envelope.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// For a person.
    Text(Text),
    /// The sender has stored these.
    Receipt(Vec<MessageId>),
    /// The sender has merged the commit that ends this epoch. Sealed in that epoch.
    CommitReceipt {
        /// The epoch that the commit ended.
        epoch: u64,
    },
    /// The sender's card changed.
    Card {
        /// For the receipt.
        id: MessageId,
        /// The new card.
        card: Card,
    },
    /// What the sender lets happen from now on.
    Terms {
        /// For the receipt.
        id: MessageId,
        /// All of it.
        terms: Terms,
    },
    /// The sender's owner has read these.
    Read {
        /// For the receipt.
        id: MessageId,
        /// Which.
        items: Vec<MessageId>,
    },
    /// A type that is not known here, from a later version. It is receipted if it has an id.
    Unknown {
        /// For the receipt.
        id: Option<MessageId>,
    },
}

#[derive(Default, Encode, Decode)]
#[cbor(map)]
struct Wire {
    #[n(0)]
    kind: Option<u64>,
    #[n(1)]
    id: Option<ByteArray<16>>,
    #[n(2)]
    counter: Option<u64>,
    #[n(3)]
    clock: Option<u64>,
    #[n(4)]
    created_at: Option<i64>,
    #[n(5)]
    ids: Option<Vec<ByteArray<16>>>,
    #[n(6)]
    text: Option<String>,
    #[n(7)]
    card: Option<ByteVec>,
    #[n(8)]
    epoch: Option<u64>,
    #[n(9)]
    revision: Option<u64>,
    #[n(10)]
    disappear_after: Option<u64>,
    #[n(11)]
    read_receipts: Option<bool>,
}

impl Content {
    /// A CBOR map; keys: 0 type, 1 id, 2 counter, 3 clock, 4 created at, 5 ids (seen or receipted),
    /// 6 text, 7 card, 8 epoch, 9 revision, 10 disappear after, 11 read receipts.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&match self {
            Self::Text(text) => Wire {
                kind: Some(kind::TEXT),
                id: Some(text.id.0.into()),
                counter: Some(text.counter),
                clock: Some(text.clock),
                created_at: Some(text.created_at),
                ids: (!text.seen.is_empty()).then(|| arrays(&text.seen)),
                text: Some(text.text.clone()),
                disappear_after: text.disappear_after,
                ..Wire::default()
            },
            Self::Receipt(ids) => Wire { kind: Some(kind::RECEIPT), ids: Some(arrays(ids)), ..Wire::default() },
            Self::CommitReceipt { epoch } => {
                Wire { kind: Some(kind::COMMIT_RECEIPT), epoch: Some(*epoch), ..Wire::default() }
            }
            Self::Card { id, card } => Wire {
                kind: Some(kind::CARD),
                id: Some(id.0.into()),
                card: Some(card.to_bytes().into()),
                ..Wire::default()
            },
            Self::Terms { id, terms } => Wire {
                kind: Some(kind::TERMS),
                id: Some(id.0.into()),
                revision: Some(terms.revision),
                disappear_after: (terms.disappear_after > 0).then_some(terms.disappear_after),
                read_receipts: terms.read_receipts.then_some(true),
                ..Wire::default()
            },
            Self::Read { id, items } => {
                Wire { kind: Some(kind::READ), id: Some(id.0.into()), ids: Some(arrays(items)), ..Wire::default() }
            }
            Self::Unknown { id } => Wire { kind: Some(u64::MAX), id: id.map(|id| id.0.into()), ..Wire::default() },
        })
    }

    /// Reads what [`Content::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let wire: Wire = decode(bytes)?;
        let id = wire.id.map(|id| MessageId(*id));
        let disappear_after = wire.disappear_after.map(timer).transpose()?;
        let ids: Vec<MessageId> = wire.ids.unwrap_or_default().into_iter().map(|id| MessageId(*id)).collect();
        Ok(match required(wire.kind, "type")? {
            kind::TEXT => {
                let text = required(wire.text, "text")?;
                within("text", text.len(), MAX_TEXT)?;
                within("seen", ids.len(), MAX_SEEN)?;
                Self::Text(Text {
                    id: required(id, "id")?,
                    counter: required(wire.counter, "counter")?,
                    clock: required(wire.clock, "clock")?,
                    created_at: required(wire.created_at, "created at")?,
                    seen: ids,
                    text,
                    disappear_after,
                })
            }
            kind::RECEIPT => {
                within("receipt", ids.len(), MAX_RECEIPT_IDS)?;
                Self::Receipt(ids)
            }
            kind::COMMIT_RECEIPT => Self::CommitReceipt { epoch: required(wire.epoch, "epoch")? },
            kind::CARD => {
                Self::Card { id: required(id, "id")?, card: Card::from_bytes(&required(wire.card, "card")?)? }
            }
            kind::TERMS => {
                let revision = required(wire.revision, "revision")?;
                within("revision", usize::try_from(revision >> 63).unwrap_or(1), 0)?;
                let read_receipts = wire.read_receipts.unwrap_or(false);
                let terms = Terms { revision, disappear_after: disappear_after.unwrap_or(0), read_receipts };
                Self::Terms { id: required(id, "id")?, terms }
            }
            kind::READ => {
                within("read", ids.len(), MAX_RECEIPT_IDS)?;
                Self::Read { id: required(id, "id")?, items: ids }
            }
            _ => Self::Unknown { id },
        })
    }
}

fn timer(seconds: u64) -> Result<u64, WireError> {
    let limit = usize::try_from(*DISAPPEAR_AFTER.end()).unwrap_or(usize::MAX);
    if DISAPPEAR_AFTER.contains(&seconds) { Ok(seconds) } else { Err(WireError::TooLarge { what: "timer", limit }) }
}

fn arrays(ids: &[MessageId]) -> Vec<ByteArray<16>> {
    ids.iter().map(|id| id.0.into()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::OnionAddress;
    use crate::wire::golden;

    fn samples() -> Vec<(&'static str, Content)> {
        let text = Text {
            id: MessageId([1; 16]),
            counter: 2,
            clock: 3,
            created_at: 1_700_000_000_000,
            seen: vec![MessageId([4; 16])],
            text: "hi\u{202e}\0".into(),
            disappear_after: None,
        };
        let disappearing = Text { disappear_after: Some(86_400), ..text.clone() };
        let terms = Terms { revision: 2, disappear_after: 604_800, read_receipts: true };
        let nothing = Terms { revision: 3, disappear_after: 0, read_receipts: false };
        let card = Card {
            revision: 1,
            name: "B".into(),
            endpoint: OnionAddress([5; 32]),
            presence_secret: [6; 32],
            servers: vec![],
        };
        vec![
            ("text", Content::Text(text)),
            ("receipt", Content::Receipt(vec![MessageId([1; 16])])),
            ("commit_receipt", Content::CommitReceipt { epoch: 9 }),
            ("card", Content::Card { id: MessageId([7; 16]), card }),
            ("text_disappearing", Content::Text(disappearing)),
            ("terms", Content::Terms { id: MessageId([8; 16]), terms }),
            ("terms_nothing", Content::Terms { id: MessageId([8; 16]), terms: nothing }),
            ("read", Content::Read { id: MessageId([9; 16]), items: vec![MessageId([1; 16])] }),
        ]
    }

    #[test]
    fn golden_contents() {
        for (name, content) in samples() {
            golden(&format!("content_{name}"), &content.to_bytes());
            assert!(Content::from_bytes(&content.to_bytes()).unwrap() == content, "{name}");
        }
    }

    #[test]
    fn contents_cut_anywhere_are_refused() {
        for (_, content) in samples() {
            let bytes = content.to_bytes();
            assert!((0..bytes.len()).all(|end| Content::from_bytes(&bytes[..end]).is_err()));
        }
    }

    #[test]
    fn a_text_over_the_limit_and_invalid_utf8_are_refused() {
        let Content::Text(mut text) = samples().remove(0).1 else { unreachable!() };
        text.text = "x".repeat(MAX_TEXT + 1);
        assert!(Content::from_bytes(&Content::Text(text).to_bytes()).is_err());
        assert!(Content::from_bytes(&[0xa2, 0x00, 0x01, 0x06, 0x61, 0xff]).is_err());
    }

    #[test]
    fn a_timer_out_of_its_range_and_too_many_read_ids_are_refused() {
        let terms = |disappear_after| Content::Terms {
            id: MessageId([1; 16]),
            terms: Terms { revision: 1, disappear_after, read_receipts: false },
        };
        let (least, most) = (*DISAPPEAR_AFTER.start(), *DISAPPEAR_AFTER.end());
        for (seconds, good) in [(least - 1, false), (least, true), (most, true), (most + 1, false), (u64::MAX, false)] {
            assert_eq!(Content::from_bytes(&terms(seconds).to_bytes()).is_ok(), good, "{seconds}");
        }
        let items = vec![MessageId([1; 16]); MAX_RECEIPT_IDS + 1];
        assert!(Content::from_bytes(&Content::Read { id: MessageId([1; 16]), items }.to_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Content::from_bytes(&bytes);
        }
    }

    #[test]
    fn ids_at_the_cap_are_read_and_one_more_is_not() {
        let reads = |content: Content| Content::from_bytes(&content.to_bytes()).is_ok();
        let receipt = |count| reads(Content::Receipt(vec![MessageId([1; 16]); count]));
        assert!(receipt(0) && receipt(MAX_RECEIPT_IDS) && !receipt(MAX_RECEIPT_IDS + 1));
        let Content::Text(text) = samples().remove(0).1 else { unreachable!() };
        let seen = |count| reads(Content::Text(Text { seen: vec![MessageId([1; 16]); count], ..text.clone() }));
        assert!(seen(MAX_SEEN) && !seen(MAX_SEEN + 1));
        let long = |length| reads(Content::Text(Text { text: "\0".repeat(length), ..text.clone() }));
        assert!(long(0) && long(MAX_TEXT) && !long(MAX_TEXT + 1));
    }

    #[test]
    fn unknown_types_and_fields_are_read_and_missing_ones_are_not() {
        assert!(Content::from_bytes(b"\xa1\x00\x18\x63").unwrap() == Content::Unknown { id: None });
        for (name, content) in samples() {
            let bytes = content.to_bytes();
            let more = [&[bytes[0] + 1], &bytes[1..], b"\x18\x2a\x61x"].concat();
            assert!(Content::from_bytes(&more).unwrap() == content, "{name} with a later field");
        }
        // A text, a commit receipt, a card: nothing but the type.
        for kind in [1, 3, 4] {
            assert!(Content::from_bytes(&[0xa1, 0x00, kind]).is_err());
        }
        assert!(Content::from_bytes(&[0xa0]).is_err(), "no type");
    }
}
