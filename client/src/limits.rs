//! Every limit on what comes from outside, by name, in one place. Sizes are bytes.

use std::time::Duration;

/// The text of one message, UTF-8.
pub const MAX_TEXT: usize = 63 * 1024;
/// A name, UTF-8.
pub const MAX_NAME: usize = 64;
/// A rendezvous server's address on a card.
pub const MAX_SERVER: usize = 128;
/// Rendezvous servers on a card.
pub const MAX_SERVERS: usize = 8;
/// What somebody writes who asks the owner of a handle, UTF-8.
pub const MAX_REQUEST_TEXT: usize = 256;
/// An MLS key package on the wire.
pub const MAX_KEY_PACKAGE: usize = 8 * 1024;
/// An MLS welcome on the wire.
pub const MAX_WELCOME: usize = 16 * 1024;
/// An invitation link as typed or pasted, before anything is parsed.
pub const MAX_LINK_TEXT: usize = 1024;

/// The sizes that an envelope can have.
pub const ENVELOPE_SIZES: [usize; 4] = [1024, 4096, 16 * 1024, 64 * 1024];
/// The sizes that a frame can have on a link: an envelope's, and what wraps it.
pub const FRAME_SIZES: [usize; 4] = [1024 + 64, 4096 + 64, 16 * 1024 + 64, 64 * 1024 + 64];
/// The most plaintext in one Noise record.
pub const MAX_RECORD: usize = FRAME_SIZES[3] / 2;
/// A Noise handshake message.
pub const MAX_HANDSHAKE: usize = 256;

/// Message ids in one receipt, and in one that says what was read.
pub const MAX_RECEIPT_IDS: usize = 32;
/// Ids of seen messages in one message.
pub const MAX_SEEN: usize = 4;
/// Live links named in one hello.
pub const MAX_HELLO_LINKS: usize = 8;
/// How far a message's logical clock may be ahead of everything in its conversation.
pub const MAX_CLOCK_STEP: u64 = 1 << 32;

/// From the opening of a stream to the end of its preface.
pub const PREFACE_DEADLINE: Duration = Duration::from_secs(10);
/// From the first byte to the first hello.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(40);
/// From the first byte of a record to its last.
pub const RECORD_DEADLINE: Duration = Duration::from_mins(1);
/// Nothing sent for so long: a ping goes out.
pub const PING_AFTER: Duration = Duration::from_secs(20);
/// Nothing received for so long: the link is dead.
pub const SILENCE_LIMIT: Duration = Duration::from_secs(50);
/// Incoming streams that have not said yet whom they know, at each service. Who comes when it is
/// full takes the place of another such stream, so that no flood of strangers keeps a contact out.
pub const MAX_STRANGERS: usize = 128;
/// Incoming streams whose preface was right and whose handshake is not done, at each service: no
/// stranger is among them.
pub const MAX_OPEN_HANDSHAKES: usize = 256;
/// How many of these one contact can have. A dial that died without a sign must not keep out the
/// next.
pub const MAX_CONTACT_HANDSHAKES: usize = 2;
/// How many of these one invitation can have.
pub const MAX_INVITATION_HANDSHAKES: usize = 64;

/// Envelopes handed to a link and not receipted yet.
pub const MAX_IN_FLIGHT: usize = 64;
/// The bytes of all envelopes that are handed to a link and not receipted yet.
pub const MAX_IN_FLIGHT_BYTES: usize = 512 * 1024;
/// An envelope that a live link has taken, and that has no receipt, is handed over again after so
/// long.
pub const RESEND_AFTER: Duration = Duration::from_mins(1);
/// Envelopes that do not open, until their link is closed.
pub const MAX_UNREADABLE: u32 = 8;
/// Envelopes of a later epoch, kept until the commit is through; for each contact.
pub const MAX_HELD: u32 = 512;

