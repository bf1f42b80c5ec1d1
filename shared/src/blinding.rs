//! Blinded presence keys: one address for each epoch and server, which only contacts can compute.
//!
//! ```text
//! factor  h = HKDF-SHA256(presence secret, label ‖ A ‖ epoch ‖ server), 64 bytes,
//!             modulo the group's order
//! address A' = h·A          A: the owner's presence key, Ed25519
//! secret  a' = h·a          a: its secret scalar
//! ```
//!
//! `epoch` is a big-endian `u32`. Nothing is clamped after blinding. Contacts know A and the
//! secret, so they find A' and can check its signatures; they do not know a, so they cannot sign.
//! To anyone else the addresses of two epochs, or on two servers, are unrelated keys.

use std::fmt;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::{EdwardsPoint, Scalar};
use ed25519_dalek::hazmat::{ExpandedSecretKey, raw_sign};
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::bytes::is_canonical;
use crate::derive::derive;
use crate::epoch::Epoch;
use crate::label;
use crate::server::ServerId;

/// The secret that the owner shares with contacts alone: 32 random bytes. It blinds the owner's
/// addresses and seals its status, and is renewed when a contact is removed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PresenceSecret(pub [u8; 32]);

impl fmt::Debug for PresenceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresenceSecret(…)")
    }
}

/// Bytes that are not a usable key: not on the curve, of low or mixed order, or not canonically
/// encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the presence key of anybody")]
pub struct InvalidKey;

/// An owner's presence key, before blinding. It is the same for all contacts, and no server sees
/// it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PresenceKey(EdwardsPoint);

impl fmt::Debug for PresenceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PresenceKey(…)")
    }
}

impl PresenceKey {
    /// Reads a key and checks that it is of prime order, in its one encoding. Takes about 0.1 ms:
    /// keep the result.
    ///
    /// # Errors
    /// If the check fails.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, InvalidKey> {
        let point = CompressedEdwardsY(*bytes).decompress().ok_or(InvalidKey)?;
        let is_sound = is_canonical(bytes) && !point.is_small_order() && point.is_torsion_free();
        if is_sound { Ok(Self(point)) } else { Err(InvalidKey) }
    }

    /// The address of the owner's record in this epoch on this server.
    #[must_use]
    pub fn address(&self, secret: &PresenceSecret, epoch: Epoch, server: &ServerId) -> Address {
        let factor = factor(secret, &self.0.compress().0, epoch, server);
        Address((*factor * self.0).compress().0)
    }
}

/// The address of a record: the blinded key that verifies it. Public, but never logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address(pub [u8; 32]);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(…)")
    }
}

impl Address {
    /// The number of its bucket, if `bits` bits name a bucket; at most eight do.
    #[must_use]
    pub fn bucket(&self, bits: u8) -> u8 {
        if bits == 0 { 0 } else { self.0[0] >> (8 - bits.min(8)) }
    }
}

/// The owner's side of an address: it signs for it, in one epoch, on one server.
pub struct Signer {
    secret: ExpandedSecretKey,
    key: VerifyingKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// Blinds the owner's key for an epoch and a server.
    #[must_use]
    pub fn new(
        owner: &SigningKey,
        secret: &PresenceSecret,
        epoch: Epoch,
        server: &ServerId,
    ) -> Self {
        let factor = factor(secret, owner.verifying_key().as_bytes(), epoch, server);
        let plain = ExpandedSecretKey::from(owner.as_bytes());

        // Nonces must be secret, and different from those of the key that was blinded.
        let mut nonces = Sha512::new()
            .chain_update(label::NONCES)
            .chain_update(plain.hash_prefix)
            .chain_update(Zeroizing::new(factor.to_bytes()))
            .finalize();
        let mut hash_prefix = Zeroizing::new([0; 32]);

        hash_prefix.copy_from_slice(&nonces[..32]);
        nonces.as_mut_slice().zeroize();
        let secret =
            ExpandedSecretKey { scalar: plain.scalar * *factor, hash_prefix: *hash_prefix };
        let key = VerifyingKey::from(EdwardsPoint::mul_base(&secret.scalar));

        Self { secret, key }
    }

    /// The address whose records it signs.
    #[must_use]
    pub fn address(&self) -> Address {
        Address(self.key.to_bytes())
    }

    pub(crate) fn sign(&self, message: &[u8]) -> [u8; 64] {
        raw_sign::<Sha512>(&self.secret, message, &self.key).to_bytes()
    }
}

fn factor(
    secret: &PresenceSecret,
    key: &[u8; 32],
    epoch: Epoch,
    server: &ServerId,
) -> Zeroizing<Scalar> {
    let wide = derive::<64>(&secret.0, &[label::BLINDING, key, &epoch.0.to_be_bytes(), &server.0]);
    Zeroizing::new(Scalar::from_bytes_mod_order_wide(&wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: ServerId = ServerId([9; 32]);

    fn owner() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn key() -> PresenceKey {
        PresenceKey::from_bytes(owner().verifying_key().as_bytes()).unwrap()
    }

    #[test]
    fn a_contact_computes_the_address_that_the_owner_signs_for() {
        let secret = PresenceSecret([2; 32]);
        for number in 0..20 {
            let signer = Signer::new(&owner(), &secret, Epoch(number), &SERVER);
            assert_eq!(key().address(&secret, Epoch(number), &SERVER), signer.address());
            let message = b"message";
            let signature = ed25519_dalek::Signature::from_bytes(&signer.sign(message));
            signer.key.verify_strict(message, &signature).unwrap();
        }
    }

    #[test]
    fn an_address_changes_with_epoch_server_secret_and_owner() {
        let at = |secret, epoch, server| {
            key().address(&PresenceSecret([secret; 32]), Epoch(epoch), &ServerId([server; 32]))
        };
        let other = SigningKey::from_bytes(&[5; 32]);
        let of_other =
            Signer::new(&other, &PresenceSecret([2; 32]), Epoch(3), &ServerId([9; 32])).address();
        let all = [at(2, 3, 9), at(2, 4, 9), at(2, 3, 8), at(7, 3, 9), of_other];
        for (number, one) in all.iter().enumerate() {
            assert!(all[number + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn low_order_mixed_order_and_non_canonical_keys_are_refused() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        for point in EIGHT_TORSION {
            assert_eq!(PresenceKey::from_bytes(&point.compress().0), Err(InvalidKey));
        }
        let mixed = key().0 + EIGHT_TORSION[1];
        assert_eq!(PresenceKey::from_bytes(&mixed.compress().0), Err(InvalidKey));
        let mut second_one = [0xff; 32];
        (second_one[0], second_one[31]) = (0xee, 0x7f);
        assert_eq!(PresenceKey::from_bytes(&second_one), Err(InvalidKey));
    }

    #[test]
    fn a_bucket_is_the_first_bits() {
        let address = Address([0b1011_0001; 32]);
        assert_eq!([0, 1, 3, 8].map(|bits| address.bucket(bits)), [0, 1, 0b101, 0b1011_0001]);
    }

    #[test]
    fn secrets_do_not_print() {
        let secret = PresenceSecret([2; 32]);
        let signer = Signer::new(&owner(), &secret, Epoch(1), &SERVER);
        let printed = format!("{secret:?} {signer:?} {:?} {:?}", key(), signer.address());
        assert_eq!(printed, "PresenceSecret(…) Signer(…) PresenceKey(…) Address(…)");
    }
}
