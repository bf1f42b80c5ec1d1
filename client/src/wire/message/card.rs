//! The sender's new card.

use minicbor::bytes::ByteSlice;
use minicbor::{Decode, Encode};

use super::{Content, Kind, MessageId, WireError, decode, encode, kind};
use crate::wire::card::Card;

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

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Content, WireError> {
    let CardContentMap { id, card, .. } = decode(bytes)?;
    Ok(Content::Card { id, card: Card::from_bytes(card)? })
}
