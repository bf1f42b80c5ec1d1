//! Stores the settings of conversations: what each side wants to happen to messages, and how long
//! they are kept here.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;
use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::model::{ConversationId, Member, Policy};
use crate::wire::message;

/// What is known of both sides.
#[derive(Clone, FromRow)]
pub struct SettingsRow {
    settings_revision: i64,
    told_revision: i64,
    disappear_after: i64,
    read_receipts: bool,
    told_disappear_after: i64,
    their_disappear_after: i64,
    their_read_receipts: bool,
    /// Messages older than this, in seconds, are deleted here.
    pub retain: Option<i64>,
}

impl SettingsRow {
    #[must_use]
    pub fn own(&self) -> Policy {
        policy(self.disappear_after, self.read_receipts)
    }

    /// What the contact wants, as far as they told us.
    #[must_use]
    pub fn theirs(&self) -> Policy {
        policy(self.their_disappear_after, self.their_read_receipts)
    }

    /// What holds for what is written now.
    #[must_use]
    pub fn in_force(&self) -> Policy {
        self.own().and(self.theirs())
    }

    /// Whether the contact has confirmed to know what we want.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.settings_revision == self.told_revision
    }

    /// As it goes to the contact; `None` if we never wanted anything.
    #[must_use]
    pub fn ours(&self) -> Option<message::Settings> {
        (self.settings_revision > 0).then(|| message::Settings {
            revision: self.settings_revision.cast_unsigned(),
            disappear_after: self.disappear_after.cast_unsigned(),
            read_receipts: self.read_receipts,
        })
    }

    /// The timer of a text that the contact sent under `timer`, in seconds. Nothing goes before the
    /// time that we agreed to: by what we want now, or by what the contact knew when it wrote.
    #[must_use]
    pub fn consented(&self, timer: u64) -> Option<u64> {
        let agreed = [self.disappear_after, self.told_disappear_after]
            .into_iter()
            .filter(|seconds| *seconds > 0)
            .min();
        agreed.map(|seconds| timer.max(seconds.cast_unsigned()))
    }
}

fn policy(disappear: i64, reads: bool) -> Policy {
    Policy { disappear_after: disappear.cast_unsigned(), read_receipts: reads }
}

const SELECT: &str = "SELECT c.id, c.settings_revision, m.told_revision, c.disappear_after, \
                     c.read_receipts, \
     m.told_disappear_after, m.their_disappear_after, m.their_read_receipts, c.retain \
     FROM conversation c JOIN member m ON m.conversation = c.id WHERE c.kind = 'direct'";

/// Those of a direct conversation.
pub async fn load(tx: &mut Tx, conversation: ConversationId) -> Result<SettingsRow, StoreError> {
    let one = AssertSqlSafe(format!("{SELECT} AND c.id = ?"));
    Ok(sqlx::query_as(one).bind(conversation).fetch_one(&mut **tx).await?)
}

/// Those of every direct conversation.
pub async fn load_all(tx: &mut Tx) -> Result<HashMap<ConversationId, SettingsRow>, StoreError> {
    #[derive(FromRow)]
    struct With {
        id: ConversationId,
        #[sqlx(flatten)]
        terms: SettingsRow,
    }
    let rows: Vec<With> = sqlx::query_as(SELECT).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.terms)).collect())
}

/// We want something else now.
pub async fn set(
    tx: &mut Tx,
    conversation: ConversationId,
    wanted: Policy,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE conversation SET settings_revision = settings_revision + 1, disappear_after = ?, \
         read_receipts = ? WHERE id = ?",
    )
    .bind(wanted.disappear_after.cast_signed())
    .bind(wanted.read_receipts)
    .bind(conversation)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A member knows what we want.
pub async fn told(tx: &mut Tx, member: Member, ours: &message::Settings) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE member SET told_revision = ?, told_disappear_after = ? WHERE conversation \
                = ? AND contact = ?",
    )
    .bind(ours.revision.cast_signed())
    .bind(ours.disappear_after.cast_signed())
    .bind(member.conversation)
    .bind(member.contact)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes what a member wants, unless it or something newer was taken: then false.
pub async fn take(
    tx: &mut Tx,
    member: Member,
    theirs: &message::Settings,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE member SET their_revision = ?1, their_disappear_after = ?2, their_read_receipts = \
        ?3 \
         WHERE conversation = ?4 AND contact = ?5 AND their_revision < ?1",
    )
    .bind(theirs.revision.cast_signed())
    .bind(theirs.disappear_after.cast_signed())
    .bind(theirs.read_receipts)
    .bind(member.conversation)
    .bind(member.contact)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The conversation restarts: nobody knows what the others want until they have said so again.
pub async fn forget(tx: &mut Tx, conversation: ConversationId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE member SET their_revision = -1, their_disappear_after = 0, their_read_receipts = \
        0, \
         told_disappear_after = 0, told_revision = (SELECT min(settings_revision, 0) - \
         (settings_revision > 0) \
         FROM conversation WHERE id = ?1) WHERE conversation = ?1",
    )
    .bind(conversation)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// How long messages are kept here, in seconds; for ever, if `None`.
pub async fn set_retention(
    tx: &mut Tx,
    conversation: ConversationId,
    seconds: Option<i64>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversation SET retain = ? WHERE id = ?")
        .bind(seconds)
        .bind(conversation)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(own: i64, told: i64, their: i64) -> SettingsRow {
        SettingsRow {
            settings_revision: 1,
            told_revision: 1,
            disappear_after: own,
            read_receipts: true,
            told_disappear_after: told,
            their_disappear_after: their,
            their_read_receipts: false,
            retain: None,
        }
    }

    #[test]
    fn no_message_disappears_before_both_agreed() {
        assert_eq!(terms(0, 0, 60).consented(60), None, "never agreed");
        assert_eq!(terms(90, 90, 60).consented(10), Some(90), "sooner than we agreed");
        assert_eq!(terms(60, 60, 90).consented(90), Some(90));
        assert_eq!(
            terms(0, 60, 60).consented(60),
            Some(60),
            "written before it knew that we changed our mind"
        );
        assert_eq!(
            terms(90, 60, 60).consented(60),
            Some(60),
            "written before it knew that we want more time"
        );
        assert_eq!(terms(60, 0, 60).consented(60), Some(60), "it knows, but its receipt was lost");
    }
}
