//! The test vectors of PROTOCOL.md, section 19: `client/golden/vectors.json` has inputs and the
//! outputs that they must give. Handshakes are made here by the document alone, as a second
//! implementation would make them, and compared with the code.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use snow::{Builder, HandshakeState};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::identity::{Identity, RootSecret, derive, safety_number};
use crate::invitation::{Invitation, InvitationSecret};
use crate::limits::{ENVELOPE_SIZES, FRAME_SIZES, size_class};
use crate::link::handshake::{self, PairKeys};
use crate::link::preface::{Preface, Purpose};
use crate::link::record::Sealer;
use crate::tag;
use crate::transport::{OnionAddress, Stream};
use crate::wire::envelope::EnvelopeKeys;
use crate::wire::frame::Frame;

const PAIR_SECRET: [u8; 32] = [9; 32];
const EPHEMERAL: [[u8; 32]; 2] = [[0x31; 32], [0x32; 32]];

fn hex(bytes: impl AsRef<[u8]>) -> String {
    HEXLOWER.encode(bytes.as_ref())
}

fn rng() -> StdRng {
    StdRng::from_seed([0; 32])
}

/// Alice dials, Bob answers.
fn alice() -> Identity {
    Identity::new(&RootSecret([1; 32]))
}

fn bob() -> Identity {
    Identity::new(&RootSecret([2; 32]))
}

fn invitation() -> Invitation {
    let (front_door, secret) = (OnionAddress([3; 32]), InvitationSecret([5; 16]));
    Invitation { front_door, peer_id: bob().peer_id(), secret }
}

fn vectors() -> Value {
    json!({
        "identity": {
            "alice": identity(1),
            "bob": identity(2),
            "safety_number": safety_number(alice().peer_id(), bob().peer_id()),
        },
        "invitation": invitation_vector(),
        "tag": {
            "key": hex([1; 32]),
            "nonce": hex([2; 16]),
            "tag": hex(tag::make(&[1; 32], &[2; 16])),
        },
        "pair": pair_vector(),
        "handshake_by_invitation": transcript(Purpose::Invitation),
        "handshake_between_contacts": transcript(Purpose::Contact),
        "envelope": envelope_vector(),
        "padding": padding_vector(),
    })
}

fn identity(root: u8) -> Value {
    let root = [root; 32];
    let identity = Identity::new(&RootSecret(root));
    json!({
        "root_secret": hex(root),
        "link_secret": hex(*identity.link_secret()),
        "link_public": hex(identity.public().link),
        "presence_seed": hex(*derive(&root, b"chive/v1/presence-key", b"")),
        "presence_public": hex(identity.public().presence),
        "peer_id": hex(identity.peer_id().0),
    })
}

fn invitation_vector() -> Value {
    let invitation = invitation();
    let checked =
        [&[1][..], &invitation.front_door.0, &invitation.peer_id.0, &invitation.secret.0].concat();
    let checksum =
        Sha256::new().chain_update("chive/v1/invitation-checksum").chain_update(checked).finalize();
    json!({
        "front_door": hex(invitation.front_door.0),
        "peer_id": hex(invitation.peer_id.0),
        "secret": hex(invitation.secret.0),
        "checksum": hex(&checksum[..4]),
        "link": *invitation.to_link(),
        "qr_code": invitation.to_link().to_ascii_uppercase(),
        "psk": hex(*invitation.secret.psk()),
        "tag_key": hex(*invitation.secret.tag_key()),
        "id": hex(invitation.secret.id()),
    })
}

fn pair_vector() -> Value {
    let of = |label: &str, context: &[u8]| hex(*derive(&PAIR_SECRET, label.as_bytes(), context));
    let (alice, bob) = (alice().peer_id().0, bob().peer_id().0);
    json!({
        "pair_secret": hex(PAIR_SECRET),
        "link_psk": of("chive/v1/link-psk", b""),
        "link_tag_key_alice_dials": of("chive/v1/link-tag", &alice),
        "link_tag_key_bob_dials": of("chive/v1/link-tag", &bob),
        "envelope_seal_key_alice_seals": of("chive/v1/envelope-seal", &alice),
        "envelope_tag_key_alice_seals": of("chive/v1/envelope-tag", &alice),
    })
}

