//! Link records of a peer that has the link's keys: any plaintext in any order, damaged on the way.

use std::sync::LazyLock;

use chive::limits::{FRAME_SIZES, MAX_RECORD};
use chive::link::record::{Opener, Sealer, is_record_size};
use snow::StatelessTransportState;

use crate::input::Input;

/// The sizes of plaintext that the peer sends: the valid ones, and some that are not.
const SIZES: [usize; 8] = [
    FRAME_SIZES[0],
    FRAME_SIZES[1],
    FRAME_SIZES[2],
    MAX_RECORD,
    0,
    3,
    FRAME_SIZES[0] - 1,
    MAX_RECORD - 1,
];

static LINK: LazyLock<[StatelessTransportState; 2]> = LazyLock::new(link);

fn link() -> [StatelessTransportState; 2] {
    let params = "Noise_NN_25519_ChaChaPoly_SHA256";
    let builder = || snow::Builder::new(params.parse().expect("a pattern"));
    let (mut ours, mut theirs) =
        (builder().build_responder().expect("ours"), builder().build_initiator().expect("theirs"));
    let (mut message, mut nothing) = ([0; 64], [0; 64]);
    let length = theirs.write_message(&[], &mut message).expect("the first message");
    ours.read_message(&message[..length], &mut nothing).expect("read");
    let length = ours.write_message(&[], &mut message).expect("the second message");
    theirs.read_message(&message[..length], &mut nothing).expect("read");
    [ours, theirs].map(|state| state.into_stateless_transport_mode().expect("done"))
}

pub(super) fn record(data: &[u8]) {
    let mut input = Input(data);
    sealed(&mut input);
    let (mut opener, mut half) = (Opener::default(), None);
    for nonce in 0.. {
        if input.is_empty() || !opened(&mut input, &mut opener, &mut half, nonce) {
            return;
        }
    }
}

/// A frame that we seal opens to the same frame.
fn sealed(input: &mut Input) {
    let frame = input.bytes().repeat(usize::from(input.byte()));
    let Ok(mut records) = Sealer::default().seal(&LINK[0], &frame) else {
        return assert!(frame.len() + 4 > FRAME_SIZES[3], "it fits");
    };
    let mut opener = Opener::default();
    let mut frames = vec![];
    while !records.is_empty() {
        let length = usize::from(u16::from_be_bytes([records[0], records[1]]));
        assert!(is_record_size(length));
        frames.extend(opener.open(&LINK[1], &records[2..2 + length]).expect("our own record"));
        records.drain(..2 + length);
    }
    assert_eq!(frames, [frame]);
}

/// Whether the link goes on after one record.
fn opened(input: &mut Input, opener: &mut Opener, half: &mut Option<Vec<u8>>, nonce: u64) -> bool {
    let mut plain = vec![0; SIZES[usize::from(input.byte()) % 8]];
    let given = input.bytes();
    let given = &given[..given.len().min(plain.len())];
    plain[..given.len()].copy_from_slice(given);
    let mut record = vec![0; plain.len() + 16];
    LINK[1].write_message(nonce, &plain, &mut record).expect("sealed");
    let damaged = input.damage(&record);
    if !is_record_size(damaged.len()) {
        return false;
    }

    let result = opener.open(&LINK[0], &damaged);
    assert!(damaged == record || result.is_err(), "a damaged record opens");
    if damaged == record {
        let expected = expected(half, plain);
        assert_eq!(result.as_ref().ok(), expected.as_ref().ok(), "the meaning of a record");
    }

    result.is_ok()
}

/// PROTOCOL.md, section 7, implemented again: an error for a record that ends the link.
fn expected(half: &mut Option<Vec<u8>>, plain: Vec<u8>) -> Result<Option<Vec<u8>>, ()> {
    let is_half = plain.len() == MAX_RECORD;
    let padded = match (half.take(), is_half) {
        (None, true) => {
            *half = Some(plain);
            return Ok(None);
        }
        (None, false) => plain,
        (Some(first), true) => [first, plain].concat(),
        (Some(_), false) => return Err(()),
    };
    let length = u32::from_be_bytes(padded[..4].try_into().expect("four bytes")) as usize;
    padded[4..].get(..length).map(|frame| Some(frame.to_vec())).ok_or(())
}
