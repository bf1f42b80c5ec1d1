//! Records of honest and of hostile owners.

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
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
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
    assert!(reader().read(&far, NOW + MAX_RECORD_LIFE + SKEW + 1).is_err(), "shown for too long");
    assert!(reader().read(&changed(60, 0), NOW) == Err(ReadError::Record(RecordError::Signature)));
    let ahead = |minutes| record_with(|draft| draft.sequence = Sequence::next(minutes, None));
    assert!(reader().read(&ahead(NOW + SKEW), NOW).is_ok(), "clocks may differ");
    let future = record_with(|draft| draft.sequence = Sequence(u64::MAX));
    for record in [future, ahead(NOW + SKEW + 2 * MINUTE)] {
        assert!(reader().read(&record, NOW) == Err(ReadError::Future), "it would never be passed");
    }

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
    assert!(reader().read(&Record(bytes), NOW) == Err(ReadError::Record(RecordError::Signature)));
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
