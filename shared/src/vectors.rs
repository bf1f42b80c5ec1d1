//! The test vectors of `rendezvous-server/API.md`: `shared/golden/vectors.json` has inputs and
//! their outputs. `UPDATE_GOLDEN=1 cargo test -p chive-shared` writes it; a changed file is a
//! changed protocol.

use std::path::Path;

use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use serde_json::{Value, json};

use crate::blinding::{PresenceKey, PresenceSecret, Signer};
use crate::board::{Bucket, Cursor, Head, body};
use crate::epoch::Epoch;
use crate::handle::{Card, Claim, ClaimDraft, HandleName, OwnerKey, Release, locate};
use crate::limits::{DAY, MAX_RECORD_LIFE};
use crate::proof_of_work::Challenge;
use crate::record::{Record, RecordDraft};
use crate::sequence::Sequence;
use crate::server::ServerId;
use crate::status::{Hint, State, Status};

const NOW: i64 = 1_764_000_000_000;
const NONCE: [u8; 24] = [0x24; 24];

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn server() -> ServerId {
    ServerId(SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes())
}

fn owner() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn secret() -> PresenceSecret {
    PresenceSecret([2; 32])
}

fn record(status: Status) -> Record {
    let draft = RecordDraft {
        epoch: Epoch::at(NOW),
        sequence: Sequence::next(NOW, None),
        expires: NOW + MAX_RECORD_LIFE,
        status,
    };
    Record::make(
        &Signer::new(&owner(), &secret(), draft.epoch, &server()),
        &secret(),
        &server(),
        draft,
        NONCE,
    )
}

fn online() -> Record {
    record(Status { state: State::Online, since: NOW, hint: None })
}

fn away_with_hint() -> Record {
    record(Status {
        state: State::Away,
        since: NOW - 1,
        hint: Some(Hint { revision: 7, endpoint: [3; 32] }),
    })
}

fn records() -> Value {
    let key = PresenceKey::from_bytes(owner().verifying_key().as_bytes()).unwrap();
    let challenge = Challenge::new(&server(), online().as_bytes());
    let head = Head {
        bucket: Bucket::ALL,
        cursor: Cursor { generation: 0x0123_4567_89ab_cdef, change: 42 },
    };

    json!({
        "now": NOW,
        "server": hex(server().0),
        "server_address": server().to_address(),
        "presence_seed": hex(owner().to_bytes()),
        "presence_public": hex(owner().verifying_key().to_bytes()),
        "presence_secret": hex(secret().0),
        "epoch": Epoch::at(NOW).0,
        "address": hex(key.address(&secret(), Epoch::at(NOW), &server()).0),
        "sequence": Sequence::next(NOW, None).0,
        "nonce": hex(NONCE),
        "record_online": hex(online().as_bytes()),
        "record_away_with_hint": hex(away_with_hint().as_bytes()),
        "work_of_16_bits": challenge.solve(16, 0, u64::MAX).unwrap().0,
        "board": hex(body(head, [online(), away_with_hint()].iter())),
        "cursor": head.cursor.to_string(),
    })
}

fn handles() -> Value {
    let name: HandleName = "Zoë".parse().unwrap();
    let (id, key) = locate(&name, &server()).unwrap();
    let owner = OwnerKey::new(&[5; 32], &id);

    let card = Card::new(b"an invitation").unwrap();
    let draft = ClaimDraft {
        id,
        sequence: Sequence::next(NOW, None),
        expires: NOW + 30 * DAY,
        card: &card,
    };
    let claim = Claim::make(&owner, &key, &server(), draft, NONCE);
    let release = Release::make(&owner, &server(), id, Sequence(draft.sequence.0 + 1));

    json!({
        "name": "Zoë",
        "canonical": name.as_str(),
        "skeleton": hex(name.skeleton()),
        "lookup_id": hex(id.0),
        "root_secret": hex([5; 32]),
        "owner_public": hex(claim.key()),
        "card": hex(card.invitation()),
        "claim": hex(claim.as_bytes()),
        "release": hex(release.as_bytes()),
    })
}

/// The skeletons of names in many scripts: a new version of Unicode's tables must not move a
/// handle.
fn skeletons() -> Value {
    let names = [
        "alice",
        "bill",
        "mary",
        "zoë",
        "łukasz",
        "straße",
        "вера",
        "ірина",
        "αλέξης",
        "שלום",
        "محمد",
        "देवी",
        "たなか",
        "김민수",
        "李小龙",
        "สมชาย",
        "b0b.b-b_2",
    ];

    let skeleton = |name: &str| Value::from(hex(name.parse::<HandleName>().unwrap().skeleton()));
    names.iter().map(|name| ((*name).to_owned(), skeleton(name))).collect()
}

#[test]
fn the_vectors_match_the_checked_in_file() {
    let vectors = json!({ "presence": records(), "handle": handles(), "skeletons": skeletons() });
    let text = serde_json::to_string_pretty(&vectors).unwrap() + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/vectors.json");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "the protocol's bytes changed");
}
