//! The text of an invitation link: typed, pasted, or from a QR code. A link has one form only.

use chive::invitation::{Invitation, LinkTextError, VERSION};
use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

pub(super) fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(invitation) = Invitation::parse(&text) {
        let tidy: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(
            tidy.to_ascii_lowercase(),
            **invitation.to_link(),
            "a link can be written in one way only"
        );
        assert_eq!(
            Invitation::parse(&text.to_ascii_uppercase()),
            Ok(invitation),
            "as a QR code has it"
        );
    }

    with_checksum(data);
}

/// Adds the right checksum, which few inputs have.
fn with_checksum(data: &[u8]) {
    let sum =
        Sha256::new().chain_update(b"chive/v1/invitation-checksum").chain_update(data).finalize();
    let bytes = [data, &sum[..4]].concat();
    let text = format!("chive:{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase());
    match Invitation::parse(&text) {
        Ok(invitation) => {
            assert_eq!(data[0], VERSION);
            let parts =
                [&data[..1], &invitation.front_door.0, &invitation.peer_id.0, &invitation.secret.0];
            assert_eq!(parts.concat(), data);
            assert_eq!(**invitation.to_link(), text);
        }
        Err(LinkTextError::Version(version)) => {
            assert!(version == bytes[0] && version > VERSION && bytes.len() >= 85);
        }
        Err(LinkTextError::NotALink) => assert!(text.len() > chive::limits::MAX_LINK_TEXT),
        Err(LinkTextError::Mistyped) => assert!(bytes[0] != VERSION || bytes.len() != 85),
    }
}
