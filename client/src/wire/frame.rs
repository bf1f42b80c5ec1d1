//! Frames: what a link carries. One frame is one CBOR map, padded to a size class by the link.

mod reason;

use minicbor::bytes::{ByteArray, ByteSlice};
use minicbor::{Decode, Encode};

pub use self::reason::{Bye, FrameError, RejectReason};
use super::codec::{WireError, decode, encode, within};
use super::kind::{Kind, kind_of};
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

/// What one side of a link sends to the other.
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
    /// The sender has lost its side of the conversation: a [`super::restart::Restart`] with a key
    /// package.
    Restart(Vec<u8>),
    /// Answers a restart: a [`super::restart::Restart`] with the welcome.
    Restarted(Vec<u8>),
    /// Over an invitation's link: may I be a contact? An [`super::card::Introduction`].
    Request(Vec<u8>),
    /// Yes: an [`super::card::Introduction`].
    Accept(Vec<u8>),
    /// The request is refused, for this reason.
    Refuse(RejectReason),
    /// A type that is not known here, from a later version.
    Unknown(u64),
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct HelloMap {
    #[n(0)]
    kind: Kind<{ kind::HELLO }>,
    #[n(1)]
    version: u64,
    #[cbor(n(3), default)]
    links: Vec<ByteArray<8>>,
}

/// Ping, pong, bye, error and refuse: one number.
#[derive(Encode, Decode)]
#[cbor(map)]
struct NumberMap<const KIND: u64, N> {
    #[n(0)]
    kind: Kind<KIND>,
    #[n(1)]
    number: N,
}

/// Envelope, restart, restarted, request and accept: the bytes of something else.
#[derive(Encode, Decode)]
#[cbor(map)]
struct BodyMap<'b, const KIND: u64> {
    #[n(0)]
    kind: Kind<KIND>,
    #[n(2)]
    body: &'b ByteSlice,
}

/// Only the number of a type that is unknown here.
#[derive(Encode)]
#[cbor(map)]
struct UnknownMap {
    #[n(0)]
    kind: u64,
}

impl Frame {
    /// The bytes of a frame, without padding: PROTOCOL.md, section 8.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Hello { version, links } => hello_to_bytes(*version, links),
            Self::Ping(n) => number_to_bytes::<{ kind::PING }, _>(*n),
            Self::Pong(n) => number_to_bytes::<{ kind::PONG }, _>(*n),
            Self::Envelope(bytes) => body_to_bytes::<{ kind::ENVELOPE }>(bytes),
            Self::Bye(reason) => number_to_bytes::<{ kind::BYE }, _>(*reason),
            Self::Error(error) => number_to_bytes::<{ kind::ERROR }, _>(*error),
            Self::Restart(bytes) => body_to_bytes::<{ kind::RESTART }>(bytes),
            Self::Restarted(bytes) => body_to_bytes::<{ kind::RESTARTED }>(bytes),
            Self::Request(bytes) => body_to_bytes::<{ kind::REQUEST }>(bytes),
            Self::Accept(bytes) => body_to_bytes::<{ kind::ACCEPT }>(bytes),
            Self::Refuse(reason) => number_to_bytes::<{ kind::REFUSE }, _>(*reason),
            Self::Unknown(kind) => encode(&UnknownMap { kind: *kind }),
        }
    }

    /// Reads one frame, without its padding.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        Ok(match kind_of(bytes)? {
            kind::HELLO => read_hello(bytes)?,
            kind::PING => Self::Ping(read_number::<{ kind::PING }, _>(bytes)?),
            kind::PONG => Self::Pong(read_number::<{ kind::PONG }, _>(bytes)?),
            kind::ENVELOPE => {
                let envelope = read_body::<{ kind::ENVELOPE }>(bytes)?;
                within("envelope", envelope.len(), ENVELOPE_SIZES[3])?;
                Self::Envelope(envelope.to_vec())
            }
            kind::BYE => Self::Bye(read_number::<{ kind::BYE }, _>(bytes)?),
            kind::ERROR => Self::Error(read_number::<{ kind::ERROR }, _>(bytes)?),
            kind::RESTART => Self::Restart(read_body::<{ kind::RESTART }>(bytes)?.to_vec()),
            kind::RESTARTED => Self::Restarted(read_body::<{ kind::RESTARTED }>(bytes)?.to_vec()),
            kind::REQUEST => Self::Request(read_body::<{ kind::REQUEST }>(bytes)?.to_vec()),
            kind::ACCEPT => Self::Accept(read_body::<{ kind::ACCEPT }>(bytes)?.to_vec()),
            kind::REFUSE => Self::Refuse(read_number::<{ kind::REFUSE }, _>(bytes)?),
            unknown => Self::Unknown(unknown),
        })
    }
}

