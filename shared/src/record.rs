//! The presence record: a writer puts it on a server, everyone can read it, and only contacts
//! understand it. Which of two records a server or a client keeps is decided by them, not here.
//!
//! ```text
//! offset size
//!   0      1  version 1
//!   1     32  address: the blinded key (see `blinding`)
//!  33      4  epoch
//!  37      8  sequence number (see `sequence`)
//!  45      4  expiry, Unix minutes
//!  49    104  sealed status (see `status`), bound to the bytes before it
//! 153     64  Ed25519 signature by the address, over label ‖ server ‖ bytes 0 to 152
//! ```
//!
//! Numbers are big-endian. One rule decides whether a signature is valid: the key and R are
//! canonically encoded and not of low order, S is below the group's order, and the equation holds
//! without the cofactor (`verify_strict`).

use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};

use crate::blinding::{Address, PresenceKey, PresenceSecret, Signer};
use crate::bytes::{is_canonical, take};
use crate::epoch::Epoch;
use crate::label;
use crate::limits::{MAX_RECORD_LIFE, MINUTE, RECORD, SKEW, STATUS_SEALED};
use crate::sequence::Sequence;
use crate::server::ServerId;
use crate::status::{Status, StatusError, StatusKey};

/// The only version of records that is known.
pub const VERSION: u8 = 1;

const ADDRESS: usize = 1;
const EPOCH: usize = 33;
const SEQUENCE: usize = 37;
const EXPIRY: usize = 45;
const STATUS: usize = 49;
const SIGNATURE: usize = STATUS + STATUS_SEALED;

/// A presence record as bytes, of which only the length and the version have been checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Record([u8; RECORD]);

/// Neither the address nor the sealed status prints.
impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Record(…)")
    }
}

/// Why a record is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not [`RECORD`] bytes long.
    #[error("a record has {RECORD} bytes")]
    Length,
    /// A version that this code does not know.
    #[error("a record of version {0}: only {VERSION} is known")]
    Version(u8),
    /// The address is not a usable Ed25519 key.
    #[error("the address is no key, of low order, or not canonically encoded")]
    Address,
    /// Not signed by the address for this server.
    #[error("the signature is not the address's own, or made for another server")]
    Signature,
    /// The epoch is not open now.
    #[error("the epoch is not the current one, nor close to it: check the clock")]
    Epoch,
    /// The record has expired.
    #[error("the record has expired: check the clock")]
    Expired,
    /// The sequence number is from the future.
    #[error("the sequence number is of a time to come: check the clock")]
    Future,
    /// It was written too long ago to be fresh.
    #[error("the record was written too long ago: write a fresh one, and check the clock")]
    Stale,
}

/// The content of a record before it is signed.
#[derive(Clone, Copy, Debug)]
pub struct RecordDraft {
    /// The epoch, the same as the signer's.
    pub epoch: Epoch,
    /// Higher than the last one for the same address.
    pub sequence: Sequence,
    /// When it expires, Unix milliseconds; rounded up to a minute.
    pub expires: i64,
    /// The status, which is sealed for the contacts.
    pub status: Status,
}

impl Record {
    /// Seals the status and signs the record. `nonce` is 24 fresh random bytes.
    ///
    /// `signer`, `secret` and `draft.epoch` must be of one epoch and one server, or no one finds
    /// the record.
    #[must_use]
    pub fn make(
        signer: &Signer,
        secret: &PresenceSecret,
        server: &ServerId,
        draft: RecordDraft,
        nonce: [u8; 24],
    ) -> Self {
        let mut bytes = [0; RECORD];
        let minutes =
            u32::try_from((draft.expires.max(0) + MINUTE - 1) / MINUTE).unwrap_or(u32::MAX);
        bytes[0] = VERSION;
        bytes[ADDRESS..EPOCH].copy_from_slice(&signer.address().0);
        bytes[EPOCH..SEQUENCE].copy_from_slice(&draft.epoch.0.to_be_bytes());
        bytes[SEQUENCE..EXPIRY].copy_from_slice(&draft.sequence.0.to_be_bytes());
        bytes[EXPIRY..STATUS].copy_from_slice(&minutes.to_be_bytes());
        let key = StatusKey::new(secret, draft.epoch, server);
        let sealed = key.seal(draft.status, &bytes[..STATUS], nonce);
        bytes[STATUS..SIGNATURE].copy_from_slice(&sealed);
        let signature = signer.sign(&Self(bytes).signed(server));
        bytes[SIGNATURE..].copy_from_slice(&signature);
        Self(bytes)
    }

