//! The content that confirms a commit: the sender has merged it. Encoding and decoding only.

use minicbor::{Decode, Encode};

use super::field::kind;
use crate::wire::codec::{WireError, decode, encode};
use crate::wire::kind::Kind;

#[derive(Encode, Decode)]
#[cbor(map)]
struct CommitReceiptMap {
    #[n(0)]
    kind: Kind<{ kind::COMMIT_RECEIPT }>,
    #[n(8)]
    epoch: u64,
}

pub(super) fn to_bytes(epoch: u64) -> Vec<u8> {
    encode(&CommitReceiptMap { kind: Kind, epoch })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<u64, WireError> {
    let CommitReceiptMap { epoch, .. } = decode(bytes)?;
    Ok(epoch)
}
