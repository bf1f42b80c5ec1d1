//! Identifiers of envelopes and requests: SHA-256, cut to 16 bytes. No I/O.

use sha2::{Digest, Sha256};

/// Names an envelope, or a request: SHA-256, first 16 bytes.
pub(crate) fn digest(envelope: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(envelope)[..16]);
    short
}
