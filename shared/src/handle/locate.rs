//! From a name to the two values that only those who know it can compute: the lookup id under which
//! a server stores the claim, and the key of the card in it. Slow on purpose; nothing is cached.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::name::HandleName;
use crate::bytes::take;
use crate::label;
use crate::limits::{HANDLE_ARGON2_KIB, HANDLE_ARGON2_PASSES};
use crate::server::ServerId;

/// The key under which a server stores a handle's claim.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupId(pub [u8; 32]);

impl fmt::Debug for LookupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookupId(…)")
    }
}

/// The key that seals a handle's card: known to everyone who knows the name.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CardKey(pub(super) [u8; 32]);

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardKey(…)")
    }
}

/// Argon2id did not run, because there is not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is not enough memory to look for a handle: it takes {} \
        MiB", HANDLE_ARGON2_KIB / 1024)]
pub struct NoMemory;

/// Derives a handle's lookup id and card key. Takes 64 MiB and about a fifth of a second.
///
/// Argon2id, version 0x13, one lane, 64 bytes out; password: the name's skeleton in UTF-8; salt:
/// SHA-256(label ‖ server).
pub fn locate(name: &HandleName, server: &ServerId) -> Result<(LookupId, CardKey), NoMemory> {
    let salt = Sha256::new().chain_update(label::HANDLE_SALT).chain_update(server.0).finalize();
    let params =
        Params::new(HANDLE_ARGON2_KIB, HANDLE_ARGON2_PASSES, 1, Some(64)).map_err(|_| NoMemory)?;
    let mut out = Zeroizing::new([0; 64]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(name.skeleton().as_bytes(), &salt, out.as_mut())
        .map_err(|_| NoMemory)?;
    Ok((LookupId(take(out.as_ref(), 0)), CardKey(take(out.as_ref(), 32))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_share_a_lookup_id_and_servers_do_not() {
        let at =
            |name: &str, server| locate(&name.parse().unwrap(), &ServerId([server; 32])).unwrap().0;
        assert_eq!(at("alice", 1), at("ALICE", 1));
        assert_ne!(at("alice", 1), at("alice", 2));
        assert_ne!(at("alice", 1), at("alicia", 1));
    }
}
