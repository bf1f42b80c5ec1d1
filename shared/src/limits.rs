//! Every limit that clients and servers agree on, by name, in one place. A server may be stricter
//! in its policy ([`crate::api::Policy`]), never laxer. Sizes are bytes, times milliseconds.

/// A second in milliseconds.
pub const SECOND: i64 = 1_000;
/// A minute in milliseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// A day in milliseconds.
pub const DAY: i64 = 24 * 60 * MINUTE;

/// An epoch, after which a person's address on a server changes. An hour is long compared to the
/// life of a record, and short for an observer who wants to learn from one address.
pub const EPOCH: i64 = 60 * MINUTE;
/// How far a writer's clock may be from the server's, either way. An epoch is accepted for this
/// long before it begins and after it has ended; a sequence number may be this far in the future.
pub const SKEW: i64 = 10 * MINUTE;
/// The longest life of a presence record, counted from when the server accepted it. For that
/// long a person whose machine died still seems online.
pub const MAX_RECORD_LIFE: i64 = 15 * MINUTE;
/// Writers put a fresh record after a random time in this range. Two fit into a record's life, so a
/// lost one does no harm; the randomness hides which records belong together when epochs change.
pub const REFRESH: std::ops::RangeInclusive<i64> = 4 * MINUTE..=7 * MINUTE;

/// The longest life of a handle without a renewal: long enough for a long journey.
pub const MAX_HANDLE_LIFE: i64 = 90 * DAY;
/// How long an expired handle is kept for its owner, though no one finds it: an owner who comes
/// back late does not find the name taken.
pub const HANDLE_GRACE: i64 = 30 * DAY;
/// How long a released handle stays taken. After it the released claim is refused as too old, so no
/// one can put it back.
pub const RELEASE_MEMORY: i64 = 2 * SKEW + 2 * MINUTE;

/// The plaintext of a status.
pub const STATUS_PLAIN: usize = 64;
/// A sealed status: nonce, ciphertext, tag.
pub const STATUS_SEALED: usize = 24 + STATUS_PLAIN + 16;
/// The size of a presence record.
pub const RECORD: usize = 1 + 32 + 4 + 8 + 4 + STATUS_SEALED + 64;
/// The plaintext of a handle's card.
pub const CARD_PLAIN: usize = 256;
/// A sealed card: nonce, ciphertext, tag.
pub const CARD_SEALED: usize = 24 + CARD_PLAIN + 16;
/// A claim of a handle.
pub const CLAIM: usize = 1 + 32 + 32 + 8 + 4 + CARD_SEALED + 64;
/// The release of a handle.
pub const RELEASE: usize = 1 + 32 + 32 + 8 + 64;
/// A proof of work, which follows a record or a claim in a request.
pub const WORK: usize = 8;
/// A record with its proof of work, as it is put.
pub const SUBMISSION: usize = RECORD + WORK;
/// A claim with its proof of work, as it is put.
pub const CLAIM_SUBMISSION: usize = CLAIM + WORK;

/// Records in one request, at most.
pub const MAX_BATCH: usize = 1_000;
/// Records in one group of a board's body.
pub const MAX_GROUP: u32 = 1 << 20;
/// The most bits of an address that name a bucket.
pub const MAX_BUCKET_BITS: u8 = 8;
/// A server cuts its board when a bucket would hold more records than this, on average: about
/// 0.9 MB, which is a few seconds over Tor.
pub const BUCKET_RECORDS: usize = 4_096;
/// The highest price of a proof of work, in bits: about a minute of one core. A server that asks
/// for more is not worth using.
pub const MAX_WORK_BITS: u8 = 28;

/// A handle's name, in characters after canonicalisation.
pub const HANDLE_CHARS: std::ops::RangeInclusive<usize> = 3..=32;
/// A handle's name as typed, before anything is done with it.
pub const MAX_HANDLE_TEXT: usize = 256;
/// Argon2id for a handle: memory in KiB. A phone can spare 64 MiB, and guessing with it is
/// expensive.
pub const HANDLE_ARGON2_KIB: u32 = 64 * 1024;
/// Argon2id for a handle: passes.
pub const HANDLE_ARGON2_PASSES: u32 = 3;
