//! How a conversation begins afresh between two who are contacts already.

use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

use super::card::Introduction;
use super::{WireError, decode, encode, required};

/// The question of one who has lost its side of a conversation, and the answer to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Restart {
    /// In the question with an MLS key package, in the answer with the welcome.
    pub introduction: Introduction,
    /// The highest counter of the receiver's texts that the sender knows; 0 for none.
    pub heard: u64,
    /// The highest clock of the conversation that the sender knows.
    pub clock: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct Wire {
    #[n(1)]
    introduction: Option<ByteVec>,
    #[n(2)]
    heard: Option<u64>,
    #[n(3)]
    clock: Option<u64>,
}

impl Restart {
    /// A CBOR map; keys: 1 the introduction's bytes, 2 heard, 3 clock.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&Wire {
            introduction: Some(self.introduction.to_bytes().into()),
            heard: Some(self.heard),
            clock: Some(self.clock),
        })
    }

    /// Reads what [`Restart::to_bytes`] wrote; the MLS part has at most `limit` bytes.
    pub fn from_bytes(bytes: &[u8], limit: usize) -> Result<Self, WireError> {
        let wire: Wire = decode(bytes)?;
        Ok(Self {
            introduction: Introduction::from_bytes(&required(wire.introduction, "introduction")?, limit)?,
            heard: required(wire.heard, "heard")?,
            clock: required(wire.clock, "clock")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transport::OnionAddress;
    use crate::wire::card::Card;
    use crate::wire::golden;

    fn restart() -> Restart {
        let card = Card {
            revision: 7,
            name: "Bob".into(),
            endpoint: OnionAddress([1; 32]),
            presence_secret: [2; 32],
            servers: vec![],
        };
        Restart {
            introduction: Introduction { card, mls: vec![9; 5], withdrawn: None, message: None },
            heard: 3,
            clock: 4,
        }
    }

    #[test]
    fn golden_restart() {
        golden("restart", &restart().to_bytes());
        assert!(Restart::from_bytes(&restart().to_bytes(), 5).unwrap() == restart());
        assert!(Restart::from_bytes(&restart().to_bytes(), 4).is_err(), "too long an MLS message");
    }

    #[test]
    fn a_restart_cut_anywhere_is_refused() {
        let bytes = restart().to_bytes();
        assert!((0..bytes.len()).all(|end| Restart::from_bytes(&bytes[..end], 5).is_err()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
            let _ = Restart::from_bytes(&bytes, 100);
        }
    }
}
