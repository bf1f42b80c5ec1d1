//! The content that tells a contact the sender's settings for a conversation. Encoding and decoding
//! only.

use minicbor::{Decode, Encode};

use super::field::{MessageId, check_timer, kind};
use crate::wire::codec::{WireError, check_revision, decode, encode};
use crate::wire::kind::Kind;

/// What one side allows to happen to the messages of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Rises with every change: older terms never replace newer ones.
    pub revision: u64,
    /// Messages may disappear after this many seconds; 0 for never.
    pub disappear_after: u64,
    /// Whether to tell each other which messages were read.
    pub read_receipts: bool,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct SettingsMap {
    #[n(0)]
    kind: Kind<{ kind::SETTINGS }>,
    #[n(1)]
    id: MessageId,
    #[n(9)]
    revision: u64,
    #[n(10)]
    disappear_after: Option<u64>,
    #[cbor(n(11), skip_if = "is_false")]
    read_receipts: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "minicbor passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

pub(super) fn to_bytes(id: MessageId, settings: Settings) -> Vec<u8> {
    encode(&SettingsMap {
        kind: Kind,
        id,
        revision: settings.revision,
        disappear_after: (settings.disappear_after > 0).then_some(settings.disappear_after),
        read_receipts: settings.read_receipts,
    })
}

pub(super) fn from_bytes(bytes: &[u8]) -> Result<(MessageId, Settings), WireError> {
    let SettingsMap { id, revision, disappear_after, read_receipts, .. } = decode(bytes)?;

    check_revision(revision)?;
    disappear_after.map_or(Ok(()), check_timer)?;

    let disappear_after = disappear_after.unwrap_or(0);
    Ok((id, Settings { revision, disappear_after, read_receipts }))
}
