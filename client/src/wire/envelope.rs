//! The envelope: a sealed message as it travels on any path. Only its reader recognises it.
//!
//! ```text
//! version 1 ‖ nonce 24 ‖ tag 16 ‖ XChaCha20-Poly1305( u32 length ‖ MLS message ‖ zeros ) + 16
//! ```
//!
//! The whole has one of [`ENVELOPE_SIZES`]. The first 41 bytes are the associated data. The tag is
//! HMAC-SHA256(tag key, nonce), first 16 bytes: to everybody else as random as the nonce. Both keys
//! come from the pair's secret and the sender's peer id, so that each direction has its own. What
//! is inside is sealed by MLS already; the outer seal hides the conversation's id and epoch, and
//! which envelopes belong together.

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use zeroize::Zeroizing;

use super::codec::{PAD_PREFIX, WireError, pad, unpad};
use crate::identity::{PeerId, derive};
use crate::limits::{ENVELOPE_SIZES, size_class};
use crate::tag;

/// The version of envelopes made here.
pub const VERSION: u8 = 1;

const HEADER: usize = 1 + 24 + 16;
const OVERHEAD: usize = HEADER + PAD_PREFIX + 16;
const LABEL_SEAL: &[u8] = b"chive/v1/envelope-seal";
const LABEL_TAG: &[u8] = b"chive/v1/envelope-tag";

/// The keys for one direction of one conversation.
pub struct EnvelopeKeys {
    seal: Zeroizing<[u8; 32]>,
    tag: Zeroizing<[u8; 32]>,
}

impl EnvelopeKeys {
    /// The keys for envelopes that `sender` seals.
    #[must_use]
    pub fn new(pair_secret: &[u8; 32], sender: PeerId) -> Self {
        Self {
            seal: derive(pair_secret, LABEL_SEAL, &sender.0),
            tag: derive(pair_secret, LABEL_TAG, &sender.0),
        }
    }

    /// Seals an MLS message; an error if it fits no size.
    pub fn seal(&self, mls: &[u8], rng: &mut dyn CryptoRng) -> Result<Vec<u8>, WireError> {
        let too_large =
            WireError::TooLarge { what: "message", limit: ENVELOPE_SIZES[3] - OVERHEAD };
        let size = size_class(&ENVELOPE_SIZES, mls.len() + OVERHEAD).ok_or(too_large)?;
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let mut envelope = Vec::with_capacity(size);
        envelope.push(VERSION);
        envelope.extend_from_slice(&nonce);
        envelope.extend_from_slice(&tag::make(&self.tag, &nonce));
        let padded = pad(mls, size - HEADER - 16);
        let sealed =
            self.cipher().encrypt(&XNonce::from(nonce), Payload { msg: &padded, aad: &envelope });
        envelope.extend(sealed.map_err(|_| WireError::Sealed)?);
        Ok(envelope)
    }

    /// Whether the envelope is for us, without opening it.
    #[must_use]
    pub fn recognise(&self, envelope: &[u8]) -> bool {
        envelope.len() >= HEADER
            && envelope[0] == VERSION
            && tag::matches(&self.tag, &envelope[1..25], &envelope[25..HEADER])
    }

    /// The MLS message inside.
    pub fn open(&self, envelope: &[u8]) -> Result<Vec<u8>, WireError> {
        let version = *envelope.first().ok_or(WireError::Missing("version"))?;
        if version != VERSION {
            return Err(WireError::Version(version));
        }
        if !ENVELOPE_SIZES.contains(&envelope.len()) || !self.recognise(envelope) {
            return Err(WireError::Sealed);
        }
        let (header, sealed) = envelope.split_at(HEADER);
        let padded = self
            .cipher()
            .decrypt(XNonce::from_slice(&header[1..25]), Payload { msg: sealed, aad: header });
        Ok(unpad(&padded.map_err(|_| WireError::Sealed)?)?.to_vec())
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.seal).into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    fn keys() -> EnvelopeKeys {
        EnvelopeKeys::new(&[1; 32], PeerId([2; 32]))
    }

    #[test]
    fn what_was_sealed_opens() {
        let envelope = keys().seal(b"hello", &mut StdRng::from_seed([3; 32])).unwrap();
        assert_eq!(keys().open(&envelope).unwrap(), b"hello");
    }

    #[test]
    fn every_length_gets_one_of_the_sizes() {
        let mut rng = StdRng::from_seed([3; 32]);
        for (length, size) in
            [(0, 1024), (1024 - OVERHEAD, 1024), (1025 - OVERHEAD, 4096), (65536 - OVERHEAD, 65536)]
        {
            let envelope = keys().seal(&vec![7; length], &mut rng).unwrap();
            assert_eq!(envelope.len(), size);
            assert_eq!(keys().open(&envelope).unwrap().len(), length);
        }
        assert!(keys().seal(&vec![7; 65537 - OVERHEAD], &mut rng).is_err());
    }

    #[test]
    fn another_pair_another_direction_or_a_changed_bit_is_refused() {
        let envelope = keys().seal(b"hello", &mut StdRng::from_seed([3; 32])).unwrap();
        assert!(EnvelopeKeys::new(&[1; 32], PeerId([9; 32])).open(&envelope).is_err());
        assert!(EnvelopeKeys::new(&[9; 32], PeerId([2; 32])).open(&envelope).is_err());
        for at in [0, 1, 24, 25, 40, 41, 500, 1023] {
            let mut wrong = envelope.clone();
            wrong[at] ^= 1;
            assert!(keys().open(&wrong).is_err(), "byte {at}");
        }
        for end in 0..envelope.len() {
            assert!(keys().open(&envelope[..end]).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused(bytes: Vec<u8>) {
            prop_assert!(keys().open(&bytes).is_err());
        }
    }

    #[test]
    fn a_malformed_envelope_is_refused() {
        let envelope = keys().seal(b"hello", &mut StdRng::from_seed([3; 32])).unwrap();
        for version in [0, 2, 255] {
            let mut other = envelope.clone();
            other[0] = version;
            assert!(matches!(keys().open(&other), Err(WireError::Version(v)) if v == version));
        }
        // Header, and a ciphertext of 0 to 20 bytes.
        for length in HEADER..=HEADER + 20 {
            assert!(keys().open(&envelope[..length]).is_err(), "{length} bytes");
        }
        assert!(keys().open(&[&envelope[..], &[0]].concat()).is_err());
    }
}
