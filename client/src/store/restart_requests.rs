//! Stores our requests to restart a conversation with a new group, and which requests of others
//! were answered.

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::limits::{MAX_ANSWERED, MAX_CLOCK_STEP};
use crate::model::{ContactId, ConversationId, Member};

/// Our request to a contact, until it is answered.
#[derive(FromRow)]
pub struct RestartRequestRow {
    /// The private half of the key package.
    pub draft: Vec<u8>,
    /// What to send: always the same bytes.
    pub request: Vec<u8>,
}

/// The request that waits for an answer.
pub async fn request(tx: &mut Tx, to: Member) -> Result<Option<RestartRequestRow>, StoreError> {
    Ok(sqlx::query_as("SELECT draft, request FROM restart WHERE conversation = ? AND contact = ?")
        .bind(to.conversation)
        .bind(to.contact)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Keeps a request until it is answered.
pub async fn put(tx: &mut Tx, to: Member, draft: &[u8], request: &[u8]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR REPLACE INTO restart (conversation, contact, draft, request) VALUES \
                (?, ?, ?, ?)",
    )
    .bind(to.conversation)
    .bind(to.contact)
    .bind(draft)
    .bind(request)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn forget(tx: &mut Tx, to: Member) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM restart WHERE conversation = ? AND contact = ?")
        .bind(to.conversation)
        .bind(to.contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A contact's request, named by its digest, is not answered from now on.
pub async fn remember_answered(
    tx: &mut Tx,
    contact: ContactId,
    request: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR IGNORE INTO answered (contact, request) VALUES (?, ?)")
        .bind(contact)
        .bind(request)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "DELETE FROM answered WHERE contact = ?1 AND id <= \
         (SELECT id FROM answered WHERE contact = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(contact)
    .bind(MAX_ANSWERED)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Whether it was answered before, or withdrawn.
pub async fn was_answered(
    tx: &mut Tx,
    contact: ContactId,
    request: &[u8],
) -> Result<bool, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM answered WHERE contact = ? AND request = ?")
            .bind(contact)
            .bind(request)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(row.is_some())
}

/// Continues numbering after what the contact has of us, and ordering after what they know. Nothing
/// that a contact says makes either jump farther than a text may.
pub async fn resume_counting(
    tx: &mut Tx,
    conversation: ConversationId,
    highest_counter: u64,
    clock: u64,
) -> Result<(), StoreError> {
    let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX - 1);
    sqlx::query(
        "UPDATE conversation SET next_counter = max(next_counter, min(?1 + 1, next_counter + ?3)), \
         clock = max(clock, min(?2, clock + ?3)) WHERE id = ?4",
    )
    .bind(number(highest_counter.min(i64::MAX.cast_unsigned() - 1)))
    .bind(number(clock))
    .bind(number(MAX_CLOCK_STEP))
    .bind(conversation)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The highest counter of a member's texts that we know; 0 for none.
pub async fn highest_counter(tx: &mut Tx, author: Member) -> Result<u64, StoreError> {
    let highest_counter = sqlx::query_scalar(
        "SELECT max(last) FROM received_range WHERE conversation = ? AND author = ?",
    );
    let highest_counter = highest_counter.bind(author.conversation).bind(author.contact);
    let highest_counter: Option<i64> = highest_counter.fetch_one(&mut **tx).await?;
    Ok(highest_counter.unwrap_or(0).cast_unsigned())
}
