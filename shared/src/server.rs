//! A server's identity: the Ed25519 public key of its onion service, and its text form. It is never
//! resolved or dialled here.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE32_NOPAD;
use ed25519_dalek::VerifyingKey;
use sha3::{Digest, Sha3_256};

use crate::bytes::is_canonical;

/// The 32 bytes of a server's onion address. Records, handles and proofs of work are made for one
/// server and mean nothing to another. Its text is the onion address, `….onion`
/// (rend-spec-v3, 6): base32( key ‖ first two bytes of SHA3-256(".onion checksum" ‖ key ‖ 3) ‖ 3 ).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServerId(pub [u8; 32]);

const VERSION: u8 = 3;
const SUFFIX: &str = ".onion";
/// The letters before the suffix.
const LETTERS: usize = 56;

/// The text is not the address of an onion service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is not the address of an onion service: one has 56 letters and digits and ends with \
    “.onion”"
)]
pub struct NotAnAddress;

impl ServerId {
    fn checksum(&self) -> [u8; 2] {
        let sum = Sha3_256::new()
            .chain_update(b".onion checksum")
            .chain_update(self.0)
            .chain_update([VERSION])
            .finalize();
        [sum[0], sum[1]]
    }

    /// The onion address in lower case, with its suffix.
    #[must_use]
    pub fn to_address(&self) -> String {
        let bytes = [&self.0[..], &self.checksum(), &[VERSION]].concat();
        BASE32_NOPAD.encode(&bytes).to_ascii_lowercase() + SUFFIX
    }
}

/// Servers are public, but which one a person uses is not: only [`ServerId::to_address`] shows it.
impl fmt::Debug for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerId(…)")
    }
}

impl FromStr for ServerId {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        if text.len() != LETTERS + SUFFIX.len() {
            return Err(NotAnAddress);
        }

        let text = text.to_ascii_lowercase();
        let letters = text.strip_suffix(SUFFIX).ok_or(NotAnAddress)?;
        let bytes = BASE32_NOPAD
            .decode(letters.to_ascii_uppercase().as_bytes())
            .map_err(|_| NotAnAddress)?;
        let key: [u8; 32] =
            bytes.get(..32).and_then(|key| key.try_into().ok()).ok_or(NotAnAddress)?;
        let id = Self(key);
        let is_sound =
            is_canonical(&key) && VerifyingKey::from_bytes(&key).is_ok_and(|key| !key.is_weak());
        if is_sound && bytes.get(32..) == Some(&[&id.checksum()[..], &[VERSION]].concat()) {
            Ok(id)
        } else {
            Err(NotAnAddress)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The Tor Project's own site.
    const KNOWN: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

    #[test]
    fn a_known_address_is_read_and_written() {
        let id: ServerId = KNOWN.parse().unwrap();
        assert_eq!(id.to_address(), KNOWN);
        assert_eq!(KNOWN.to_uppercase().parse(), Ok(id));
        assert_eq!(format!("{id:?}"), "ServerId(…)");
    }

    #[test]
    fn a_mistyped_or_other_address_is_refused() {
        for text in [
            "",
            "example.onion",
            &KNOWN.replacen('g', "h", 1),
            &KNOWN.replace(".onion", ".ONIO"),
            &format!("www.{KNOWN}"),
            &"é".repeat(31),
        ] {
            assert_eq!(text.parse::<ServerId>(), Err(NotAnAddress), "{text}");
        }
    }
}
