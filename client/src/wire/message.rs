//! What MLS seals: the content of one envelope. Each kind of content has a file of its own.

mod card;
mod commit_receipt;
mod field;
mod read;
mod receipt;
mod settings;
mod text;
mod unknown;

pub use self::field::MessageId;
use self::field::kind;
pub use self::settings::Settings;
pub use self::text::Text;
use super::WireError;
use super::card::Card;
use super::kind::kind_of;

/// The content of one envelope.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Something that a person wrote.
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
        /// Names it in the receipt.
        id: MessageId,
        /// The whole of the new card.
        card: Card,
    },
    /// What the sender allows from now on.
    Settings {
        /// Names it in the receipt.
        id: MessageId,
        /// The whole of the sender's terms.
        settings: Settings,
    },
    /// The sender's owner has read these.
    Read {
        /// Names it in the receipt.
        id: MessageId,
        /// The ids of the messages that were read.
        items: Vec<MessageId>,
    },
    /// A type that is not known here, from a later version. It is receipted if it has an id.
    Unknown {
        /// Names it in the receipt.
        id: Option<MessageId>,
    },
}

impl Content {
    /// The bytes of a content: PROTOCOL.md, section 14.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text::to_bytes(text),
            Self::Receipt(ids) => receipt::to_bytes(ids),
            Self::CommitReceipt { epoch } => commit_receipt::to_bytes(*epoch),
            Self::Card { id, card } => card::to_bytes(*id, card),
            Self::Settings { id, settings } => settings::to_bytes(*id, *settings),
            Self::Read { id, items } => read::to_bytes(*id, items),
            Self::Unknown { id } => unknown::to_bytes(*id),
        }
    }

    /// Reads what [`Content::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        match kind_of(bytes)? {
            kind::TEXT => text::from_bytes(bytes).map(Self::Text),
            kind::RECEIPT => receipt::from_bytes(bytes).map(Self::Receipt),
            kind::COMMIT_RECEIPT => {
                commit_receipt::from_bytes(bytes).map(|epoch| Self::CommitReceipt { epoch })
            }
            kind::CARD => card::from_bytes(bytes).map(|(id, card)| Self::Card { id, card }),
            kind::SETTINGS => {
                settings::from_bytes(bytes).map(|(id, settings)| Self::Settings { id, settings })
            }
            kind::READ => read::from_bytes(bytes).map(|(id, items)| Self::Read { id, items }),
            _ => unknown::from_bytes(bytes).map(|id| Self::Unknown { id }),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{DISAPPEAR_AFTER, MAX_RECEIPT_IDS, MAX_SEEN, MAX_TEXT};
    use crate::transport::OnionAddress;
    use crate::wire::golden;

    pub(in crate::wire) fn samples() -> Vec<(&'static str, Content)> {
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
        let settings = Settings { revision: 2, disappear_after: 604_800, read_receipts: true };
        let nothing = Settings { revision: 3, disappear_after: 0, read_receipts: false };
        let card = Card {
            revision: 1,
            name: "B".into(),
            addresses: vec![OnionAddress([5; 32]).into()],
            presence_secret: [6; 32],
            servers: vec![],
        };

        vec![
            ("text", Content::Text(text)),
            ("receipt", Content::Receipt(vec![MessageId([1; 16])])),
            ("commit_receipt", Content::CommitReceipt { epoch: 9 }),
            ("card", Content::Card { id: MessageId([7; 16]), card }),
            ("text_disappearing", Content::Text(disappearing)),
            ("settings", Content::Settings { id: MessageId([8; 16]), settings }),
            ("settings_nothing", Content::Settings { id: MessageId([8; 16]), settings: nothing }),
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
        let settings = |disappear_after| Content::Settings {
            id: MessageId([1; 16]),
            settings: Settings { revision: 1, disappear_after, read_receipts: false },
        };
        let (least, most) = (*DISAPPEAR_AFTER.start(), *DISAPPEAR_AFTER.end());
        for (seconds, good) in
            [(least - 1, false), (least, true), (most, true), (most + 1, false), (u64::MAX, false)]
        {
            assert_eq!(
                Content::from_bytes(&settings(seconds).to_bytes()).is_ok(),
                good,
                "{seconds}"
            );
        }

        let items = vec![MessageId([1; 16]); MAX_RECEIPT_IDS + 1];
        assert!(
            Content::from_bytes(&Content::Read { id: MessageId([1; 16]), items }.to_bytes())
                .is_err()
        );
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
        let seen = |count| {
            reads(Content::Text(Text { seen: vec![MessageId([1; 16]); count], ..text.clone() }))
        };
        assert!(seen(MAX_SEEN) && !seen(MAX_SEEN + 1));
        let long =
            |length| reads(Content::Text(Text { text: "\0".repeat(length), ..text.clone() }));
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