    /// Checks the length and the version, and nothing else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        let bytes: [u8; RECORD] = bytes.try_into().map_err(|_| RecordError::Length)?;
        if bytes[0] == VERSION { Ok(Self(bytes)) } else { Err(RecordError::Version(bytes[0])) }
    }

    /// The encoded form, as it is sent.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; RECORD] {
        &self.0
    }

    /// The blinded key that signed it.
    #[must_use]
    pub fn address(&self) -> Address {
        Address(take(&self.0, ADDRESS))
    }

    /// The epoch for which its address was blinded.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(u32::from_be_bytes(take(&self.0, EPOCH)))
    }

    /// Orders the records of one address.
    #[must_use]
    pub fn sequence(&self) -> Sequence {
        Sequence(u64::from_be_bytes(take(&self.0, SEQUENCE)))
    }

    /// When its writer lets it expire, Unix milliseconds.
    #[must_use]
    pub fn expires(&self) -> i64 {
        i64::from(u32::from_be_bytes(take(&self.0, EXPIRY))) * MINUTE
    }

    /// When it expires on a server that accepted it at `accepted`: at most [`MAX_RECORD_LIFE`]
    /// later.
    #[must_use]
    pub fn effective_expiry(&self, accepted: i64) -> i64 {
        self.expires().min(accepted.saturating_add(MAX_RECORD_LIFE))
    }

    /// Whether epoch, expiry and sequence number fit the time. A server also checks the signature,
    /// and compares the record to the stored one.
    pub fn check_time(&self, now: i64) -> Result<(), RecordError> {
        if !self.epoch().is_open(now) {
            return Err(RecordError::Epoch);
        }
        if self.expires() <= now {
            return Err(RecordError::Expired);
        }
        if self.sequence().is_in_future(now) {
            return Err(RecordError::Future);
        }
        if self.sequence().is_stale(now) { Err(RecordError::Stale) } else { Ok(()) }
    }

    /// Until when a server that accepted it at `accepted` remembers its sequence number, even after
    /// it has expired: until every older record of the address is too old to be put again.
    #[must_use]
    pub fn remember_until(&self, accepted: i64) -> i64 {
        self.effective_expiry(accepted)
            .max(self.sequence().written_at().saturating_add(SKEW + 2 * MINUTE))
    }

    /// Whether its address signed it for this server.
    pub fn verify(&self, server: &ServerId) -> Result<(), RecordError> {
        let Address(address) = self.address();
        if !is_canonical(&address) {
            return Err(RecordError::Address);
        }
        let key = VerifyingKey::from_bytes(&address).map_err(|_| RecordError::Address)?;
        if key.is_weak() {
            return Err(RecordError::Address);
        }
        let signature = Signature::from_bytes(&take(&self.0, SIGNATURE));
        key.verify_strict(&self.signed(server), &signature).map_err(|_| RecordError::Signature)
    }

    fn signed(&self, server: &ServerId) -> Vec<u8> {
        [label::RECORD, &server.0, &self.0[..SIGNATURE]].concat()
    }
}

/// Reads the records of one contact on one server in one epoch. Making it takes 0.1 ms; keep it for
/// as long as the epoch is a candidate.
pub struct RecordReader {
    address: Address,
    epoch: Epoch,
    server: ServerId,
    key: StatusKey,
}

/// Why a record tells nothing about a contact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The record has another address or epoch.
    #[error("it is another's record, or of another epoch")]
    Mismatch,
    /// Forged or malformed: the server should not have it.
    #[error(transparent)]
    Record(RecordError),
    /// Signed by the contact, but the status does not open or is not known.
    #[error(transparent)]
    Status(StatusError),
    /// Expired: the server should no longer show it.
    #[error("the record is dead")]
    Expired,
    /// Signed further in the future than clocks may differ: the server should have refused it.
    #[error("the record is from the future")]
    Future,
}

impl RecordReader {
    /// Blinds the contact's key for an epoch and a server.
    #[must_use]
    pub fn new(key: &PresenceKey, secret: &PresenceSecret, epoch: Epoch, server: ServerId) -> Self {
        let address = key.address(secret, epoch, &server);
        Self { address, epoch, server, key: StatusKey::new(secret, epoch, &server) }
    }

    /// The address of the contact's record.
    #[must_use]
    pub fn address(&self) -> Address {
        self.address
    }

    /// The epoch whose records it reads.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The status in a record, after every check that needs no memory: the server is not trusted.
    /// The caller makes sure that sequence numbers do not go back.
    pub fn read(&self, record: &Record, now: i64) -> Result<Status, ReadError> {
        if record.address() != self.address || record.epoch() != self.epoch {
            return Err(ReadError::Mismatch);
        }
        record.verify(&self.server).map_err(ReadError::Record)?;
        if record.sequence().is_in_future(now) {
            return Err(ReadError::Future);
        }

        // However late the server accepted it, it cannot be valid for longer than this.
        let oldest = record.sequence().written_at().saturating_add(MAX_RECORD_LIFE + SKEW);
        if record.expires().min(oldest) <= now {
            return Err(ReadError::Expired);
        }

        let sealed = take(&record.0, STATUS);
        self.key.open(&sealed, &record.0[..STATUS]).map_err(ReadError::Status)
    }
}

impl fmt::Debug for RecordReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordReader(…)")
    }
}

#[cfg(test)]
mod tests;
