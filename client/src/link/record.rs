//! Records: how frames are padded and sealed, and which bytes go over the stream. Only a few sizes
//! ever appear. No I/O.
//!
//! ```text
//! frame, padded:  u32 length ‖ CBOR ‖ zeros        one of FRAME_SIZES
//! record:         u16 n ‖ n bytes of Noise ciphertext (plaintext ‖ 16)
//! ```
//!
//! A padded frame is one record, or, in the largest size, two halves. All integers are big-endian.

use snow::StatelessTransportState;
use zeroize::Zeroizing;

use super::LinkError;
use crate::limits::{FRAME_SIZES, MAX_RECORD, size_class};
use crate::wire::{PAD_PREFIX, WireError, pad, unpad};

const NOISE_TAG: usize = 16;

/// Whether a record of so many ciphertext bytes can exist.
#[must_use]
pub fn is_record_size(ciphertext: usize) -> bool {
    let is = |plain: usize| plain + NOISE_TAG == ciphertext;
    is(MAX_RECORD) || FRAME_SIZES.iter().any(|size| *size <= MAX_RECORD && is(*size))
}

/// Seals frames in their order.
#[derive(Default)]
pub struct Sealer {
    nonce: u64,
}

impl Sealer {
    /// The records of one frame, ready to be written.
    pub fn seal(
        &mut self,
        noise: &StatelessTransportState,
        frame: &[u8],
    ) -> Result<Vec<u8>, LinkError> {
        let too_large = WireError::TooLarge { what: "frame", limit: FRAME_SIZES[3] - PAD_PREFIX };
        let size = size_class(&FRAME_SIZES, frame.len() + PAD_PREFIX).ok_or(too_large)?;
        let padded = Zeroizing::new(pad(frame, size));
        let mut records = Vec::with_capacity(size + 2 * (2 + NOISE_TAG));
        for plain in padded.chunks(MAX_RECORD) {
            let mut ciphertext = vec![0; plain.len() + NOISE_TAG];
            let length = noise
                .write_message(self.nonce, plain, &mut ciphertext)
                .map_err(|_| LinkError::Record)?;
            self.nonce += 1;
            records.extend_from_slice(
                &u16::try_from(length).map_err(|_| LinkError::Record)?.to_be_bytes(),
            );
            records.extend_from_slice(&ciphertext[..length]);
        }

        Ok(records)
    }
}

/// Opens records in their order and puts frames together.
#[derive(Default)]
pub struct Opener {
    nonce: u64,
    first_half: Option<Zeroizing<Vec<u8>>>,
}

impl Opener {
    /// Takes one record's ciphertext; gives the frame's bytes once it is whole.
    pub fn open(
        &mut self,
        noise: &StatelessTransportState,
        ciphertext: &[u8],
    ) -> Result<Option<Vec<u8>>, LinkError> {
        let mut plain = Zeroizing::new(vec![0; ciphertext.len()]);
        let length = noise
            .read_message(self.nonce, ciphertext, &mut plain)
            .map_err(|_| LinkError::Record)?;

        self.nonce += 1;
        plain.truncate(length);
        let half = length == MAX_RECORD;
        match self.first_half.take() {
            None if half => {
                self.first_half = Some(plain);
                Ok(None)
            }
            None => Ok(Some(unpad(&plain)?.to_vec())),
            Some(mut whole) if half => {
                whole.extend_from_slice(&plain);
                Ok(Some(unpad(&whole)?.to_vec()))
            }
            Some(_) => Err(LinkError::Record),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair() -> (StatelessTransportState, StatelessTransportState) {
        let params = || "Noise_NN_25519_ChaChaPoly_SHA256".parse().unwrap();
        let mut a = snow::Builder::new(params()).build_initiator().unwrap();
        let mut b = snow::Builder::new(params()).build_responder().unwrap();
        let (mut buffer, mut nothing) = ([0; 256], [0; 256]);
        let n = a.write_message(&[], &mut buffer).unwrap();
        b.read_message(&buffer[..n], &mut nothing).unwrap();
        let n = b.write_message(&[], &mut buffer).unwrap();
        a.read_message(&buffer[..n], &mut nothing).unwrap();
        (a.into_stateless_transport_mode().unwrap(), b.into_stateless_transport_mode().unwrap())
    }

    fn split(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut records = vec![];
        while !bytes.is_empty() {
            let n = usize::from(u16::from_be_bytes([bytes[0], bytes[1]]));
            assert!(is_record_size(n));
            records.push(bytes[2..2 + n].to_vec());
            bytes = &bytes[2 + n..];
        }
        records
    }

    #[test]
    fn a_receipt_a_word_and_a_sentence_have_one_size() {
        let (a, _) = pair();
        let mut sealer = Sealer::default();
        let sizes: Vec<usize> =
            [1, 20, 1084].map(|n| sealer.seal(&a, &vec![1; n]).unwrap().len()).into();
        assert_eq!(sizes, [1088 + 18; 3]);
    }

    #[test]
    fn frames_of_every_class_arrive() {
        let (a, b) = pair();
        let (mut sealer, mut opener) = (Sealer::default(), Opener::default());
        for length in [0, 1, 1084, 1085, 4156, 16_444, 16_445, 65_596] {
            let frame = vec![5; length];
            let records = split(&sealer.seal(&a, &frame).unwrap());
            let frames: Vec<_> =
                records.iter().filter_map(|r| opener.open(&b, r).unwrap()).collect();
            assert_eq!(frames, [frame]);
        }
        assert!(sealer.seal(&a, &vec![5; 65_597]).is_err());
    }

    #[test]
    fn a_repeated_a_changed_and_a_short_record_are_refused() {
        let (a, b) = pair();
        let record = split(&Sealer::default().seal(&a, b"x").unwrap()).remove(0);
        let mut changed = record.clone();
        changed[0] ^= 1;
        assert!(Opener::default().open(&b, &changed).is_err());
        for length in 0..20 {
            assert!(Opener::default().open(&b, &record[..length]).is_err());
        }
        let mut opener = Opener::default();
        opener.open(&b, &record).unwrap();
        assert!(opener.open(&b, &record).is_err());
    }
}
