//! What the database made of records, claims and releases. None of these is a failure.

use chive_shared::sequence::Sequence;

use crate::board::Freshness;

/// The outcome of putting records.
#[derive(Debug)]
pub struct PutOutcome {
    /// The last change before these records: up to it, others may have written.
    pub before: u64,
    /// For each record the number of its change, or how it compares to the stored one.
    pub results: Vec<Result<u64, Freshness>>,
}

/// The outcome of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimOutcome {
    /// The claim is stored.
    Claimed,
    /// Another owner has the handle.
    Taken,
    /// The owner has claimed it with this higher number.
    Stale(Sequence),
    /// The owner has made a different claim with this same number.
    Conflict(Sequence),
}

/// The outcome of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// The handle is released, now or by the same request before.
    Released,
    /// No one holds the handle.
    Unknown,
    /// Another owner holds it.
    NotOwner,
    /// The owner has claimed it with this number, which is at least as high.
    Stale(Sequence),
}
