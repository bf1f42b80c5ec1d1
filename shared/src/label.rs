//! All domain-separation labels in one place. A changed meaning takes a new label; a retired one
//! stays in this list, so that it is never used again.

/// HKDF: the factor that blinds a presence key.
pub(crate) const BLINDING: &[u8] = b"chive/v1/presence-blinding";
/// SHA-512: the seed of the secret nonces of a blinded key's signatures.
pub(crate) const NONCES: &[u8] = b"chive/v1/presence-nonces";
/// HKDF: the key that seals a status.
pub(crate) const STATUS: &[u8] = b"chive/v1/presence-status";
/// Signature: a presence record.
pub(crate) const RECORD: &[u8] = b"chive/v1/presence-record";
/// SHA-256: the salt of a handle's Argon2id.
pub(crate) const HANDLE_SALT: &[u8] = b"chive/v1/handle-salt";
/// HKDF: the key with which an owner signs for a handle.
pub(crate) const HANDLE_OWNER: &[u8] = b"chive/v1/handle-owner";
/// Signature: a claim of a handle.
pub(crate) const CLAIM: &[u8] = b"chive/v1/handle-claim";
/// Signature: the release of a handle.
pub(crate) const RELEASE: &[u8] = b"chive/v1/handle-release";
/// SHA-256: the challenge of a proof of work.
pub(crate) const WORK: &[u8] = b"chive/v1/work";