fn envelope_vector() -> Value {
    let envelope =
        EnvelopeKeys::new(&PAIR_SECRET, alice().peer_id()).seal(b"hello", &mut rng()).unwrap();
    json!({
        "pair_secret": hex(PAIR_SECRET),
        "sealer": hex(alice().peer_id().0),
        "message": hex("hello"),
        "nonce": hex(&envelope[1..25]),
        "tag": hex(&envelope[25..41]),
        "envelope": hex(envelope),
    })
}

/// The length of what is sealed, and the length that it is padded to.
fn padding_vector() -> Value {
    let around = |sizes: [usize; 4], extra: usize| -> Vec<Value> {
        let lengths = sizes.iter().flat_map(|size| [size - extra, size - extra + 1]);
        let lengths = [0].into_iter().chain(lengths);
        lengths.map(|length| json!([length, size_class(&sizes, length + extra)])).collect()
    };
    json!({ "frame": around(FRAME_SIZES, 4), "envelope": around(ENVELOPE_SIZES, 61) })
}

/// The handshake's keys, by PROTOCOL.md, sections 5 and 6.
fn noise(
    purpose: Purpose,
    preface: &[u8],
    dials: bool,
    ephemeral: Option<&[u8; 32]>,
) -> HandshakeState {
    let (pattern, psk, ids) = match purpose {
        Purpose::Invitation => (
            "XXpsk0",
            derive(&[5; 16], b"chive/v1/invitation-psk", b""),
            bob().peer_id().0.to_vec(),
        ),
        Purpose::Contact => {
            let ids = [alice().peer_id().0, bob().peer_id().0].concat();
            ("KKpsk0", derive(&PAIR_SECRET, b"chive/v1/link-psk", b""), ids)
        }
    };
    let (own, other) = if dials { (alice(), bob()) } else { (bob(), alice()) };
    let (secret, prologue, remote) =
        (own.link_secret(), [preface, &ids].concat(), other.public().link);
    let pattern = format!("Noise_{pattern}_25519_ChaChaPoly_SHA256").parse().unwrap();
    let builder = Builder::new(pattern).local_private_key(&*secret).unwrap().psk(0, &psk).unwrap();
    let mut builder = builder.prologue(&prologue).unwrap();
    if purpose == Purpose::Contact {
        builder = builder.remote_public_key(&remote).unwrap();
    }

    if let Some(ephemeral) = ephemeral {
        builder = builder.fixed_ephemeral_key_for_testing_only(ephemeral);
    }

    if dials { builder.build_initiator().unwrap() } else { builder.build_responder().unwrap() }
}

fn preface(purpose: Purpose) -> Vec<u8> {
    let key = match purpose {
        Purpose::Invitation => derive(&[5; 16], b"chive/v1/invitation-tag", b""),
        Purpose::Contact => derive(&PAIR_SECRET, b"chive/v1/link-tag", &alice().peer_id().0),
    };
    Preface::new(purpose, &key, &mut rng()).to_bytes().to_vec()
}

/// Who sends, and the payload of each message in its turn.
fn payloads(purpose: Purpose) -> Vec<Vec<u8>> {
    match purpose {
        Purpose::Invitation => {
            vec![vec![], bob().public().presence.to_vec(), alice().public().presence.to_vec()]
        }
        Purpose::Contact => vec![vec![], vec![]],
    }
}

fn transcript(purpose: Purpose) -> Value {
    let preface = preface(purpose);
    let [mut a, mut b] = [(true, &EPHEMERAL[0]), (false, &EPHEMERAL[1])]
        .map(|(dials, ephemeral)| noise(purpose, &preface, dials, Some(ephemeral)));
    let messages: Vec<_> = payloads(purpose)
        .iter()
        .map(|payload| {
            let message = write(&mut a, payload);
            read(&mut b, &message);
            std::mem::swap(&mut a, &mut b);
            hex(message)
        })
        .collect();
    let (dialler, answerer) = if a.is_initiator() { (a, b) } else { (b, a) };
    let hash = dialler.get_handshake_hash().to_vec();
    let record = |noise: HandshakeState, frame: Frame| {
        hex(Sealer::default()
            .seal(&noise.into_stateless_transport_mode().unwrap(), &frame.to_bytes())
            .unwrap())
    };

    json!({
        "dialler_ephemeral_secret": hex(EPHEMERAL[0]),
        "answerer_ephemeral_secret": hex(EPHEMERAL[1]),
        "preface": hex(&preface),
        "messages": messages,
        "handshake_hash": hex(&hash),
        "link_id": hex(&hash[..8]),
        "dialler_first_record_ping_1": record(dialler, Frame::Ping(1)),
        "answerer_first_record_pong_1": record(answerer, Frame::Pong(1)),
    })
}

