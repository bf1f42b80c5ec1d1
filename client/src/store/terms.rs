//! What both sides of a conversation let happen to its messages.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::model::{ContactId, Policy};
use crate::wire::message;

/// What is known of both sides.
#[derive(Clone, FromRow)]
pub struct TermsRow {
    terms_revision: i64,
    told_terms_revision: i64,
    own_disappear: i64,
    own_reads: bool,
    told_disappear: i64,
    their_disappear: i64,
    their_reads: bool,
    /// Messages older than so many seconds are deleted here.
    pub retain: Option<i64>,
}

impl TermsRow {
    /// What we want.
    #[must_use]
    pub fn own(&self) -> Policy {
        policy(self.own_disappear, self.own_reads)
    }

    /// What the contact wants, as far as they told us.
    #[must_use]
    pub fn theirs(&self) -> Policy {
        policy(self.their_disappear, self.their_reads)
    }

    /// What holds for what is written now.
    #[must_use]
    pub fn in_force(&self) -> Policy {
        self.own().and(self.theirs())
    }

    /// Whether the contact has confirmed to know what we want.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.terms_revision == self.told_terms_revision
    }

    /// As it goes to the contact; `None` if we never wanted anything.
    #[must_use]
    pub fn ours(&self) -> Option<message::Terms> {
        (self.terms_revision > 0).then(|| message::Terms {
            revision: self.terms_revision.cast_unsigned(),
            disappear_after: self.own_disappear.cast_unsigned(),
            read_receipts: self.own_reads,
        })
    }

    /// The timer of a text that the contact sent under `timer`, in seconds. Nothing goes before the
    /// time that we agreed to: by what we want now, or by what the contact knew when it wrote.
    #[must_use]
    pub fn consented(&self, timer: u64) -> Option<u64> {
        let agreed = [self.own_disappear, self.told_disappear].into_iter().filter(|seconds| *seconds > 0).min();
        agreed.map(|seconds| timer.max(seconds.cast_unsigned()))
    }
}

fn policy(disappear: i64, reads: bool) -> Policy {
    Policy { disappear_after: disappear.cast_unsigned(), read_receipts: reads }
}

const SELECT: &str = "SELECT id, terms_revision, told_terms_revision, own_disappear, own_reads, told_disappear, \
                      their_disappear, their_reads, retain FROM contact";

/// Those with a contact.
pub async fn load(tx: &mut Tx, contact: ContactId) -> Result<TermsRow, StoreError> {
    let one = AssertSqlSafe(format!("{SELECT} WHERE id = ?"));
    Ok(sqlx::query_as(one).bind(contact).fetch_one(&mut **tx).await?)
}

/// Those with every contact.
pub async fn load_all(tx: &mut Tx) -> Result<HashMap<ContactId, TermsRow>, StoreError> {
    #[derive(FromRow)]
    struct With {
        id: ContactId,
        #[sqlx(flatten)]
        terms: TermsRow,
    }
    let rows: Vec<With> = sqlx::query_as(SELECT).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.terms)).collect())
}

/// We want something else now.
pub async fn set(tx: &mut Tx, contact: ContactId, wanted: Policy) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE contact SET terms_revision = terms_revision + 1, own_disappear = ?, own_reads = ? WHERE id = ?",
    )
    .bind(wanted.disappear_after.cast_signed())
    .bind(wanted.read_receipts)
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The contact has what we want.
pub async fn told(tx: &mut Tx, contact: ContactId, ours: &message::Terms) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET told_terms_revision = ?, told_disappear = ? WHERE id = ?")
        .bind(ours.revision.cast_signed())
        .bind(ours.disappear_after.cast_signed())
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes what the contact wants, unless it or something newer was taken: then false.
pub async fn take(tx: &mut Tx, contact: ContactId, theirs: &message::Terms) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE contact SET their_terms_revision = ?1, their_disappear = ?2, their_reads = ?3 \
         WHERE id = ?4 AND their_terms_revision < ?1",
    )
    .bind(theirs.revision.cast_signed())
    .bind(theirs.disappear_after.cast_signed())
    .bind(theirs.read_receipts)
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The conversation begins anew: neither knows what the other wants until it has said so again.
pub async fn forget(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE contact SET told_terms_revision = min(terms_revision, 0) - (terms_revision > 0), told_disappear = 0, \
         their_terms_revision = -1, their_disappear = 0, their_reads = 0 WHERE id = ?",
    )
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How long messages are kept here, in seconds; for ever, if `None`.
pub async fn set_retention(tx: &mut Tx, contact: ContactId, seconds: Option<i64>) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET retain = ? WHERE id = ?").bind(seconds).bind(contact).execute(&mut **tx).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(own: i64, told: i64, their: i64) -> TermsRow {
        TermsRow {
            terms_revision: 1,
            told_terms_revision: 1,
            own_disappear: own,
            own_reads: true,
            told_disappear: told,
            their_disappear: their,
            their_reads: false,
            retain: None,
        }
    }

    #[test]
    fn a_contact_cannot_make_its_messages_disappear_before_we_agreed_they_may() {
        assert_eq!(terms(0, 0, 60).consented(60), None, "never agreed");
        assert_eq!(terms(90, 90, 60).consented(10), Some(90), "sooner than we agreed");
        assert_eq!(terms(60, 60, 90).consented(90), Some(90));
        assert_eq!(terms(0, 60, 60).consented(60), Some(60), "written before it knew that we changed our mind");
        assert_eq!(terms(90, 60, 60).consented(60), Some(60), "written before it knew that we want more time");
        assert_eq!(terms(60, 0, 60).consented(60), Some(60), "it knows, but its receipt was lost");
    }
}
