//! Frames: what a link carries. One frame is one CBOR map, padded to a size class by the link.

use minicbor::bytes::{ByteArray, ByteVec};
use minicbor::{Decode, Encode};

use super::{WireError, decode, encode, required, within};
use crate::limits::{ENVELOPE_SIZES, MAX_HELLO_LINKS};

/// The protocol version that a hello names.
pub const VERSION: u64 = 1;

/// Names one link to both of its ends: the first 8 bytes of its handshake hash.
pub type LinkId = [u8; 8];

/// Every frame type that was ever used, retired ones too: a number is never given twice.
mod kind {
    pub(super) const HELLO: u64 = 1;
    pub(super) const PING: u64 = 2;
    pub(super) const PONG: u64 = 3;
    pub(super) const ENVELOPE: u64 = 4;
    pub(super) const BYE: u64 = 5;
    pub(super) const ERROR: u64 = 6;
    pub(super) const RESTART: u64 = 7;
    pub(super) const RESTARTED: u64 = 8;
    pub(super) const REQUEST: u64 = 16;
    pub(super) const ACCEPT: u64 = 17;
    pub(super) const REFUSE: u64 = 18;
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// First in both directions: it proves that the sender holds the link's keys.
    Hello {
        /// The highest protocol version that the sender speaks.
        version: u64,
        /// The other links with this peer that the sender holds at this moment.
        links: Vec<LinkId>,
    },
    /// Asks for a pong with the same number.
    Ping(u64),
    /// Answers a ping.
    Pong(u64),
    /// A sealed message, or a commit: see [`crate::wire::envelope`].
    Envelope(Vec<u8>),
    /// The sender closes the link.
    Bye(Bye),
    /// The sender could not use what it got.
    Error(FrameError),
    /// The sender has lost its side of the conversation: a [`super::restart::Restart`] with a key package.
    Restart(Vec<u8>),
    /// Answers a restart: a [`super::restart::Restart`] with the welcome.
    Restarted(Vec<u8>),
    /// Over an invitation's link: may I be a contact? An [`super::card::Introduction`].
    Request(Vec<u8>),
    /// Yes: an [`super::card::Introduction`].
    Accept(Vec<u8>),
    /// No.
    Refuse(Refusal),
    /// A type that is not known here, from a later version.
    Unknown(u64),
}

/// Why a link is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bye {
    /// The client stops.
    Stopping,
    /// Another link between the two was chosen.
    Superseded,
    /// Anything else.
    Other(u64),
}

/// What could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// A frame type that is not known.
    UnknownFrame,
    /// An envelope that does not open.
    Undecryptable,
    /// Anything else.
    Other(u64),
}

/// Why a contact request is refused. Only one who holds the invitation's secret is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All uses are taken.
    Used,
    /// Its time is over.
    Expired,
    /// Its owner took it back.
    Revoked,
    /// The answerer has asked the asker, too, and its own request comes first: ask again later.
    Crossed,
    /// The answerer has the asker as a contact already, and talked with it since.
    Known,
    /// The request itself cannot be used.
    Unusable,
    /// Its owner has not said yet whether it wants who asks: ask again later.
    Pending,
    /// Its owner does not want who asks.
    Declined,
    /// Anything else: the request cannot be answered with yes.
    Other(u64),
}

macro_rules! numbered {
    ($name:ident { $($variant:ident = $number:literal),* }) => {
        impl $name {
            /// Its number on the wire.
            #[must_use]
            pub fn number(self) -> u64 {
                match self { $(Self::$variant => $number,)* Self::Other(number) => number }
            }

            /// What a number on the wire means.
            #[must_use]
            pub fn from_number(number: u64) -> Self {
                match number { $($number => Self::$variant,)* number => Self::Other(number) }
            }
        }
    };
}

numbered!(Bye { Stopping = 1, Superseded = 2 });
numbered!(FrameError { UnknownFrame = 1, Undecryptable = 2 });
numbered!(Refusal { Used = 1, Expired = 2, Revoked = 3, Crossed = 4, Known = 5, Unusable = 6, Pending = 7, Declined = 8 });

#[derive(Default, Encode, Decode)]
#[cbor(map)]
struct Wire {
    #[n(0)]
    kind: Option<u64>,
    #[n(1)]
    number: Option<u64>,
    #[n(2)]
    body: Option<ByteVec>,
    #[n(3)]
    links: Option<Vec<ByteArray<8>>>,
}