fn hello_to_bytes(version: u64, links: &[LinkId]) -> Vec<u8> {
    let links = links.iter().map(|link| (*link).into()).collect();
    encode(&HelloMap { kind: Kind, version, links })
}

fn read_hello(bytes: &[u8]) -> Result<Frame, WireError> {
    let HelloMap { version, links, .. } = decode(bytes)?;
    within("links", links.len(), MAX_HELLO_LINKS)?;
    Ok(Frame::Hello { version, links: links.into_iter().map(Into::into).collect() })
}

fn number_to_bytes<const KIND: u64, N: Encode<()>>(number: N) -> Vec<u8> {
    encode(&NumberMap::<KIND, N> { kind: Kind, number })
}

fn read_number<'b, const KIND: u64, N: Decode<'b, ()>>(bytes: &'b [u8]) -> Result<N, WireError> {
    Ok(decode::<NumberMap<KIND, N>>(bytes)?.number)
}

fn body_to_bytes<const KIND: u64>(body: &[u8]) -> Vec<u8> {
    encode(&BodyMap::<KIND> { kind: Kind, body: body.into() })
}

fn read_body<const KIND: u64>(bytes: &[u8]) -> Result<&[u8], WireError> {
    Ok(decode::<BodyMap<KIND>>(bytes)?.body)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::golden;

    pub(in crate::wire) fn samples() -> Vec<(&'static str, Frame)> {
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
            ("refuse", Frame::Refuse(RejectReason::Expired)),
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
        assert_eq!(
            Frame::from_bytes(&[0xa3, 0x00, 0x02, 0x01, 0x05, 0x18, 42, 0x61, b'x']).unwrap(),
            Frame::Ping(5)
        );
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
        assert!(
            Frame::from_bytes(&[0xa2, 0x00, 0x04, 0x02, 0x5a, 0xff, 0xff, 0xff, 0xff]).is_err()
        );
        assert!(
            Frame::from_bytes(&[
                0xa3, 0x00, 0x01, 0x01, 0x01, 0x03, 0x9b, 0x40, 0, 0, 0, 0, 0, 0, 0
            ])
            .is_err()
        );
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
    fn frames_at_their_limits_are_read_and_beyond_are_not() {
        let read = |frame: Frame| Frame::from_bytes(&frame.to_bytes()).is_ok();
        let envelope = |length| read(Frame::Envelope(vec![0; length]));
        assert!(envelope(0) && envelope(ENVELOPE_SIZES[3] - 1) && envelope(ENVELOPE_SIZES[3]));
        assert!(!envelope(ENVELOPE_SIZES[3] + 1));
        let hello = |links| read(Frame::Hello { version: 1, links: vec![[0; 8]; links] });
        assert!(hello(0) && hello(MAX_HELLO_LINKS) && !hello(MAX_HELLO_LINKS + 1));
    }

    #[test]
    fn unknown_numbers_are_kept_and_wrong_types_refused() {
        for frame in [
            Frame::Bye(Bye::Other(99)),
            Frame::Error(FrameError::Other(0)),
            Frame::Refuse(RejectReason::Other(99)),
        ] {
            assert_eq!(Frame::from_bytes(&frame.to_bytes()).unwrap(), frame);
        }

        // A ping whose number is a text, an envelope that is a text, a link id of seven bytes.
        for bytes in [
            &b"\xa2\x00\x02\x01\x61x"[..],
            b"\xa2\x00\x04\x02\x61x",
            b"\xa3\x00\x01\x01\x01\x03\x81\x47sevenby",
        ] {
            assert!(Frame::from_bytes(bytes).is_err());
        }
    }
}
