//! Boards, claims, releases and names, as they come from a rendezvous server or go to one. However
//! they were damaged, only bytes that their owner signed are accepted.

use std::sync::LazyLock;

use chive_shared::blinding::{PresenceKey, PresenceSecret, Signer};
use chive_shared::board::{self, Bucket, Cursor, Head, Parser};
use chive_shared::epoch::Epoch;
use chive_shared::handle::{
    Card, CardKey, Claim, ClaimDraft, HandleName, LookupId, OwnerKey, Release, locate,
};
use chive_shared::limits::MAX_RECORD_LIFE;
use chive_shared::record::{Record, RecordDraft, RecordReader};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{State, Status};
use ed25519_dalek::SigningKey;

use crate::input::Input;

const NOW: i64 = 1_764_000_000_000;
const SERVER: ServerId = ServerId([9; 32]);
const SECRET: PresenceSecret = PresenceSecret([2; 32]);
/// The limit of records in a board.
const MAX_RECORDS: usize = 3;

static OWNER: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::from_bytes(&[1; 32]));
static RECORD: LazyLock<Record> = LazyLock::new(|| {
    let status = Status { state: State::Online, since: NOW, hint: None };
    let (epoch, sequence) = (Epoch::at(NOW), Sequence::next(NOW, None));
    let draft = RecordDraft { epoch, sequence, expires: NOW + MAX_RECORD_LIFE, status };
    Record::make(&Signer::new(&OWNER, &SECRET, epoch, &SERVER), &SECRET, &SERVER, draft, [4; 24])
});
static READER: LazyLock<RecordReader> = LazyLock::new(|| {
    let key = PresenceKey::from_bytes(OWNER.verifying_key().as_bytes()).expect("a key");
    RecordReader::new(&key, &SECRET, Epoch::at(NOW), SERVER)
});
static HANDLE: LazyLock<(LookupId, CardKey)> =
    LazyLock::new(|| locate(&"alice.wonder".parse().expect("a name"), &SERVER).expect("memory"));
static CLAIM: LazyLock<Claim> = LazyLock::new(|| {
    let card = Card::new(b"an invitation").expect("it fits");
    let (id, sequence) = (HANDLE.0, Sequence::next(NOW, None));
    let draft = ClaimDraft { id, sequence, expires: NOW + MAX_RECORD_LIFE, card: &card };
    Claim::make(&OwnerKey::new(&[3; 32], &id), &HANDLE.1, &SERVER, draft, [5; 24])
});
static RELEASE: LazyLock<Release> = LazyLock::new(|| {
    let id = HANDLE.0;
    Release::make(&OwnerKey::new(&[3; 32], &id), &SERVER, id, Sequence::next(NOW, None))
});

/// A board's body: the chunks in which it arrives make no difference.
pub(super) fn board(data: &[u8]) {
    let mut input = Input(data);
    let size = usize::from(input.byte()) + 1;
    let head = Head { bucket: Bucket::ALL, cursor: Cursor { generation: 7, change: 42 } };
    let bytes = input.damage(&board::body(head, [*RECORD, *RECORD].iter()));
    let whole = board::parse(&bytes, MAX_RECORDS);
    let (mut parser, mut records) = (Parser::new(MAX_RECORDS), vec![]);
    let pushed =
        bytes.chunks(size).try_for_each(|chunk| parser.push(chunk, |record| records.push(record)));

    assert!(records.len() <= MAX_RECORDS);
    for record in &records {
        let _ = (record.check_time(NOW), record.effective_expiry(NOW), record.remember_until(NOW));
        if READER.read(record, NOW).is_ok() {
            assert!(*record == *RECORD, "bytes that the owner did not sign are accepted");
        }
    }

    let in_chunks = pushed.and_then(|()| parser.finish()).map(|head| (head, records));
    assert!(in_chunks == whole, "the result depends on the chunks");
}

/// A claim, a release, and the text of a handle's name.
pub(super) fn handle(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 3 {
        0 => claim(&input.damage(CLAIM.as_bytes())),
        1 => release(&input.damage(RELEASE.as_bytes())),
        _ => name(&String::from_utf8_lossy(input.0)),
    }
}

fn claim(bytes: &[u8]) {
    let Ok(claim) = Claim::from_bytes(bytes) else { return };
    let _ = (claim.check_time(NOW), claim.effective_expiry(NOW));
    let own = *claim.as_bytes() == *CLAIM.as_bytes();
    if claim.key() == CLAIM.key() {
        assert_eq!(
            claim.verify(&SERVER).is_ok(),
            own,
            "bytes that the owner did not sign are accepted"
        );
    }
    if let Ok(card) = claim.open(&HANDLE.1) {
        assert_eq!(card.invitation(), b"an invitation");
    }
}

fn release(bytes: &[u8]) {
    let Ok(release) = Release::from_bytes(bytes) else { return };
    let _ = release.check_time(NOW);
    if release.key() == RELEASE.key() {
        let own = *release.as_bytes() == *RELEASE.as_bytes();
        assert_eq!(
            release.verify(&SERVER).is_ok(),
            own,
            "bytes that the owner did not sign are accepted"
        );
    }
}

/// A canonical name is its own canonical form, and has the same skeleton.
fn name(text: &str) {
    let Ok(name) = text.parse::<HandleName>() else { return };
    let again: HandleName = name.as_str().parse().expect("the canonical form is a name");
    assert!(again == name && again.skeleton() == name.skeleton());
}
