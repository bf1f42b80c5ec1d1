//! The type number at key 0 of every frame and content. `Kind<N>` encodes N and rejects any other
//! number. No I/O.

use minicbor::encode::Write;
use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::codec::{self, WireError};

/// The type of a body, at key 0 of its map: it encodes `N` and decodes nothing else.
#[derive(Clone, Copy)]
pub(super) struct Kind<const N: u64>;

impl<C, const N: u64> Encode<C> for Kind<N> {
    fn encode<W: Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.u64(N)?.ok()
    }
}

impl<C, const N: u64> Decode<'_, C> for Kind<N> {
    fn decode(decoder: &mut Decoder<'_>, _: &mut C) -> Result<Self, decode::Error> {
        let position = decoder.position();
        let number = decoder.u64()?;

        if number != N {
            let error = format!("type {number} instead of {N}");
            return Err(decode::Error::message(error).at(position));
        }
        Ok(Self)
    }
}

/// Reads only the type of a body, and skips everything else in its map.
pub(super) fn kind_of(bytes: &[u8]) -> Result<u64, WireError> {
    #[derive(Decode)]
    #[cbor(map)]
    struct AnyMap {
        #[n(0)]
        kind: u64,
    }

    Ok(codec::decode::<AnyMap>(bytes)?.kind)
}
