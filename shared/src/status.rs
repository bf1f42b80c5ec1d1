//! The status in a presence record: sealed for contacts alone, and always of one size. A server
//! never opens it.
//!
//! ```text
//! plaintext, 64 bytes                 sealed, 104 bytes
//! offset size                         offset size
//!  0      1  version 1                 0     24  nonce, random
//!  1      1  state                    24     64  ciphertext
//!  2      8  since, Unix ms           88     16  tag
//! 10      1  hint
//! 11      8  the hint's revision
//! 19     32  the hint's endpoint
//! 51     13  zeros
//! ```
//!
//! Numbers are big-endian. XChaCha20-Poly1305; key: HKDF-SHA256(presence secret, label ‖ epoch ‖
//! server); associated data: the bytes before the status in the record. States: 1 online, 2 away,
//! 3 offline. Hints: 0 none, revision and endpoint are zero; 1 a new endpoint. An unknown state or
//! hint is an error of this record only; zeros are not checked, so that later versions can use
//! their space.

use std::fmt;

use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::blinding::PresenceSecret;
use crate::bytes::take;
use crate::derive::derive;
use crate::epoch::Epoch;
use crate::label;
use crate::limits::{STATUS_PLAIN, STATUS_SEALED};
use crate::server::ServerId;

const VERSION: u8 = 1;
const NONCE: usize = 24;

mod state {
    pub(super) const ONLINE: u8 = 1;
    pub(super) const AWAY: u8 = 2;
    pub(super) const OFFLINE: u8 = 3;
}

mod hint {
    pub(super) const NONE: u8 = 0;
    pub(super) const ENDPOINT: u8 = 1;
}

/// Whether the owner can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The owner is there.
    Online,
    /// The device is there; the owner may not be.
    Away,
    /// The owner stopped on purpose. After a crash the record just expires.
    Offline,
}

/// Where contacts can reach the owner.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    /// The revision of the card that it comes from: a hint with a lower one never replaces a newer
    /// one.
    pub revision: u64,
    /// The onion address of the owner's endpoint.
    pub endpoint: [u8; 32],
}

/// The owner's status, as only contacts see it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Online, away or offline.
    pub state: State,
    /// Since when the state has been the same, Unix milliseconds.
    pub since: i64,
    /// Set while contacts may have an old address.
    pub hint: Option<Hint>,
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Status(…)")
    }
}

impl fmt::Debug for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hint(…)")
    }
}

/// Why a sealed status cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatusError {
    /// It was sealed with another secret, or changed.
    #[error("the status does not open")]
    Sealed,
    /// It has a later version, or is malformed.
    #[error("the status says what this version does not know")]
    Unknown,
}

impl Status {
    fn to_plain(self) -> Zeroizing<[u8; STATUS_PLAIN]> {
        let mut plain = Zeroizing::new([0; STATUS_PLAIN]);
        plain[0] = VERSION;
        plain[1] = match self.state {
            State::Online => state::ONLINE,
            State::Away => state::AWAY,
            State::Offline => state::OFFLINE,
        };
        plain[2..10].copy_from_slice(&self.since.to_be_bytes());
        if let Some(hint) = self.hint {
            plain[10] = hint::ENDPOINT;
            plain[11..19].copy_from_slice(&hint.revision.to_be_bytes());
            plain[19..51].copy_from_slice(&hint.endpoint);
        }
        plain
    }

    fn from_plain(plain: &[u8; STATUS_PLAIN]) -> Result<Self, StatusError> {
        let state = match (plain[0], plain[1]) {
            (VERSION, state::ONLINE) => State::Online,
            (VERSION, state::AWAY) => State::Away,
            (VERSION, state::OFFLINE) => State::Offline,
            _ => return Err(StatusError::Unknown),
        };
        let hint = match plain[10] {
            hint::NONE => None,
            hint::ENDPOINT => Some(Hint {
                revision: u64::from_be_bytes(take(plain, 11)),
                endpoint: take(plain, 19),
            }),
            _ => return Err(StatusError::Unknown),
        };
        Ok(Self { state, since: i64::from_be_bytes(take(plain, 2)), hint })
    }
}

/// Opens and seals the statuses of one owner, in one epoch, on one server.
pub(crate) struct StatusKey(Zeroizing<[u8; 32]>);

impl StatusKey {
    pub(crate) fn new(secret: &PresenceSecret, epoch: Epoch, server: &ServerId) -> Self {
        Self(derive(&secret.0, &[label::STATUS, &epoch.0.to_be_bytes(), &server.0]))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }

    pub(crate) fn seal(
        &self,
        status: Status,
        bound_to: &[u8],
        nonce: [u8; NONCE],
    ) -> [u8; STATUS_SEALED] {
        let mut text = status.to_plain();
        // The only error is a plaintext of more than 256 GB.
        let sealed =
            self.cipher().encrypt_in_place_detached(&XNonce::from(nonce), bound_to, text.as_mut());
        let tag = sealed.unwrap_or_default();
        let mut out = [0; STATUS_SEALED];
        out[..NONCE].copy_from_slice(&nonce);
        out[NONCE..NONCE + STATUS_PLAIN].copy_from_slice(text.as_ref());
        out[NONCE + STATUS_PLAIN..].copy_from_slice(&tag);
        out
    }

    pub(crate) fn open(
        &self,
        sealed: &[u8; STATUS_SEALED],
        bound_to: &[u8],
    ) -> Result<Status, StatusError> {
        let nonce: [u8; NONCE] = take(sealed, 0);
        let mut text = Zeroizing::new(take::<STATUS_PLAIN>(sealed, NONCE));
        let tag = Tag::from(take::<16>(sealed, NONCE + STATUS_PLAIN));
        self.cipher()
            .decrypt_in_place_detached(&XNonce::from(nonce), bound_to, text.as_mut(), &tag)
            .map_err(|_| StatusError::Sealed)?;
        Status::from_plain(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(secret: u8) -> StatusKey {
        StatusKey::new(&PresenceSecret([secret; 32]), Epoch(1), &ServerId([9; 32]))
    }

    fn statuses() -> Vec<Status> {
        let hint = Some(Hint { revision: 7, endpoint: [3; 32] });
        [State::Online, State::Away, State::Offline]
            .into_iter()
            .flat_map(|state| {
                [None, hint].map(|hint| Status { state, since: 1_764_000_000_123, hint })
            })
            .collect()
    }

    #[test]
    fn every_status_opens_to_what_was_sealed() {
        for status in statuses() {
            let sealed = key(1).seal(status, b"head", [4; 24]);
            assert!(key(1).open(&sealed, b"head") == Ok(status));
            assert!(key(2).open(&sealed, b"head") == Err(StatusError::Sealed));
            assert!(key(1).open(&sealed, b"hood") == Err(StatusError::Sealed));
        }
    }

    #[test]
    fn unknown_versions_states_and_hints_are_errors_padding_is_not() {
        let plain = statuses()[1].to_plain();
        for at in [0, 1, 10] {
            let mut changed = plain.clone();
            changed[at] = 9;
            assert!(Status::from_plain(&changed) == Err(StatusError::Unknown));
        }
        let mut later = plain.clone();
        later[60] = 1;
        assert!(Status::from_plain(&later) == Ok(statuses()[1]));
    }

    #[test]
    fn a_status_does_not_print() {
        assert_eq!(format!("{:?}", statuses()[1]), "Status(…)");
    }
}
