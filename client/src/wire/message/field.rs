//! What the content types share: type numbers, message ids, the range of a timer. Bytes only; no
//! I/O.

use minicbor::{Decode, Encode};

use crate::limits::DISAPPEAR_AFTER;
use crate::wire::WireError;

/// Every content type that was ever used: a number is never given twice.
pub(super) mod kind {
    pub(crate) const TEXT: u64 = 1;
    pub(crate) const RECEIPT: u64 = 2;
    pub(crate) const COMMIT_RECEIPT: u64 = 3;
    pub(crate) const CARD: u64 = 4;
    pub(crate) const SETTINGS: u64 = 5;
    pub(crate) const READ: u64 = 6;
}

/// Names a message on both sides: 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct MessageId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl std::fmt::Debug for MessageId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MessageId(…)")
    }
}

/// Refuses a timer that is too short or too long.
pub(super) fn check_timer(seconds: u64) -> Result<(), WireError> {
    if !DISAPPEAR_AFTER.contains(&seconds) {
        return Err(WireError::OutOfRange("timer"));
    }
    Ok(())
}
