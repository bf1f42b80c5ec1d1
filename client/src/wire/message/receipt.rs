//! The content of a receipt: its ids are messages that the sender has stored. Encoding and decoding
//! only.

use minicbor::{Decode, Encode};

use super::field::{MessageId, kind};
use crate::limits::MAX_RECEIPT_IDS;
use crate::wire::codec::{WireError, decode, encode, within};
use crate::wire::kind::Kind;

#[derive(Encode, Decode)]
#[cbor(map)]
struct ReceiptMap {
    #[n(0)]
    kind: Kind<{ kind::RECEIPT }>,
    #[n(5)]
    ids: Vec<MessageId>,
}

pub(super) fn to_bytes(ids: &[MessageId]) -> Vec<u8> {
    encode(&ReceiptMap { kind: Kind, ids: ids.to_vec() })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Vec<MessageId>, WireError> {
    let ReceiptMap { ids, .. } = decode(bytes)?;
    within("receipt", ids.len(), MAX_RECEIPT_IDS)?;
    Ok(ids)
}
