//! The invitation link: how somebody who has never met us asks to become a contact.
//!
//! ```text
//! "chive:" base32( version 1 ‖ front door 32 ‖ peer id 32 ‖ secret 16 ‖ checksum 4 )
//! ```
//!
//! Base32 is RFC 4648 without padding. The text is the same in upper case, so that a QR code can
//! hold it in its alphanumeric mode. The checksum finds typing errors; it protects nothing.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::identity::{PeerId, derive};
use crate::limits::MAX_LINK_TEXT;
use crate::transport::OnionAddress;

/// What every link begins with.
pub const SCHEME: &str = "chive:";
/// The version of links made here.
pub const VERSION: u8 = 1;

const LENGTH: usize = 1 + 32 + 32 + 16 + 4;
const CHECKED: usize = LENGTH - 4;
const LABEL_CHECKSUM: &[u8] = b"chive/v1/invitation-checksum";
const LABEL_PSK: &[u8] = b"chive/v1/invitation-psk";
const LABEL_TAG: &[u8] = b"chive/v1/invitation-tag";
const LABEL_ID: &[u8] = b"chive/v1/invitation-id";

/// The secret of one invitation: 16 random bytes. Who knows it has the permission.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct InvitationSecret(pub [u8; 16]);

impl fmt::Debug for InvitationSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationSecret(…)")
    }
}

impl InvitationSecret {
    /// The pre-shared key of the first link.
    #[must_use]
    pub fn psk(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.0, LABEL_PSK, b"")
    }

    /// The key of the tags by which an opener names the invitation.
    #[must_use]
    pub fn tag_key(&self) -> Zeroizing<[u8; 32]> {
        derive(&self.0, LABEL_TAG, b"")
    }

    /// What the owner calls it: 16 bytes that do not give the secret away.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&derive(&self.0, LABEL_ID, b"")[..16]);
        id
    }
}

/// Everything that an invitation link says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The onion service that takes the request.
    pub front_door: OnionAddress,
    /// The id that whoever answers must prove.
    pub peer_id: PeerId,
    /// The permission to ask.
    pub secret: InvitationSecret,
}

/// Why a text is not a usable link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkTextError {
    /// Something else altogether.
    #[error("this is not an invitation link: one begins with “chive:” and has 142 characters")]
    NotALink,
    /// A link with a wrong or missing character.
    #[error("this link has a typing error or is not complete: copy it again, whole")]
    Mistyped,
    /// A link of a later version.
    #[error("this link was made by a newer version of Chive (link version {0}): update this one")]
    Version(u8),
}

impl Invitation {
    /// The link, in lower case.
    #[must_use]
    pub fn to_link(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH));
        bytes.push(VERSION);
        bytes.extend_from_slice(&self.front_door.0);
        bytes.extend_from_slice(&self.peer_id.0);
        bytes.extend_from_slice(&self.secret.0);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        Zeroizing::new(format!("{SCHEME}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase()))
    }

    /// Reads a link in either case; white space anywhere in it, as line breaks in a mail, is
    /// ignored.
    pub fn parse(text: &str) -> Result<Self, LinkTextError> {
        if text.len() > MAX_LINK_TEXT {
            return Err(LinkTextError::NotALink);
        }
        let text: String =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_ascii_uppercase()).collect();
        let body = text.strip_prefix("CHIVE:").ok_or(LinkTextError::NotALink)?;
        let bytes = Zeroizing::new(
            BASE32_NOPAD.decode(body.as_bytes()).map_err(|_| LinkTextError::Mistyped)?,
        );
        Self::from_bytes(&bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, LinkTextError> {
        match bytes.first() {
            Some(&VERSION) => {}
            // A later version may have any length; whether it is mistyped cannot be told.
            Some(&version) if version > VERSION && bytes.len() >= LENGTH => {
                return Err(LinkTextError::Version(version));
            }
            _ => return Err(LinkTextError::Mistyped),
        }

        let bytes: &[u8; LENGTH] = bytes.try_into().map_err(|_| LinkTextError::Mistyped)?;
        if checksum(&bytes[..CHECKED]) != bytes[CHECKED..] {
            return Err(LinkTextError::Mistyped);
        }

        let mut invitation = Self {
            front_door: OnionAddress([0; 32]),
            peer_id: PeerId([0; 32]),
            secret: InvitationSecret([0; 16]),
        };
        invitation.front_door.0.copy_from_slice(&bytes[1..33]);
        invitation.peer_id.0.copy_from_slice(&bytes[33..65]);
        invitation.secret.0.copy_from_slice(&bytes[65..CHECKED]);

        Ok(invitation)
    }
}

fn checksum(bytes: &[u8]) -> [u8; 4] {
    let digest = Sha256::new().chain_update(LABEL_CHECKSUM).chain_update(bytes).finalize();
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Invitation {
        Invitation {
            front_door: OnionAddress([1; 32]),
            peer_id: PeerId([2; 32]),
            secret: InvitationSecret([3; 16]),
        }
    }

    #[test]
    fn a_link_survives_upper_case_and_line_breaks() {
        let link = sample().to_link().to_ascii_uppercase();
        let (head, tail) = link.split_at(40);
        assert_eq!(Invitation::parse(&format!("  {head}\r\n {tail}\n")), Ok(sample()));
    }

    #[test]
    fn every_single_wrong_character_is_noticed() {
        let link = sample().to_link();
        for at in SCHEME.len()..link.len() {
            let mut wrong: Vec<u8> = link.bytes().collect();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(Invitation::parse(&wrong).is_err(), "position {at}");
        }
    }

    #[test]
    fn foreign_links_are_named_as_such() {
        for text in [
            "",
            "hello",
            "https://example.org/",
            "chive",
            "simplex:/contact",
            &"chive:a".repeat(1000),
        ] {
            assert_eq!(Invitation::parse(text), Err(LinkTextError::NotALink), "{text:.20}");
        }
        assert_eq!(Invitation::parse("chive:abc"), Err(LinkTextError::Mistyped));
    }

    #[test]
    fn a_later_version_is_named() {
        let mut bytes = vec![0; LENGTH];
        bytes[0] = 9;
        let link = format!("chive:{}", BASE32_NOPAD.encode(&bytes));
        assert_eq!(Invitation::parse(&link), Err(LinkTextError::Version(9)));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC*") {
            let _ = Invitation::parse(&text);
        }

        #[test]
        fn what_was_written_is_read(door: [u8; 32], peer: [u8; 32], secret: [u8; 16]) {
            let (front_door, secret) = (OnionAddress(door), InvitationSecret(secret));
            let invitation = Invitation { front_door, peer_id: PeerId(peer), secret };
            prop_assert_eq!(Invitation::parse(&invitation.to_link()), Ok(invitation));
        }
    }
}