impl Frame {
    /// A CBOR map; keys: 0 type, 1 number, 2 body, 3 links.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let number = |kind, number| Wire { kind: Some(kind), number: Some(number), ..Wire::default() };
        let body = |kind, body: &[u8]| Wire { kind: Some(kind), body: Some(body.to_vec().into()), ..Wire::default() };
        encode(&match self {
            Self::Hello { version, links } => {
                Wire { links: Some(links.iter().map(|link| (*link).into()).collect()), ..number(kind::HELLO, *version) }
            }
            Self::Ping(n) => number(kind::PING, *n),
            Self::Pong(n) => number(kind::PONG, *n),
            Self::Envelope(bytes) => body(kind::ENVELOPE, bytes),
            Self::Bye(reason) => number(kind::BYE, reason.number()),
            Self::Error(error) => number(kind::ERROR, error.number()),
            Self::Restart(bytes) => body(kind::RESTART, bytes),
            Self::Restarted(bytes) => body(kind::RESTARTED, bytes),
            Self::Request(bytes) => body(kind::REQUEST, bytes),
            Self::Accept(bytes) => body(kind::ACCEPT, bytes),
            Self::Refuse(reason) => number(kind::REFUSE, reason.number()),
            Self::Unknown(kind) => Wire { kind: Some(*kind), ..Wire::default() },
        })
    }

    /// Reads one frame, without its padding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let wire: Wire = decode(bytes)?;
        let number = required(wire.number, "number");
        let body = required(wire.body, "body").map(Vec::from);
        Ok(match required(wire.kind, "type")? {
            kind::HELLO => {
                let links = wire.links.unwrap_or_default();
                within("links", links.len(), MAX_HELLO_LINKS)?;
                Self::Hello { version: number?, links: links.into_iter().map(|link| *link).collect() }
            }
            kind::PING => Self::Ping(number?),
            kind::PONG => Self::Pong(number?),
            kind::ENVELOPE => {
                let body = body?;
                within("envelope", body.len(), ENVELOPE_SIZES[3])?;
                Self::Envelope(body)
            }
            kind::BYE => Self::Bye(Bye::from_number(number?)),
            kind::ERROR => Self::Error(FrameError::from_number(number?)),
            kind::RESTART => Self::Restart(body?),
            kind::RESTARTED => Self::Restarted(body?),
            kind::REQUEST => Self::Request(body?),
            kind::ACCEPT => Self::Accept(body?),
            kind::REFUSE => Self::Refuse(Refusal::from_number(number?)),
            unknown => Self::Unknown(unknown),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::golden;

    fn samples() -> Vec<(&'static str, Frame)> {
        vec![
            ("hello", Frame::Hello { version: 1, links: vec![[7; 8]] }),
            ("ping", Frame::Ping(5)),
            ("pong", Frame::Pong(5)),
            ("envelope", Frame::Envelope(vec![1, 2, 3])),
            ("bye", Frame::Bye(Bye::Superseded)),
            ("error", Frame::Error(FrameError::Undecryptable)),
            ("restart", Frame::Restart(vec![2])),
            ("restarted", Frame::Restarted(vec![3])),
            ("request", Frame::Request(vec![4])),
            ("accept", Frame::Accept(vec![5])),
            ("refuse", Frame::Refuse(Refusal::Expired)),
        ]
    }

    #[test]
    fn golden_frames() {
        for (name, frame) in samples() {
            golden(&format!("frame_{name}"), &frame.to_bytes());
            assert_eq!(Frame::from_bytes(&frame.to_bytes()).unwrap(), frame);
        }
    }

    #[test]
    fn unknown_types_and_keys_are_no_error() {
        // {0: 99}, and a ping with a key 42 of a later version.
        assert_eq!(Frame::from_bytes(&[0xa1, 0x00, 0x18, 99]).unwrap(), Frame::Unknown(99));
        assert_eq!(Frame::from_bytes(&[0xa3, 0x00, 0x02, 0x01, 0x05, 0x18, 42, 0x61, b'x']).unwrap(), Frame::Ping(5));
    }

    #[test]
    fn a_frame_cut_anywhere_is_refused() {
        for (_, frame) in samples() {
            let bytes = frame.to_bytes();
            for end in 0..bytes.len() {
                assert!(Frame::from_bytes(&bytes[..end]).is_err());
            }
            assert!(Frame::from_bytes(&[&bytes[..], &[0]].concat()).is_err(), "trailing byte");
        }
    }

    #[test]
    fn a_length_that_is_not_there_allocates_nothing() {
        // A body of 2^32 - 1 bytes, an array of 2^62 links.
        assert!(Frame::from_bytes(&[0xa2, 0x00, 0x04, 0x02, 0x5a, 0xff, 0xff, 0xff, 0xff]).is_err());
        assert!(Frame::from_bytes(&[0xa3, 0x00, 0x01, 0x01, 0x01, 0x03, 0x9b, 0x40, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Frame::from_bytes(&bytes);
        }

        #[test]
        fn envelopes_survive(bytes: Vec<u8>) {
            let frame = Frame::Envelope(bytes);
            prop_assert_eq!(Frame::from_bytes(&frame.to_bytes()).unwrap(), frame);
        }
    }

    #[test]
    fn an_envelope_and_a_list_of_links_at_the_cap_are_read_and_one_more_is_not() {
        let read = |frame: Frame| Frame::from_bytes(&frame.to_bytes()).is_ok();
        let envelope = |length| read(Frame::Envelope(vec![0; length]));
        assert!(envelope(0) && envelope(ENVELOPE_SIZES[3] - 1) && envelope(ENVELOPE_SIZES[3]));
        assert!(!envelope(ENVELOPE_SIZES[3] + 1));
        let hello = |links| read(Frame::Hello { version: 1, links: vec![[0; 8]; links] });
        assert!(hello(0) && hello(MAX_HELLO_LINKS) && !hello(MAX_HELLO_LINKS + 1));
    }

    #[test]
    fn numbers_that_mean_nothing_yet_are_kept_and_fields_of_another_kind_are_refused() {
        for frame in [Frame::Bye(Bye::Other(99)), Frame::Error(FrameError::Other(0)), Frame::Refuse(Refusal::Other(99))]
        {
            assert_eq!(Frame::from_bytes(&frame.to_bytes()).unwrap(), frame);
        }
        // A ping whose number is a text, an envelope that is a text, a link id of seven bytes.
        for bytes in
            [&b"\xa2\x00\x02\x01\x61x"[..], b"\xa2\x00\x04\x02\x61x", b"\xa3\x00\x01\x01\x01\x03\x81\x47sevenby"]
        {
            assert!(Frame::from_bytes(bytes).is_err());
        }
    }
}
