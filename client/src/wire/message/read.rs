//! The content of a read receipt: its ids are messages that the sender's owner has read. Encoding
//! and decoding only.

use minicbor::{Decode, Encode};

use super::field::{MessageId, kind};
use crate::limits::MAX_RECEIPT_IDS;
use crate::wire::codec::{WireError, decode, encode, within};
use crate::wire::kind::Kind;

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

pub(super) fn from_bytes(bytes: &[u8]) -> Result<(MessageId, Vec<MessageId>), WireError> {
    let ReadMap { id, ids, .. } = decode(bytes)?;
    within("read", ids.len(), MAX_RECEIPT_IDS)?;
    Ok((id, ids))
}