fn write(noise: &mut HandshakeState, payload: &[u8]) -> Vec<u8> {
    let mut message = [0; 256];
    let length = noise.write_message(payload, &mut message).unwrap();
    message[..length].to_vec()
}

fn read(noise: &mut HandshakeState, message: &[u8]) -> Vec<u8> {
    let mut payload = [0; 256];
    let length = noise.read_message(message, &mut payload).unwrap();
    payload[..length].to_vec()
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

#[test]
fn the_vectors_are_what_the_code_makes() {
    let path = golden().join("vectors.json");
    let text = format!("{:#}\n", vectors());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == text,
        "client/golden/vectors.json is not what the code makes"
    );
}

#[tokio::test]
async fn who_makes_the_handshakes_of_the_vectors_links_with_the_code() {
    for purpose in [Purpose::Invitation, Purpose::Contact] {
        for code_dials in [true, false] {
            let (ours, other) = tokio::io::duplex(4096);
            let (established, id) = tokio::join!(
                the_code(purpose, code_dials, Box::new(ours)),
                by_hand(purpose, !code_dials, other)
            );
            assert_eq!(established.id[..], id);
        }
    }
}

async fn the_code(purpose: Purpose, dials: bool, mut stream: Stream) -> handshake::Established {
    let established = if dials {
        match purpose {
            Purpose::Invitation => {
                handshake::dial_by_invitation(stream, &alice(), &invitation(), &mut rng()).await
            }
            Purpose::Contact => {
                let keys = PairKeys::new(&PAIR_SECRET, alice().peer_id(), bob().public());
                handshake::dial_contact(stream, &alice(), &keys, &mut rng()).await
            }
        }
    } else {
        let preface = handshake::read_preface(&mut stream).await.unwrap();
        let keys = PairKeys::new(&PAIR_SECRET, bob().peer_id(), alice().public());
        assert_eq!(preface.is_for(&invitation().secret.tag_key()), purpose == Purpose::Invitation);
        assert_eq!(keys.recognises(&preface), purpose == Purpose::Contact);
        match purpose {
            Purpose::Invitation => {
                handshake::accept_by_invitation(stream, &bob(), &preface, &invitation().secret)
                    .await
            }
            Purpose::Contact => handshake::accept_contact(stream, &bob(), &preface, &keys).await,
        }
    };
    established.unwrap()
}

/// As [`transcript`], but live. Gives the link's id.
async fn by_hand(purpose: Purpose, dials: bool, mut stream: DuplexStream) -> Vec<u8> {
    let mut opening = preface(purpose);
    if dials {
        stream.write_all(&opening).await.unwrap();
    } else {
        stream.read_exact(&mut opening).await.unwrap();
    }

    let mut noise = noise(purpose, &opening, dials, None);
    for (turn, payload) in payloads(purpose).iter().enumerate() {
        if (turn % 2 == 0) == dials {
            let message = write(&mut noise, payload);
            stream.write_u16(u16::try_from(message.len()).unwrap()).await.unwrap();
            stream.write_all(&message).await.unwrap();
        } else {
            let mut message = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut message).await.unwrap();
            assert_eq!(read(&mut noise, &message), *payload);
        }
    }

    noise.get_handshake_hash()[..8].to_vec()
}

#[test]
fn the_document_lists_exactly_the_golden_files() {
    let document = include_str!("../PROTOCOL.md");
    let list = document.split("## 19. Test vectors").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = list.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    let files = fs::read_dir(golden()).unwrap().map(|file| file.unwrap().path());
    let hex = files.filter(|path| path.extension().is_some_and(|end| end == "hex"));
    let mut there: BTreeSet<String> =
        hex.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    there.extend(vectors().as_object().unwrap().keys().cloned());
    assert_eq!(listed, there);
}
