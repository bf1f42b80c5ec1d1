//! A claim of a handle, and its release: how they are made, read and verified. Which of two claims
//! a server keeps is decided in the server, not here.
//!
//! ```text
//! claim, 437 bytes                            release, 137 bytes
//! offset size                                 offset size
//!   0      1  version 1                         0      1  version 1
//!   1     32  lookup id                         1     32  lookup id
//!  33     32  owner's key, Ed25519             33     32  owner's key
//!  65      8  sequence number                  65      8  sequence number
//!  73      4  expiry, Unix minutes             73     64  signature
//!  77    296  sealed card (see `card`)
//! 373     64  signature
//! ```
//!
//! A signature is over label ‖ server ‖ the bytes before it, with a different label for claims and
//! releases, and is verified by the rule for records. Claiming, renewing and replacing are the
//! same: a claim with a higher number. Numbers are those of `sequence`, and a server accepts only
//! fresh ones, so no one can put back a claim that was replaced or released. The owner's key is
//! different for each handle, HKDF-SHA256(root secret, label ‖ lookup id), so two handles do not
//! show that they belong to one person.

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

use super::card::{Card, CardError};
use super::locate::{CardKey, LookupId};
use crate::bytes::{is_canonical, take};
use crate::derive::derive;
use crate::label;
use crate::limits::{CARD_SEALED, CLAIM, MAX_HANDLE_LIFE, MINUTE, RELEASE};
use crate::sequence::Sequence;
use crate::server::ServerId;

/// The only version of claims and releases that is known.
const VERSION: u8 = 1;
const ID: usize = 1;
const KEY: usize = 33;
const SEQUENCE: usize = 65;
const EXPIRY: usize = 73;
const CARD: usize = 77;
const CLAIM_SIGNATURE: usize = CARD + CARD_SEALED;
const RELEASE_SIGNATURE: usize = 73;

/// Why a claim or a release is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// The number of bytes is wrong.
    #[error("a claim has {CLAIM} bytes, a release {RELEASE}")]
    Length,
    /// A version that this code does not know.
    #[error("of version {0}: only {VERSION} is known")]
    Version(u8),
    /// The owner's key is not a usable Ed25519 key.
    #[error("the owner's key is no key, of low order, or not canonically encoded")]
    Key,
    /// Not signed by that key for this server.
    #[error("the signature is not the owner's, or made for another server")]
    Signature,
    /// The claim has expired.
    #[error("the claim has expired: check the clock")]
    Expired,
    /// The sequence number is from the future.
    #[error("the sequence number is of a time to come: check the clock")]
    Future,
    /// It was signed too long ago to be fresh.
    #[error("it was signed too long ago: sign it again, and check the clock")]
    Stale,
}

/// The key with which an owner holds one handle.
pub struct OwnerKey(SigningKey);

impl fmt::Debug for OwnerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwnerKey(…)")
    }
}

impl OwnerKey {
    /// Derives the key for a handle from a profile's root secret; always the same.
    #[must_use]
    pub fn new(root: &[u8; 32], id: &LookupId) -> Self {
        Self(SigningKey::from_bytes(&derive(root, &[label::HANDLE_OWNER, &id.0])))
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }
}

/// The content of a claim before it is signed.
#[derive(Clone, Copy, Debug)]
pub struct ClaimDraft<'a> {
    /// The handle that is claimed.
    pub id: LookupId,
    /// Higher than the last one for the same handle.
    pub sequence: Sequence,
    /// When it expires, Unix milliseconds; rounded up to a minute.
    pub expires: i64,
    /// The invitation that the handle leads to.
    pub card: &'a Card,
}

/// A claim as bytes, of which only the length and the version have been checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Claim([u8; CLAIM]);

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claim(…)")
    }
}

impl Claim {
    /// Seals the card and signs the claim. `nonce` is 24 fresh random bytes.
    #[must_use]
    pub fn make(
        owner: &OwnerKey,
        key: &CardKey,
        server: &ServerId,
        draft: ClaimDraft<'_>,
        nonce: [u8; 24],
    ) -> Self {
        let mut bytes = [0; CLAIM];
        let minutes =
            u32::try_from((draft.expires.max(0) + MINUTE - 1) / MINUTE).unwrap_or(u32::MAX);
        bytes[0] = VERSION;
        bytes[ID..KEY].copy_from_slice(&draft.id.0);
        bytes[KEY..SEQUENCE].copy_from_slice(owner.0.verifying_key().as_bytes());
        bytes[SEQUENCE..EXPIRY].copy_from_slice(&draft.sequence.0.to_be_bytes());
        bytes[EXPIRY..CARD].copy_from_slice(&minutes.to_be_bytes());
        let sealed = draft.card.seal(key, &bytes[..CARD], nonce);
        bytes[CARD..CLAIM_SIGNATURE].copy_from_slice(&sealed);
        let signature = owner.sign(&signed(label::CLAIM, server, &bytes[..CLAIM_SIGNATURE]));
        bytes[CLAIM_SIGNATURE..].copy_from_slice(&signature);
        Self(bytes)
    }

