//! What holds for bodies of every kind.

use minicbor::{Decoder, Encoder};

use super::card::{Card, Introduction};
use super::codec::{decode, encode};
use super::frame::Frame;
use super::kind::Kind;
use super::message::Content;
use super::restart::Restart;
use super::*;

/// A body, the keys of its optional fields, and a check that reads it.
struct Sample {
    name: String,
    bytes: Vec<u8>,
    optional: &'static [u64],
    read: fn(&[u8]) -> Result<(), WireError>,
}

fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    let mut add = |name: &str, bytes, optional, read| {
        samples.push(Sample { name: name.to_owned(), bytes, optional, read });
    };

    for (name, frame) in frame::tests::samples() {
        let optional: &[u64] = if name == "hello" { &[3] } else { &[] };
        add(name, frame.to_bytes(), optional, |bytes| Frame::from_bytes(bytes).map(drop));
    }

    for (name, content) in message::tests::samples() {
        let optional: &[u64] = match content {
            Content::Text(_) => &[5, 10],
            Content::Settings { .. } => &[10, 11],
            _ => &[],
        };
        add(name, content.to_bytes(), optional, |bytes| Content::from_bytes(bytes).map(drop));
    }

    let card = card::tests::card();
    add("the card itself", card.to_bytes(), &[5], |bytes| Card::from_bytes(bytes).map(drop));

    let introduction = Introduction {
        card,
        mls: vec![9; 5],
        withdrawn: Some([8; 16]),
        message: Some("It is me.".into()),
    };
    add("introduction", introduction.to_bytes(), &[3, 4], |bytes| {
        Introduction::from_bytes(bytes, 5).map(drop)
    });

    let restart = Restart { introduction, highest_counter: 3, clock: 4 };
    add("restart body", restart.to_bytes(), &[], |bytes| Restart::from_bytes(bytes, 5).map(drop));

    samples
}

/// The keys of a map with the bytes of their values.
fn fields(bytes: &[u8]) -> Vec<(u64, Vec<u8>)> {
    let mut decoder = Decoder::new(bytes);
    let count = decoder.map().unwrap().unwrap();

    (0..count)
        .map(|_| {
            let key = decoder.u64().unwrap();
            let start = decoder.position();
            decoder.skip().unwrap();
            (key, bytes[start..decoder.position()].to_vec())
        })
        .collect()
}

/// A map of these fields.
fn map(fields: &[(u64, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes);
    encoder.map(u64::try_from(fields.len()).unwrap()).unwrap();

    for (key, value) in fields {
        Encoder::new(&mut bytes).u64(*key).unwrap();
        bytes.extend_from_slice(value);
    }
    bytes
}

#[test]
fn a_missing_field_is_refused_unless_it_is_optional() {
    for Sample { name, bytes, optional, read } in samples() {
        let all = fields(&bytes);
        assert_eq!(map(&all), bytes, "{name}");

        for (at, (key, _)) in all.iter().enumerate() {
            let mut fewer = all.clone();
            fewer.remove(at);

            let result = read(&map(&fewer));
            assert_eq!(result.is_ok(), optional.contains(key), "{name} without {key}: {result:?}");
        }
    }
}

#[test]
fn a_missing_field_is_named() {
    // A ping without its number, a text with nothing but its id, a card with nothing but its name.
    let refused = |result: Result<(), WireError>| result.unwrap_err().to_string();
    let ping = refused(Frame::from_bytes(b"\xa1\x00\x02").map(drop));
    let text = [b"\xa2\x00\x01\x01\x50", &[7; 16][..]].concat();
    let text = refused(Content::from_bytes(&text).map(drop));
    let card = refused(Card::from_bytes(b"\xa1\x02\x61x").map(drop));

    assert!(ping.contains("NumberMap::number"), "{ping}");
    assert!(text.contains("TextMap::counter"), "{text}");
    assert!(card.contains("CardMap::revision"), "{card}");
}

/// The CBOR type of a value. Integers of both signs count as one; true and floats differ.
fn cbor_type(value: &[u8]) -> u8 {
    match value[0] >> 5 {
        1 => 0,
        7 => value[0],
        major => major,
    }
}

#[test]
fn a_field_of_another_cbor_type_is_refused() {
    // 7, bytes, a text, an array, a map, a tagged 7, true, 1.5.
    let values: [&[u8]; 8] = [
        b"\x07",
        b"\x41x",
        b"\x61x",
        b"\x81\x07",
        b"\xa1\x07\x07",
        b"\xc1\x07",
        b"\xf5",
        b"\xf9\x3e\x00",
    ];

    for Sample { name, bytes, read, .. } in samples() {
        let all = fields(&bytes);

        for (at, (key, present)) in all.iter().enumerate() {
            for value in values.iter().filter(|value| cbor_type(value) != cbor_type(present)) {
                let mut changed = all.clone();
                changed[at].1 = value.to_vec();
                assert!(read(&map(&changed)).is_err(), "{name} with {value:x?} at {key}");
            }
        }
    }
}

#[test]
fn a_body_of_another_type_is_refused_by_its_struct() {
    for number in [0, 2, 5, u64::MAX] {
        let mut bytes = Vec::new();
        Encoder::new(&mut bytes).u64(number).unwrap();
        assert!(decode::<Kind<1>>(&bytes).is_err(), "{number}");
    }
    assert!(decode::<Kind<1>>(&encode(&Kind::<1>)).is_ok());
}

#[test]
fn padded_lengths_up_to_the_limit_are_read() {
    let with = |length: u32, size: usize| {
        [&length.to_be_bytes()[..], &vec![7; size - PAD_PREFIX]].concat()
    };
    for size in crate::limits::FRAME_SIZES {
        let cap = u32::try_from(size - PAD_PREFIX).unwrap();
        for good in [0, cap - 1, cap] {
            assert_eq!(unpad(&with(good, size)).unwrap().len(), usize::try_from(good).unwrap());
        }
        for bad in [cap + 1, u32::MAX - 4, u32::MAX] {
            assert!(unpad(&with(bad, size)).is_err(), "{bad} of {size}");
        }
    }
    assert!((0..PAD_PREFIX).all(|length| unpad(&[0; 4][..length]).is_err()));
}
