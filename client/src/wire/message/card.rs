//! The content that tells a contact the sender's new card (see `wire::card`). Encoding and decoding
//! only.

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode};

use super::field::{MessageId, kind};
use crate::wire::card::Card;
use crate::wire::codec::{WireError, decode, encode};
use crate::wire::kind::Kind;

#[derive(Encode, Decode)]
#[cbor(map)]
struct CardContentMap<'b> {
    #[n(0)]
    kind: Kind<{ kind::CARD }>,
    #[n(1)]
    id: MessageId,
    #[n(7)]
    card: &'b ByteSlice,
}

pub(super) fn to_bytes(id: MessageId, card: &Card) -> Vec<u8> {
    encode(&CardContentMap { kind: Kind, id, card: card.to_bytes().as_slice().into() })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<(MessageId, Card), WireError> {
    let CardContentMap { id, card, .. } = decode(bytes)?;
    Ok((id, Card::from_bytes(card)?))
}
