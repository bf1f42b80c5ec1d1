//! How two contacts restart a conversation of which one of them has lost the keys: the request and
//! its answer. Encoding and decoding only.

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode};

use super::card::Introduction;
use super::codec::{WireError, decode, encode};

/// The request of a contact who has lost their side of a conversation, and the answer to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Restart {
    /// In the request with an MLS key package, in the answer with the welcome.
    pub introduction: Introduction,
    /// The highest counter of the receiver's texts that the sender knows; 0 for none.
    pub highest_counter: u64,
    /// The highest clock of the conversation that the sender knows.
    pub clock: u64,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct RestartMap<'b> {
    #[n(1)]
    introduction: &'b ByteSlice,
    #[n(2)]
    highest_counter: u64,
    #[n(3)]
    clock: u64,
}

impl Restart {
    /// The bytes of a request or an answer: PROTOCOL.md, section 10.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(&RestartMap {
            introduction: self.introduction.to_bytes().as_slice().into(),
            highest_counter: self.highest_counter,
            clock: self.clock,
        })
    }

    /// Reads what [`Restart::to_bytes`] wrote; the MLS part has at most `limit` bytes.
    pub fn from_bytes(bytes: &[u8], limit: usize) -> Result<Self, WireError> {
        let map: RestartMap = decode(bytes)?;

        Ok(Self {
            introduction: Introduction::from_bytes(map.introduction, limit)?,
            highest_counter: map.highest_counter,
            clock: map.clock,
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
            addresses: vec![OnionAddress([1; 32]).into()],
            presence_secret: [2; 32],
            servers: vec![],
        };
        Restart {
            introduction: Introduction { card, mls: vec![9; 5], withdrawn: None, message: None },
            highest_counter: 3,
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
