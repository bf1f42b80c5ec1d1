//! Envelopes: any bytes, content that a contact sealed with the right keys, and envelopes that were
//! damaged on the way.

use std::sync::LazyLock;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use chive::identity::{PeerId, derive};
use chive::limits::ENVELOPE_SIZES;
use chive::tag;
use chive::wire::envelope::EnvelopeKeys;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::input::Input;

const PAIR_SECRET: [u8; 32] = [7; 32];
const SEALER: PeerId = PeerId([2; 32]);
const HEADER: usize = 41;

static KEYS: LazyLock<EnvelopeKeys> = LazyLock::new(|| EnvelopeKeys::new(&PAIR_SECRET, SEALER));

pub(super) fn envelope(data: &[u8]) {
    assert!(KEYS.open(data).is_err(), "unsealed bytes");
    let mut input = Input(data);
    if input.byte() % 2 == 0 {
        let sealed = KEYS.seal(input.bytes(), &mut StdRng::from_seed([3; 32])).expect("it fits");
        let damaged = input.damage(&sealed);
        assert_eq!(KEYS.open(&damaged).is_ok(), damaged == sealed);
    } else {
        of_a_contact(&mut input);
    }
}

/// Any content, of any length, sealed with the right keys.
fn of_a_contact(input: &mut Input) {
    // Mostly small ones, which are quick, and some sizes that do not exist.
    let class = usize::from(input.byte()).saturating_sub(252);
    let mut inside = vec![0; ENVELOPE_SIZES[class] - HEADER - 16 - usize::from(input.byte())];
    let given = input.bytes();
    let given = &given[..given.len().min(inside.len())];

    inside[..given.len()].copy_from_slice(given);
    let envelope = seal(&inside);
    let opened = KEYS.open(&envelope);
    assert!(
        opened.is_err() || ENVELOPE_SIZES.contains(&envelope.len()),
        "an envelope of this size is opened"
    );
    if let Ok(opened) = opened {
        assert_eq!(inside[..4], u32::try_from(opened.len()).expect("it fits").to_be_bytes());
        assert_eq!(inside[4..4 + opened.len()], opened);
    }
}

fn seal(inside: &[u8]) -> Vec<u8> {
    let tag = tag::make(&derive(&PAIR_SECRET, b"chive/v1/envelope-tag", &SEALER.0), &[5; 24]);
    let header = [&[1][..], &[5; 24], &tag].concat();
    let cipher = XChaCha20Poly1305::new(
        (&*derive(&PAIR_SECRET, b"chive/v1/envelope-seal", &SEALER.0)).into(),
    );
    let sealed = cipher
        .encrypt(&XNonce::from([5; 24]), Payload { msg: inside, aad: &header })
        .expect("sealed");
    [header, sealed].concat()
}
