//! The conversations' MLS states, and what must be kept with them.

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::limits::{MAX_RECEIVED, UPDATE_AFTER_MS};
use crate::model::{ContactId, KeyUpdates, UnixMillis};
use crate::wire::message::MessageId;

/// One conversation.
#[derive(FromRow)]
pub struct ConversationRow {
    /// [`chive_mls::Conversation::save`]'s blob.
    pub mls: Vec<u8>,
    /// What we answered to the contact's request, until it is seen to have joined.
    #[sqlx(skip)]
    pub acceptance: Option<Acceptance>,
    accepted_request: Option<Vec<u8>>,
    accepted_answer: Option<Vec<u8>>,
    /// The epoch that the last commit of the contact ended.
    pub receipted_epoch: Option<i64>,
    /// The receipt for it.
    pub commit_receipt: Option<Vec<u8>>,
}

/// An answer that must be the same when the same question comes again.
pub struct Acceptance {
    /// Names the request.
    pub request: [u8; 16],
    /// The introduction that answered it.
    pub answer: Vec<u8>,
}

/// Begins a conversation.
pub async fn create(
    tx: &mut Tx,
    contact: ContactId,
    mls: &[u8],
    acceptance: Option<&Acceptance>,
    now: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO conversation (contact, mls, accepted_request, accepted_answer, epoch_started_at) VALUES (?, ?, ?, ?, ?)",
    )
        .bind(contact)
        .bind(mls)
        .bind(acceptance.map(|given| &given.request[..]))
        .bind(acceptance.map(|given| &given.answer[..]))
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets a conversation's state, but not its messages: what was not receipted is sealed again.
pub async fn forget(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM conversation WHERE contact = ?",
        "DELETE FROM restart WHERE contact = ?",
        "DELETE FROM received WHERE contact = ?",
        "DELETE FROM held WHERE contact = ?",
        "DELETE FROM outbox WHERE contact = ? AND kind = 'commit'",
        "UPDATE outbox SET envelope = NULL WHERE contact = ?",
        "UPDATE contact SET card_revision = -1 WHERE id = ?",
    ] {
        sqlx::query(statement).bind(contact).execute(&mut **tx).await?;
    }
    super::terms::forget(tx, contact).await
}

/// Reads one.
pub async fn load(tx: &mut Tx, contact: ContactId) -> Result<Option<ConversationRow>, StoreError> {
    let row: Option<ConversationRow> = sqlx::query_as(
        "SELECT mls, accepted_request, accepted_answer, receipted_epoch, commit_receipt \
         FROM conversation WHERE contact = ?",
    )
    .bind(contact)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|mut row| {
        if let (Some(request), Some(answer)) = (row.accepted_request.take(), row.accepted_answer.take()) {
            row.acceptance = Some(Acceptance { request: super::bytes(&request)?, answer });
        }
        Ok(row)
    })
    .transpose()
}

/// Conversations in whose epoch ?2 messages were sealed, if it began before ?3; or any, if it began long
/// before ?1. One that began in the future began before the clock was set.
pub(super) fn stale() -> String {
    format!(
        "SELECT contact FROM conversation \
         WHERE (sealed_in_epoch >= ?2 AND (epoch_started_at <= ?3 OR epoch_started_at > ?1)) \
         OR (sealed_in_epoch > 0 AND epoch_started_at < ?1 - {UPDATE_AFTER_MS})"
    )
}

/// Those whose keys are to be replaced.
pub async fn due(tx: &mut Tx, now: UnixMillis, updates: KeyUpdates) -> Result<Vec<ContactId>, StoreError> {
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(stale()))
        .bind(now)
        .bind(updates.after_messages)
        .bind(now - updates.not_before)
        .fetch_all(&mut **tx)
        .await?)
}

/// Writes the state after something was sealed or opened.
pub async fn save(tx: &mut Tx, contact: ContactId, mls: &[u8], sealed: u32) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversation SET mls = ?, sealed_in_epoch = sealed_in_epoch + ? WHERE contact = ?")
        .bind(mls)
        .bind(sealed)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A new epoch began.
pub async fn begin_epoch(tx: &mut Tx, contact: ContactId, now: UnixMillis) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversation SET sealed_in_epoch = 0, epoch_started_at = ? WHERE contact = ?")
        .bind(now)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The contact has joined: its request will not come again.
