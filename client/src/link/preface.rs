//! The preface: the first bytes of every stream, by which a dialler says which key it knows.
//!
//! ```text
//! version 1 ‖ purpose 1 ‖ nonce 16 ‖ tag 16
//! ```
//!
//! The tag is [`crate::tag`] over the nonce with a key that only the two sides have: of the
//! invitation (purpose 1), or of the pair and the dialler (purpose 2). It is never the same twice
//! and means nothing to others. The preface is the beginning of the Noise prologue.

use rand::CryptoRng;

use crate::tag;

/// The version of links that this client speaks, in the first byte of every preface.
pub const VERSION: u8 = 1;
/// The length of a preface, in bytes.
pub const LENGTH: usize = 1 + 1 + 16 + tag::LENGTH;

/// What a dialler wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To become a contact, by an invitation.
    Invitation,
    /// To talk, as a contact.
    Contact,
}

/// The first bytes of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preface {
    /// Also says whose key the tag was made with: an invitation's or a contact's.
    pub purpose: Purpose,
    nonce: [u8; 16],
    tag: [u8; tag::LENGTH],
}

impl Preface {
    /// A fresh one for a key.
    pub fn new(purpose: Purpose, key: &[u8; 32], rng: &mut dyn CryptoRng) -> Self {
        let mut nonce = [0; 16];
        rng.fill_bytes(&mut nonce);
        Self { purpose, nonce, tag: tag::make(key, &nonce) }
    }

    /// Whether it was made with this key.
    #[must_use]
    pub fn is_for(&self, key: &[u8; 32]) -> bool {
        tag::matches(key, &self.nonce, &self.tag)
    }

    /// The bytes that go over the stream: version, purpose, nonce, tag.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = VERSION;
        bytes[1] = match self.purpose {
            Purpose::Invitation => 1,
            Purpose::Contact => 2,
        };
        bytes[2..18].copy_from_slice(&self.nonce);
        bytes[18..].copy_from_slice(&self.tag);
        bytes
    }

    /// `None` for anything that is not a preface of this version.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; LENGTH]) -> Option<Self> {
        let purpose = match (bytes[0], bytes[1]) {
            (VERSION, 1) => Purpose::Invitation,
            (VERSION, 2) => Purpose::Contact,
            _ => return None,
        };
        let (mut nonce, mut tag) = ([0; 16], [0; tag::LENGTH]);
        nonce.copy_from_slice(&bytes[2..18]);
        tag.copy_from_slice(&bytes[18..]);
        Some(Self { purpose, nonce, tag })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_preface_is_for_its_key() {
        let preface = Preface::new(Purpose::Contact, &[1; 32], &mut StdRng::from_seed([2; 32]));
        assert_eq!(Preface::from_bytes(&preface.to_bytes()), Some(preface));
        assert!(preface.is_for(&[1; 32]) && !preface.is_for(&[9; 32]));
    }

    #[test]
    fn http_and_other_protocols_are_no_preface() {
        assert_eq!(Preface::from_bytes(b"GET / HTTP/1.1\r\nHost: example.org\r"), None);
        assert_eq!(Preface::from_bytes(&[0; LENGTH]), None);
    }

    proptest! {
        #[test]
        fn a_tag_is_not_guessed(bytes: [u8; LENGTH]) {
            let preface = Preface::from_bytes(&bytes);
            prop_assert!(preface.is_none_or(|preface| !preface.is_for(&[1; 32])));
        }
    }
}
