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
mod tests {
    use curve25519_dalek::constants::EIGHT_TORSION;
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::status::State;

    const SERVER: ServerId = ServerId([9; 32]);
    const NOW: i64 = 1_764_000_000_000;

    fn status() -> Status {
        Status { state: State::Online, since: NOW, hint: None }
    }

    fn secret() -> PresenceSecret {
        PresenceSecret([2; 32])
    }

    fn owner() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn record_with(change: impl FnOnce(&mut RecordDraft)) -> Record {
        let mut draft = RecordDraft {
            epoch: Epoch::at(NOW),
            sequence: Sequence::next(NOW, None),
            expires: NOW + MAX_RECORD_LIFE,
            status: status(),
        };
        change(&mut draft);
        Record::make(
            &Signer::new(&owner(), &secret(), draft.epoch, &SERVER),
            &secret(),
            &SERVER,
            draft,
            [4; 24],
        )
    }

    fn record() -> Record {
        record_with(|_| {})
    }

    fn reader() -> RecordReader {
        let key = PresenceKey::from_bytes(owner().verifying_key().as_bytes()).unwrap();
        RecordReader::new(&key, &secret(), Epoch::at(NOW), SERVER)
    }

    fn changed(at: usize, to: u8) -> Record {
        let mut bytes = *record().as_bytes();
        bytes[at] = to;
        Record(bytes)
    }

    #[test]
    fn a_contact_reads_what_the_owner_wrote() {
        let record = record();
        assert_eq!(record.verify(&SERVER), Ok(()));
        assert_eq!(record.check_time(NOW), Ok(()));
        assert!(reader().read(&record, NOW) == Ok(status()));
        assert_eq!(Record::from_bytes(record.as_bytes()), Ok(record));
    }

    #[test]
    fn no_bit_of_a_record_can_be_changed() {
        let original = *record().as_bytes();
        for bit in 8..8 * RECORD {
            let mut bytes = original;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Record(bytes).verify(&SERVER).is_err(), "bit {bit}");
        }
        assert_eq!(Record::from_bytes(changed(0, 2).as_bytes()), Err(RecordError::Version(2)));
    }

    #[test]
    fn a_record_for_another_server_is_refused() {
        assert_eq!(record().verify(&ServerId([8; 32])), Err(RecordError::Signature));
    }

    #[test]
    fn low_order_and_non_canonical_addresses_are_refused() {
        let mut bytes = *record().as_bytes();
        for point in EIGHT_TORSION {
            // With A of low order, R = S·B fits many messages for a lax verifier.
            bytes[ADDRESS..EPOCH].copy_from_slice(&point.compress().0);
            bytes[SIGNATURE..].fill(0);
            bytes[SIGNATURE..SIGNATURE + 32].copy_from_slice(&EIGHT_TORSION[0].compress().0);
            assert_eq!(Record(bytes).verify(&SERVER), Err(RecordError::Address));
        }

        // y = p + 1, another encoding of the neutral point, and y = p + 3.
        for low in [0xee, 0xf0] {
            let mut address = [0xff; 32];
            (address[0], address[31]) = (low, 0x7f);
            bytes[ADDRESS..EPOCH].copy_from_slice(&address);
            assert_eq!(Record(bytes).verify(&SERVER), Err(RecordError::Address));
        }
    }

    #[test]
    fn low_order_and_non_canonical_signatures_are_refused() {
        let good = *record().as_bytes();
        for point in EIGHT_TORSION {
            let mut bytes = good;
            bytes[SIGNATURE..SIGNATURE + 32].copy_from_slice(&point.compress().0);
            assert_eq!(Record(bytes).verify(&SERVER), Err(RecordError::Signature));
        }

        // S + L is the same modulo L.
        let order: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
            0xde, 0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let (mut bytes, mut carry) = (good, 0u16);
        for (byte, add) in bytes[SIGNATURE + 32..].iter_mut().zip(order) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
        }

        assert_eq!(carry, 0);
        assert_eq!(Record(bytes).verify(&SERVER), Err(RecordError::Signature));
    }

    #[test]
    fn wrong_epochs_the_past_and_the_future_are_refused() {
        let at = |number: u32| record_with(|draft| draft.epoch = Epoch(number)).check_time(NOW);
        let Epoch(current) = Epoch::at(NOW);

        assert_eq!(at(current - 2), Err(RecordError::Epoch));
        assert_eq!(at(current + 2), Err(RecordError::Epoch));
        assert_eq!(at(u32::MAX), Err(RecordError::Epoch));
        assert_eq!(
            record_with(|draft| draft.expires = NOW - MINUTE).check_time(NOW),
            Err(RecordError::Expired)
        );
        let future =
            |sequence| record_with(|draft| draft.sequence = Sequence(sequence)).check_time(NOW);
        assert_eq!(future(u64::MAX), Err(RecordError::Future));
        assert_eq!(future(Sequence::next(NOW + SKEW + MINUTE, None).0), Err(RecordError::Future));
        assert_eq!(future(0), Err(RecordError::Stale));
        assert_eq!(record().check_time(NOW + SKEW), Ok(()));
    }

    #[test]
    fn a_number_is_remembered_until_older_records_are_stale() {
        let short = record_with(|draft| draft.expires = NOW + MINUTE);
        let older = record_with(|draft| draft.expires = NOW + MAX_RECORD_LIFE);
        let forgotten = short.remember_until(NOW);
        assert!(short.effective_expiry(NOW) < forgotten);
        assert_eq!(older.check_time(forgotten), Err(RecordError::Stale));
    }

    #[test]
    fn a_far_expiry_is_capped() {
        let far = record_with(|draft| draft.expires = i64::MAX / 2);
        assert_eq!(far.effective_expiry(NOW), NOW + MAX_RECORD_LIFE);
        assert_eq!(
            record_with(|draft| draft.expires = NOW + 1).effective_expiry(NOW),
            far.effective_expiry(NOW).min(NOW + MINUTE)
        );
    }

    #[test]
    fn a_reader_trusts_no_server() {
        let far = record_with(|draft| draft.expires = i64::MAX / 2);
        assert!(
            reader().read(&far, NOW + MAX_RECORD_LIFE + SKEW + 1).is_err(),
            "shown for too long"
        );
        assert!(
            reader().read(&changed(60, 0), NOW) == Err(ReadError::Record(RecordError::Signature))
        );

        let other = SigningKey::from_bytes(&[7; 32]);
        let signer = Signer::new(&other, &secret(), Epoch::at(NOW), &SERVER);
        let draft = RecordDraft {
            epoch: Epoch::at(NOW),
            sequence: Sequence(1),
            expires: NOW,
            status: status(),
        };
        let forged = Record::make(&signer, &secret(), &SERVER, draft, [0; 24]);
        assert!(reader().read(&forged, NOW) == Err(ReadError::Mismatch), "another's key");

        // A contact has the secret but not the key: it can seal, and not sign.
        let mut bytes = *record().as_bytes();
        let sealed = reader().key.seal(status(), &bytes[..STATUS], [8; 24]);
        bytes[STATUS..SIGNATURE].copy_from_slice(&sealed);
        assert!(
            reader().read(&Record(bytes), NOW) == Err(ReadError::Record(RecordError::Signature))
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in prop::collection::vec(any::<u8>(), 0..2 * RECORD),
            time: i64,
        ) {
            if let Ok(record) = Record::from_bytes(&bytes) {
                let _ = (record.verify(&SERVER), reader().read(&record, time));
                let _ = (record.check_time(time), record.effective_expiry(time));
            }
        }
    }
}
