//! The statements about handles that both databases share, and the meaning of the row that they
//! find. Nothing here executes a statement.

use chive_shared::handle::Claim;
use chive_shared::sequence::Sequence;

use super::column::from_column;
use super::error::StoreError;
use super::outcome::{ClaimOutcome, ReleaseOutcome};

/// One statement decides, so that of two claims at once one is first: the owner replaces an older
/// claim, and anyone a handle that is no longer kept. Parameters: id, owner, sequence, dies, kept,
/// claim, now.
pub(super) const CLAIM: &str = "
    INSERT INTO handles (id, owner, sequence, dies, kept, claim) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (id) DO UPDATE SET owner = excluded.owner, sequence = excluded.sequence,
        dies = excluded.dies, kept = excluded.kept, claim = excluded.claim
    WHERE (handles.owner = excluded.owner AND handles.sequence < excluded.sequence) OR \
    handles.kept <= $7";

/// Parameter: id.
pub(super) const FIND: &str =
    "SELECT owner, sequence, dies, kept, claim FROM handles WHERE id = $1";

/// A released handle expires at once and is kept for a while. Parameters: id, owner, sequence,
/// kept.
pub(super) const RELEASE: &str = "
    UPDATE handles SET sequence = $3, dies = 0, kept = $4, claim = NULL
    WHERE id = $1 AND owner = $2 AND sequence < $3";

/// Parameter: now.
pub(super) const PURGE: &str = "DELETE FROM handles WHERE kept <= $1";

/// Expired handles that are kept for their owners included.
pub(super) const COUNT: &str = "SELECT count(*) FROM handles";

/// A row of [`FIND`].
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
        Sequence(from_column(self.sequence))
    }

    /// Why a claim did not replace this row.
    pub(super) fn refuses_claim(&self, claim: &Claim) -> ClaimOutcome {
        if self.owner != claim.key() {
            return ClaimOutcome::Taken;
        }
        if self.claim.as_deref() == Some(claim.as_bytes()) {
            return ClaimOutcome::Claimed;
        }
        if self.sequence() == claim.sequence() {
            return ClaimOutcome::Conflict(self.sequence());
        }
        ClaimOutcome::Stale(self.sequence())
    }

    /// Why a release did not change this row.
    pub(super) fn refuses_release(&self, key: &[u8; 32], sequence: Sequence) -> ReleaseOutcome {
        if self.owner != key {
            return ReleaseOutcome::NotOwner;
        }
        // The same release again: the first one did it.
        if self.claim.is_none() && self.sequence() == sequence {
            return ReleaseOutcome::Released;
        }
        ReleaseOutcome::Stale(self.sequence())
    }

    /// The claim, unless it has expired or was released.
    pub(super) fn claim(&self, now: i64) -> Result<Option<Claim>, StoreError> {
        let live = self.claim.as_deref().filter(|_| self.dies > now);
        live.map(Claim::from_bytes)
            .transpose()
            .map_err(|_| StoreError::Damaged("a handle's claim cannot be read"))
    }
}