/// Ranges of a contact's numbers that came; the gap between the oldest two is forgotten for one
/// more.
pub const MAX_RECEIVED_RANGES: u32 = 1_000;
/// Envelopes of a contact that are known when they come again. Receipts leave in the order in which
/// envelopes were opened, over links that keep the order and end when a receipt finds no place. So
/// while one is without its receipt, so is all that was opened after it, and that is what one
/// may have on its way at most: [`MAX_IN_FLIGHT`]. The rest is for those who take more.
pub const MAX_RECEIVED: u32 = 1_024;
/// Ids of a contact's deleted messages that are known when they come again: one whose store went
/// back in time, or who restarts the conversation, sends again what was never receipted.
pub const MAX_FORGOTTEN: u32 = 4_096;

/// Answered questions to begin a conversation that are remembered, for each contact.
pub const MAX_ANSWERED: u32 = 32;

/// Servers that are read: those of ours, and those that contacts name. More contacts at other
/// servers are not looked for.
pub const MAX_READ_SERVERS: usize = 32;
/// Contacts that have not heard of our newest card, and are told at our servers where we are, each
/// alone.
pub const MAX_FORWARDS: usize = 64;
/// Handles of a profile.
pub const MAX_HANDLES: usize = 16;
/// Requests by handles that are remembered, answered ones among them; those beyond are not kept,
/// and ask again.
pub const MAX_CONTACT_REQUESTS: u32 = 256;
/// What lets us write at a closed server.
pub const MAX_TOKEN: usize = 256;

/// Contacts of a profile.
pub const MAX_CONTACTS: u32 = 10_000;
/// Dials on their way at the same time to contacts for whom nothing waits; the others need no turn.
pub const MAX_IDLE_DIALS: usize = 16;
/// What is searched for, UTF-8.
pub const MAX_SEARCH: usize = 256;
/// A preference's key.
pub const MAX_PREFERENCE_KEY: usize = 100;
/// A preference of a front-end, UTF-8.
pub const MAX_PREFERENCE: usize = MAX_TEXT;
/// What is typed and not sent, UTF-8: it may be as long as a message.
pub const MAX_DRAFT: usize = MAX_TEXT;
/// Preferences of a profile.
pub const MAX_PREFERENCES: u32 = 4_096;
/// Invitations kept, ended ones among them.
pub const MAX_INVITATIONS: u32 = 1_000;
/// How many people may use one invitation.
pub const MAX_INVITATION_USES: u32 = 1_000;
/// The life of an invitation, in seconds.
pub const INVITATION_LIFE: std::ops::RangeInclusive<u64> = 60..=31_536_000;
/// The default life of an invitation, in seconds: 7 days.
pub const DEFAULT_INVITATION_LIFE: u64 = 604_800;
/// Our keys of a conversation are replaced so long after anything was sealed: a day.
pub const UPDATE_AFTER_MS: i64 = 24 * 3600 * 1000;
/// An ended invitation is kept so long, to tell a late opener why it ended: 30 days, in
/// milliseconds.
pub const INVITATION_MEMORY_MS: i64 = 30 * 24 * 3600 * 1000;
/// After how long messages disappear, in seconds.
pub const DISAPPEAR_AFTER: std::ops::RangeInclusive<u64> = 10..=31_536_000;
/// How long messages are kept, in seconds: a minute to ten years.
pub const RETENTION: std::ops::RangeInclusive<u64> = 60..=315_360_000;
/// The life of an undelivered message, in seconds.
pub const MESSAGE_LIFE: std::ops::RangeInclusive<u64> = 1..=31_536_000;
/// A backup's database that is restored: 64 GiB.
pub const MAX_BACKUP: u64 = 64 << 30;
/// A backup's header.
pub const MAX_BACKUP_HEADER: usize = 4096;
/// Times that can be shown to people, in milliseconds since 1970: until the end of the year 9999
/// (RFC 3339).
pub const TIMES: std::ops::RangeInclusive<i64> = 0..=253_402_300_799_999;
/// Events kept for those who resume.
pub const MAX_EVENTS: i64 = 10_000;

/// The smallest of `sizes` that holds `length`.
#[must_use]
pub fn size_class(sizes: &[usize], length: usize) -> Option<usize> {
    sizes.iter().copied().find(|size| *size >= length)
}
