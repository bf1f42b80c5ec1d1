//! A content of a type that this version does not know. Only its id is read, for the receipt.

use minicbor::{Decode, Encode};

use super::field::MessageId;
use crate::wire::codec::{WireError, decode, encode};

#[derive(Encode, Decode)]
#[cbor(map)]
struct UnknownMap {
    #[n(0)]
    kind: u64,
    #[n(1)]
    id: Option<MessageId>,
}

pub(super) fn to_bytes(id: Option<MessageId>) -> Vec<u8> {
    encode(&UnknownMap { kind: u64::MAX, id })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Option<MessageId>, WireError> {
    let UnknownMap { id, .. } = decode(bytes)?;
    Ok(id)
}
