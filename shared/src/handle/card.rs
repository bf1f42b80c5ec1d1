//! The card in a claim: sealed, and always of one size. It holds an invitation of the owner, which
//! is never parsed here: its form is up to the clients.
//!
//! ```text
//! plaintext, 256 bytes: length as u16, big-endian ‖ the invitation ‖ zeros
//! sealed, 296 bytes:    nonce 24, random ‖ ciphertext 256 ‖ tag 16
//! ```
//!
//! XChaCha20-Poly1305 with the card key; associated data: the bytes before the card in the claim.

use std::fmt;

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::locate::CardKey;
use crate::bytes::take;
use crate::limits::{CARD_PLAIN, CARD_SEALED};

const NONCE: usize = 24;
const LENGTH: usize = 2;

/// The invitation that a handle leads to, padded.
#[derive(Clone, PartialEq, Eq)]
pub struct Card(Zeroizing<[u8; CARD_PLAIN]>);

impl fmt::Debug for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Card(…)")
    }
}

/// Why a card cannot be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// The invitation does not fit.
    #[error("a card holds at most {} bytes", CARD_PLAIN - LENGTH)]
    TooLong,
    /// Sealed for another name, or changed.
    #[error("the card does not open")]
    Sealed,
}

impl Card {
    /// Pads an invitation to the size of every card.
    pub fn new(invitation: &[u8]) -> Result<Self, CardError> {
        if invitation.len() > CARD_PLAIN - LENGTH {
            return Err(CardError::TooLong);
        }
        let length = u16::try_from(invitation.len()).map_err(|_| CardError::TooLong)?;
        let mut plain = Zeroizing::new([0; CARD_PLAIN]);
        plain[..LENGTH].copy_from_slice(&length.to_be_bytes());
        plain[LENGTH..LENGTH + invitation.len()].copy_from_slice(invitation);
        Ok(Self(plain))
    }

    /// The invitation without the padding.
    #[must_use]
    pub fn invitation(&self) -> &[u8] {
        let length = usize::from(u16::from_be_bytes(take(self.0.as_ref(), 0)));
        self.0.get(LENGTH..LENGTH + length).unwrap_or_default()
    }

    pub(super) fn seal(
        &self,
        key: &CardKey,
        bound_to: &[u8],
        nonce: [u8; NONCE],
    ) -> [u8; CARD_SEALED] {
        let mut text = self.0.clone();
        // The only error is a plaintext of more than 256 GB.
        let sealed =
            cipher(key).encrypt_in_place_detached(&XNonce::from(nonce), bound_to, text.as_mut());
        let mut out = [0; CARD_SEALED];
        out[..NONCE].copy_from_slice(&nonce);
        out[NONCE..NONCE + CARD_PLAIN].copy_from_slice(text.as_ref());
        out[NONCE + CARD_PLAIN..].copy_from_slice(&sealed.unwrap_or_default());
        out
    }

    pub(super) fn open(
        sealed: &[u8; CARD_SEALED],
        key: &CardKey,
        bound_to: &[u8],
    ) -> Result<Self, CardError> {
        let nonce: [u8; NONCE] = take(sealed, 0);
        let mut text = Zeroizing::new(take::<CARD_PLAIN>(sealed, NONCE));
        let tag = Tag::from(take::<16>(sealed, NONCE + CARD_PLAIN));
        cipher(key)
            .decrypt_in_place_detached(&XNonce::from(nonce), bound_to, text.as_mut(), &tag)
            .map_err(|_| CardError::Sealed)?;
        Ok(Self(text))
    }
}

fn cipher(key: &CardKey) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&key.0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_opens_for_its_name_alone() {
        let (key, other) = (CardKey([1; 32]), CardKey([2; 32]));
        for length in [0, 1, 85, CARD_PLAIN - LENGTH] {
            let card = Card::new(&vec![7; length]).unwrap();
            let sealed = card.seal(&key, b"head", [3; 24]);
            assert_eq!(Card::open(&sealed, &key, b"head").unwrap().invitation(), vec![7; length]);
            assert_eq!(Card::open(&sealed, &other, b"head"), Err(CardError::Sealed));
            assert_eq!(Card::open(&sealed, &key, b"hood"), Err(CardError::Sealed));
        }
        assert_eq!(Card::new(&[0; CARD_PLAIN - LENGTH + 1]), Err(CardError::TooLong));
    }

    #[test]
    fn a_length_beyond_the_card_is_an_empty_invitation() {
        assert_eq!(Card(Zeroizing::new([0xff; CARD_PLAIN])).invitation(), b"");
    }
}
