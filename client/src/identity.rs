//! The identity of a profile: one random root secret, the two keys made from it, and the peer id by
//! which contacts know it. Addresses are not part of it.

use std::fmt;

use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use sha2::{Digest, Sha256, Sha512};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Domain separation labels. A changed derivation takes a new label.
mod label {
    pub(super) const LINK_KEY: &[u8] = b"chive/v1/link-key";
    pub(super) const PRESENCE_KEY: &[u8] = b"chive/v1/presence-key";
    pub(super) const PEER_ID: &[u8] = b"chive/v1/peer-id";
    pub(super) const SAFETY_NUMBER: &[u8] = b"chive/v1/safety-number";
}

/// HKDF-SHA256 (RFC 5869) without a salt: 32 bytes for a label and a context.
#[must_use]
pub fn derive(secret: &[u8], label: &[u8], context: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    // The only error is an output of more than 8,160 bytes.
    let _ = Hkdf::<Sha256>::new(None, secret).expand_multi_info(&[label, context], out.as_mut());
    out
}

/// Whether this X25519 key gives the same shared secret with every other: everybody could claim it.
#[must_use]
pub fn is_low_order(key: &[u8; 32]) -> bool {
    x25519_dalek::x25519([1; 32], *key) == [0; 32]
}

/// The secret that a profile's keys come from: 32 random bytes, wiped on drop.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootSecret(pub [u8; 32]);

impl fmt::Debug for RootSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootSecret(…)")
    }
}

/// The SHA-256 of both public keys: 32 bytes. It names a person for good.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub [u8; 32]);

impl PeerId {
    /// As it is shown: 64 lower-case hex digits.
    #[must_use]
    pub fn to_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for PeerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerId(…)")
    }
}

/// The public half of an identity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicIdentity {
    /// X25519: proved by every link's handshake.
    pub link: [u8; 32],
    /// Ed25519: verifies presence records.
    pub presence: [u8; 32],
}

impl PublicIdentity {
    /// Whether both keys are points that somebody can have a secret for, and nobody else.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let presence = ed25519_dalek::VerifyingKey::from_bytes(&self.presence);
        !is_low_order(&self.link) && presence.is_ok_and(|key| !key.is_weak())
    }

    /// SHA-256(label ‖ X25519 key ‖ Ed25519 key).
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        PeerId(
            Sha256::new()
                .chain_update(label::PEER_ID)
                .chain_update(self.link)
                .chain_update(self.presence)
                .finalize()
                .into(),
        )
    }
}

/// A profile's own secret keys, wiped on drop.
#[derive(Clone)]
pub struct Identity {
    link: StaticSecret,
    presence: SigningKey,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Identity {
    /// The keys of a root secret, always the same.
    #[must_use]
    pub fn new(root: &RootSecret) -> Self {
        Self {
            link: StaticSecret::from(*derive(&root.0, label::LINK_KEY, b"")),
            presence: SigningKey::from_bytes(&derive(&root.0, label::PRESENCE_KEY, b"")),
        }
    }

    /// The secret half of the key that links prove.
    #[must_use]
    pub fn link_secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.link.to_bytes())
    }

    /// What presence records are signed with, once it is blinded.
    #[must_use]
    pub fn presence_key(&self) -> &SigningKey {
        &self.presence
    }

    /// The public halves of both keys.
    #[must_use]
    pub fn public(&self) -> PublicIdentity {
        PublicIdentity {
            link: PublicKey::from(&self.link).to_bytes(),
            presence: self.presence.verifying_key().to_bytes(),
        }
    }

    /// The name of this person for good.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.public().peer_id()
    }
}

/// 60 digits in twelve groups of five, the same on both sides: SHA-512(label ‖ lower id ‖ higher
/// id), five bytes for a group, big-endian, modulo 100,000.
#[must_use]
pub fn safety_number(one: PeerId, other: PeerId) -> String {
    let (low, high) = if one < other { (one, other) } else { (other, one) };
    let digest = Sha512::new()
        .chain_update(label::SAFETY_NUMBER)
        .chain_update(low.0)
        .chain_update(high.0)
        .finalize();
    digest.chunks_exact(5).take(12).map(five_digits).collect::<Vec<_>>().join(" ")
}

fn five_digits(bytes: &[u8]) -> String {
    let number = bytes.iter().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    format!("{:05}", number % 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_the_same_safety_number() {
        let (a, b) = (PeerId([1; 32]), PeerId([2; 32]));
        assert_eq!(safety_number(a, b), safety_number(b, a));
        assert_eq!(safety_number(a, b).len(), 60 + 11);
        assert_ne!(safety_number(a, b), safety_number(a, PeerId([3; 32])));
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Identity::new(&RootSecret([7; 32]))), "Identity(…)");
        assert_eq!(format!("{:?}", RootSecret([7; 32])), "RootSecret(…)");
    }
}