    /// Checks the length and the version, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ClaimError> {
        let bytes: [u8; CLAIM] = bytes.try_into().map_err(|_| ClaimError::Length)?;
        if bytes[0] == VERSION { Ok(Self(bytes)) } else { Err(ClaimError::Version(bytes[0])) }
    }

    /// The encoded form, as it is sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; CLAIM] {
        &self.0
    }

    /// The lookup id of the handle, as the server knows it.
    #[must_use]
    pub fn id(&self) -> LookupId {
        LookupId(take(&self.0, ID))
    }

    /// The public key of the owner.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        take(&self.0, KEY)
    }

    /// Orders the claims and releases of one owner.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        Sequence(u64::from_be_bytes(take(&self.0, SEQUENCE)))
    }

    /// When the owner lets it expire, Unix milliseconds.
    #[must_use]
    pub fn expires(&self) -> i64 {
        i64::from(u32::from_be_bytes(take(&self.0, EXPIRY))) * MINUTE
    }

    /// When it expires on a server that accepted it at `accepted`: at most [`MAX_HANDLE_LIFE`]
    /// later.
    #[must_use]
    pub fn effective_expiry(&self, accepted: i64) -> i64 {
        self.expires().min(accepted.saturating_add(MAX_HANDLE_LIFE))
    }

    /// Whether it was signed just now, and has not expired.
    pub fn check_time(&self, now: i64) -> Result<(), ClaimError> {
        if self.expires() <= now {
            return Err(ClaimError::Expired);
        }
        check_fresh(self.sequence(), now)
    }

    /// Whether its owner signed it for this server.
    pub fn verify(&self, server: &ServerId) -> Result<(), ClaimError> {
        let message = signed(label::CLAIM, server, &self.0[..CLAIM_SIGNATURE]);
        verify(&self.key(), &message, &take(&self.0, CLAIM_SIGNATURE))
    }

    /// Opens the card. If that works, the signer knew the handle's name.
    pub fn open(&self, key: &CardKey) -> Result<Card, CardError> {
        Card::open(&take(&self.0, CARD), key, &self.0[..CARD])
    }
}

/// A release as bytes: it gives a handle back.
#[derive(Clone, PartialEq, Eq)]
pub struct Release([u8; RELEASE]);

impl fmt::Debug for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Release(…)")
    }
}

impl Release {
    /// Signs a release for a server.
    #[must_use]
    pub fn make(owner: &OwnerKey, server: &ServerId, id: LookupId, sequence: Sequence) -> Self {
        let mut bytes = [0; RELEASE];
        bytes[0] = VERSION;
        bytes[ID..KEY].copy_from_slice(&id.0);
        bytes[KEY..SEQUENCE].copy_from_slice(owner.0.verifying_key().as_bytes());
        bytes[SEQUENCE..RELEASE_SIGNATURE].copy_from_slice(&sequence.0.to_be_bytes());
        let signature = owner.sign(&signed(label::RELEASE, server, &bytes[..RELEASE_SIGNATURE]));
        bytes[RELEASE_SIGNATURE..].copy_from_slice(&signature);
        Self(bytes)
    }

    /// Checks the length and the version, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ClaimError> {
        let bytes: [u8; RELEASE] = bytes.try_into().map_err(|_| ClaimError::Length)?;
        if bytes[0] == VERSION { Ok(Self(bytes)) } else { Err(ClaimError::Version(bytes[0])) }
    }

    /// The encoded form, as it is sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; RELEASE] {
        &self.0
    }

    /// The lookup id of the handle, as the server knows it.
    #[must_use]
    pub fn id(&self) -> LookupId {
        LookupId(take(&self.0, ID))
    }

    /// The public key of the owner.
    #[must_use]
    pub fn key(&self) -> [u8; 32] {
        take(&self.0, KEY)
    }

    /// Higher than that of the last claim.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        Sequence(u64::from_be_bytes(take(&self.0, SEQUENCE)))
    }

    /// Whether it was signed just now.
    pub fn check_time(&self, now: i64) -> Result<(), ClaimError> {
        check_fresh(self.sequence(), now)
    }

    /// Whether its owner signed it for this server.
    pub fn verify(&self, server: &ServerId) -> Result<(), ClaimError> {
        let message = signed(label::RELEASE, server, &self.0[..RELEASE_SIGNATURE]);
        verify(&self.key(), &message, &take(&self.0, RELEASE_SIGNATURE))
    }
}

