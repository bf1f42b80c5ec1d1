//! Read receipts: the sender's owner has read what it names.

use minicbor::{Decode, Encode};

use super::{Content, Kind, MessageId, WireError, decode, encode, kind, within};
use crate::limits::MAX_RECEIPT_IDS;

#[derive(Encode, Decode)]
#[cbor(map)]
struct ReadMap {
    #[n(0)]
    kind: Kind<{ kind::READ }>,
    #[n(1)]
    id: MessageId,
    #[n(5)]
    ids: Vec<MessageId>,
}

pub(super) fn to_bytes(id: MessageId, items: &[MessageId]) -> Vec<u8> {
    encode(&ReadMap { kind: Kind, id, ids: items.to_vec() })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Content, WireError> {
    let ReadMap { id, ids, .. } = decode(bytes)?;
    within("read", ids.len(), MAX_RECEIPT_IDS)?;
    Ok(Content::Read { id, items: ids })
}
