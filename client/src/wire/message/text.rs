//! The content of a text message: id, order, time, timer. Encoding and decoding only.

use minicbor::{Decode, Encode};

use super::field::{MessageId, check_timer, kind};
use crate::limits::{MAX_SEEN, MAX_TEXT};
use crate::wire::codec::{WireError, decode, encode, within};
use crate::wire::kind::Kind;

/// A text that a person wrote.
#[derive(Clone, PartialEq, Eq)]
pub struct Text {
    /// Random; the same on both sides.
    pub id: MessageId,
    /// 1 for the sender's first text in this conversation, then rising by one: a gap shows.
    pub counter: u64,
    /// A Lamport clock: higher than every message that the sender had seen. Both sides order by
    /// (clock, id).
    pub clock: u64,
    /// The sender's clock, Unix milliseconds: for showing only.
    pub created_at: i64,
    /// The newest messages of the reader that the sender had stored: they count as receipted.
    pub seen: Vec<MessageId>,
    /// What the person wrote: untrusted text.
    pub text: String,
    /// Both sides delete the text this many seconds after it was delivered.
    pub disappear_after: Option<u64>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct TextMap<'b> {
    #[n(0)]
    kind: Kind<{ kind::TEXT }>,
    #[n(1)]
    id: MessageId,
    #[n(2)]
    counter: u64,
    #[n(3)]
    clock: u64,
    #[n(4)]
    created_at: i64,
    #[cbor(n(5), skip_if = "Vec::is_empty")]
    seen: Vec<MessageId>,
    #[n(6)]
    text: &'b str,
    #[n(10)]
    disappear_after: Option<u64>,
}

pub(super) fn to_bytes(text: &Text) -> Vec<u8> {
    encode(&TextMap {
        kind: Kind,
        id: text.id,
        counter: text.counter,
        clock: text.clock,
        created_at: text.created_at,
        seen: text.seen.clone(),
        text: &text.text,
        disappear_after: text.disappear_after,
    })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<Text, WireError> {
    let map: TextMap = decode(bytes)?;

    within("text", map.text.len(), MAX_TEXT)?;
    within("seen", map.seen.len(), MAX_SEEN)?;
    map.disappear_after.map_or(Ok(()), check_timer)?;

    Ok(Text {
        id: map.id,
        counter: map.counter,
        clock: map.clock,
        created_at: map.created_at,
        seen: map.seen,
        text: map.text.to_owned(),
        disappear_after: map.disappear_after,
    })
}