fn check_fresh(sequence: Sequence, now: i64) -> Result<(), ClaimError> {
    if sequence.is_in_future(now) {
        return Err(ClaimError::Future);
    }
    if sequence.is_stale(now) { Err(ClaimError::Stale) } else { Ok(()) }
}

fn signed(label: &[u8], server: &ServerId, bytes: &[u8]) -> Vec<u8> {
    [label, &server.0, bytes].concat()
}

fn verify(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> Result<(), ClaimError> {
    if !is_canonical(key) {
        return Err(ClaimError::Key);
    }
    let key = VerifyingKey::from_bytes(key).map_err(|_| ClaimError::Key)?;
    if key.is_weak() {
        return Err(ClaimError::Key);
    }
    key.verify_strict(message, &Signature::from_bytes(signature)).map_err(|_| ClaimError::Signature)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::limits::{DAY, SKEW};

    const SERVER: ServerId = ServerId([9; 32]);
    const NOW: i64 = 1_764_000_000_000;
    const ID: LookupId = LookupId([1; 32]);

    fn owner() -> OwnerKey {
        OwnerKey::new(&[2; 32], &ID)
    }

    fn claim(expires: i64) -> Claim {
        let card = Card::new(b"chive:invitation").unwrap();
        let draft =
            ClaimDraft { id: ID, sequence: Sequence::next(NOW, None), expires, card: &card };
        Claim::make(&owner(), &CardKey([3; 32]), &SERVER, draft, [4; 24])
    }

    #[test]
    fn a_claim_is_verified_and_opened() {
        let claim = claim(NOW + DAY);
        assert_eq!(claim.verify(&SERVER), Ok(()));
        assert_eq!(claim.check_time(NOW), Ok(()));
        assert_eq!(claim.open(&CardKey([3; 32])).unwrap().invitation(), b"chive:invitation");
        assert_eq!(claim.open(&CardKey([5; 32])), Err(CardError::Sealed));
        assert_eq!(Claim::from_bytes(claim.as_bytes()), Ok(claim));
    }

    #[test]
    fn no_bit_of_a_claim_or_a_release_can_be_changed() {
        let claim = *claim(NOW + DAY).as_bytes();
        for bit in 8..8 * CLAIM {
            let mut bytes = claim;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Claim(bytes).verify(&SERVER).is_err(), "bit {bit}");
        }
        let release = Release::make(&owner(), &SERVER, ID, Sequence(7));
        assert_eq!(release.verify(&SERVER), Ok(()));
        for bit in 8..8 * RELEASE {
            let mut bytes = *release.as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Release(bytes).verify(&SERVER).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_claim_is_for_one_server_and_for_now() {
        let claim = claim(NOW + DAY);
        assert_eq!(claim.verify(&ServerId([8; 32])), Err(ClaimError::Signature));
        assert_eq!(
            claim.check_time(NOW + SKEW + 3 * MINUTE),
            Err(ClaimError::Stale),
            "an old claim put back"
        );
        assert_eq!(claim.check_time(NOW - SKEW - 2 * MINUTE), Err(ClaimError::Future));
        assert_eq!(super::tests::claim(NOW - MINUTE).check_time(NOW), Err(ClaimError::Expired));
        assert_eq!(super::tests::claim(i64::MAX / 2).effective_expiry(NOW), NOW + MAX_HANDLE_LIFE);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..2 * CLAIM),
            time: i64,
        ) {
            if let Ok(claim) = Claim::from_bytes(&bytes) {
                let _ = (claim.verify(&SERVER), claim.open(&CardKey([0; 32])));
                let _ = (claim.check_time(time), claim.effective_expiry(time));
            }
            if let Ok(release) = Release::from_bytes(&bytes) {
                let _ = (release.verify(&SERVER), release.check_time(time));
            }
        }
    }
}
