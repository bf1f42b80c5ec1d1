//! Key derivation: HKDF-SHA256 (RFC 5869), without a salt. Every caller names its purpose by a
//! label of `label`.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Derives `N` bytes, at most 8,160, from a secret; the parts of `info` are concatenated.
pub(crate) fn derive<const N: usize>(secret: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    // The only error is an output of more than 8,160 bytes.
    let _ = Hkdf::<Sha256>::new(None, secret).expand_multi_info(info, out.as_mut());
    out
}
