//! Handles, `name@server`: somebody can be found by a word, and the server learns neither the word
//! nor who it leads to.
//!
//! ```text
//! name, canonical ──skeleton──► Argon2id, salted with the server ─┬─► lookup id, 32 bytes
//!                                                                 └─► card key, 32 bytes
//! ```
//!
//! The server stores a claim under the lookup id: the owner's key and a card sealed with the card
//! key. Whoever knows the name computes both. A server that guesses names pays an Argon2id for each
//! guess.

mod card;
mod claim;
mod name;

pub use self::card::{Card, CardError};
pub use self::claim::{Claim, ClaimDraft, ClaimError, OwnerKey, Release};
pub use self::name::{HandleName, NameError};

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::bytes::take;
use crate::label;
use crate::limits::{HANDLE_ARGON2_KIB, HANDLE_ARGON2_PASSES};
use crate::server::ServerId;

/// Where a handle's claim is on its server.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LookupId(pub [u8; 32]);

impl fmt::Debug for LookupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LookupId(…)")
    }
}

/// What seals a handle's card: known to everybody who knows the name.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct CardKey([u8; 32]);

impl fmt::Debug for CardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CardKey(…)")
    }
}

/// Argon2id did not run: there is no memory for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is not enough memory to look for a handle: it takes {} \
        MiB", HANDLE_ARGON2_KIB / 1024)]
pub struct NoMemory;

/// What comes of a name on a server. Takes 64 MiB and about a fifth of a second.
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
    fn look_alikes_lead_to_one_place_and_servers_to_different_ones() {
        let at =
            |name: &str, server| locate(&name.parse().unwrap(), &ServerId([server; 32])).unwrap().0;
        assert_eq!(at("alice", 1), at("ALICE", 1));
        assert_ne!(at("alice", 1), at("alice", 2));
        assert_ne!(at("alice", 1), at("alicia", 1));
    }
}
