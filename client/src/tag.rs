//! Tags that only the holder of a key recognises, never the same twice: a random nonce and
//! HMAC-SHA256(key, nonce) cut to 16 bytes (RFC 2104).

use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

/// The bytes of a tag.
pub const LENGTH: usize = 16;

fn mac(key: &[u8; 32], nonce: &[u8]) -> Hmac<Sha256> {
    // HMAC pads a short key with zeros to its block.
    let mut block = [0; 64];
    block[..32].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
    block.zeroize();
    mac.update(nonce);
    mac
}

/// The tag of a nonce.
#[must_use]
pub fn make(key: &[u8; 32], nonce: &[u8]) -> [u8; LENGTH] {
    let mut tag = [0; LENGTH];
    tag.copy_from_slice(&mac(key, nonce).finalize().into_bytes()[..LENGTH]);
    tag
}

/// Whether it is the tag of this nonce, in constant time.
#[must_use]
pub fn matches(key: &[u8; 32], nonce: &[u8], tag: &[u8]) -> bool {
    tag.len() == LENGTH && mac(key, nonce).verify_truncated_left(tag).is_ok()
}
