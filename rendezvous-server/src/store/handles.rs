//! What the two databases have in common about handles: the statements, and what an answer means.

use chive_shared::handle::Claim;
use chive_shared::sequence::Sequence;

use super::{StoreError, loaded};

/// What became of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It holds.
    Done,
    /// Somebody else has the handle.
    Taken,
    /// The owner has claimed it with a higher number, this one.
    Older(Sequence),
    /// The owner has claimed it otherwise, with the same number.
    Other(Sequence),
}

/// What became of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Released {
    /// Nobody finds it any more.
    Done,
    /// Nobody holds it.
    Unknown,
    /// Somebody else does.
    NotOwner,
    /// The owner has claimed it with this number, which is as high or higher.
    Older(Sequence),
}

/// One statement decides, so that of two who claim at once one is first: the owner replaces what is
/// older, everybody else what nobody keeps any more. Parameters: id, owner, sequence, dies, kept,
/// claim, now.
pub(super) const CLAIM: &str = "
    INSERT INTO handles (id, owner, sequence, dies, kept, claim) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, sequence = excluded.sequence,
        dies = excluded.dies, kept = excluded.kept, claim = excluded.claim
    WHERE (handles.owner = excluded.owner AND handles.sequence < excluded.sequence) OR \
    handles.kept <= $7";

/// What is there. Parameter: id.
pub(super) const LOOK: &str =
    "SELECT owner, sequence, dies, kept, claim FROM handles WHERE id = $1";

/// What is released is dead at once and kept for a while. Parameters: id, owner, sequence, kept.
pub(super) const RELEASE: &str = "
    UPDATE handles SET sequence = $3, dies = 0, kept = $4, claim = NULL
    WHERE id = $1 AND owner = $2 AND sequence < $3";

/// Parameter: now.
pub(super) const PURGE: &str = "DELETE FROM handles WHERE kept <= $1";

/// Nothing about anybody.
pub(super) const COUNT: &str = "SELECT count(*) FROM handles";

/// A row of [`LOOK`].
#[derive(sqlx_macros::FromRow)]
pub(super) struct Row {
    pub(super) owner: Vec<u8>,
    pub(super) sequence: i64,
    pub(super) dies: i64,
    pub(super) kept: i64,
    pub(super) claim: Option<Vec<u8>>,
}

impl Row {
    fn sequence(&self) -> Sequence {
        Sequence(loaded(self.sequence))
    }

    /// Why a claim did not take this row's place.
    pub(super) fn refuses_claim(&self, claim: &Claim) -> Claimed {
        if self.owner != claim.key() {
            return Claimed::Taken;
        }
        if self.claim.as_deref() == Some(claim.as_bytes()) {
            return Claimed::Done;
        }
        if self.sequence() == claim.sequence() {
            return Claimed::Other(self.sequence());
        }
        Claimed::Older(self.sequence())
    }

    /// Why a release did not change this row.
    pub(super) fn refuses_release(&self, key: &[u8; 32], sequence: Sequence) -> Released {
        if self.owner != key {
            return Released::NotOwner;
        }
        // Said twice: the first was heard.
        if self.claim.is_none() && self.sequence() == sequence {
            return Released::Done;
        }
        Released::Older(self.sequence())
    }

    /// The claim, while it lives.
    pub(super) fn claim(&self, now: i64) -> Result<Option<Claim>, StoreError> {
        let live = self.claim.as_deref().filter(|_| self.dies > now);
        live.map(Claim::from_bytes)
            .transpose()
            .map_err(|_| StoreError::Damaged("a handle is no claim"))
    }
}