pub async fn forget_acceptance(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE conversation SET accepted_request = NULL, accepted_answer = NULL \
         WHERE contact = ? AND accepted_request IS NOT NULL",
    )
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the receipt of a merged commit.
pub async fn keep_commit_receipt(
    tx: &mut Tx,
    contact: ContactId,
    epoch: u64,
    receipt: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE conversation SET receipted_epoch = ?, commit_receipt = ? WHERE contact = ?")
        .bind(epoch.cast_signed())
        .bind(receipt)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// What an envelope held that came before.
pub enum Before {
    /// Something that is stored, and receipted again.
    Item(MessageId),
    /// Something that could not be used.
    Unusable,
}

/// Whether an envelope came before, by its digest.
pub async fn received(tx: &mut Tx, contact: ContactId, digest: &[u8]) -> Result<Option<Before>, StoreError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT item FROM received WHERE contact = ? AND digest = ?")
        .bind(contact)
        .bind(digest)
        .fetch_optional(&mut **tx)
        .await?;
    let before = |item: &[u8]| match item {
        [] => Ok(Before::Unusable),
        item => Ok(Before::Item(MessageId(super::bytes(item)?))),
    };
    row.map(|(item,)| before(&item)).transpose()
}

/// Remembers what an envelope held, and forgets the oldest.
pub async fn remember_received(
    tx: &mut Tx,
    contact: ContactId,
    digest: &[u8],
    item: MessageId,
) -> Result<(), StoreError> {
    remember(tx, contact, digest, &item.0).await
}

/// Remembers that an envelope opened, and that what it held cannot be used.
pub async fn remember_unusable(tx: &mut Tx, contact: ContactId, digest: &[u8]) -> Result<(), StoreError> {
    remember(tx, contact, digest, &[]).await
}

async fn remember(tx: &mut Tx, contact: ContactId, digest: &[u8], item: &[u8]) -> Result<(), StoreError> {
    sqlx::query("INSERT OR IGNORE INTO received (contact, digest, item) VALUES (?, ?, ?)")
        .bind(contact)
        .bind(digest)
        .bind(item)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "DELETE FROM received WHERE contact = ?1 AND seq <= \
         (SELECT seq FROM received WHERE contact = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(contact)
    .bind(MAX_RECEIVED)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps an envelope of a later epoch, unless there are `limit` already.
pub async fn hold(
    tx: &mut Tx,
    contact: ContactId,
    digest: &[u8],
    envelope: &[u8],
    limit: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR IGNORE INTO held (contact, digest, envelope, came) \
         SELECT ?1, ?2, ?3, (SELECT ifnull(max(came), 0) + 1 FROM held WHERE contact = ?1) \
         WHERE (SELECT count(*) FROM held WHERE contact = ?1) < ?4",
    )
    .bind(contact)
    .bind(digest)
    .bind(envelope)
    .bind(limit)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Takes every kept envelope out, in the order in which they came.
pub async fn take_held(tx: &mut Tx, contact: ContactId) -> Result<Vec<Vec<u8>>, StoreError> {
    let rows: Vec<(Vec<u8>,)> = sqlx::query_as("SELECT envelope FROM held WHERE contact = ? ORDER BY came")
        .bind(contact)
        .fetch_all(&mut **tx)
        .await?;
    sqlx::query("DELETE FROM held WHERE contact = ?").bind(contact).execute(&mut **tx).await?;
    Ok(rows.into_iter().map(|(envelope,)| envelope).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::messages::tests::contact;
    use crate::store::scratch;

    #[tokio::test]
    async fn the_envelopes_that_came_last_are_known_and_the_oldest_forgotten() {
        let (store, _directory) = scratch().await;
        let (bob, carol) = (contact(&store, "Bob").await, contact(&store, "Carol").await);
        let mut tx = store.begin().await.unwrap();
        remember_received(&mut tx, carol, b"hers", MessageId([9; 16])).await.unwrap();
        for n in 0..=MAX_RECEIVED {
            remember_received(&mut tx, bob, &n.to_be_bytes(), MessageId([1; 16])).await.unwrap();
        }
        assert!(received(&mut tx, bob, &0_u32.to_be_bytes()).await.unwrap().is_none());
        for n in [1, MAX_RECEIVED] {
            assert!(received(&mut tx, bob, &n.to_be_bytes()).await.unwrap().is_some(), "{n}");
        }
        assert!(received(&mut tx, carol, b"hers").await.unwrap().is_some());
    }
}
