//! Stores the outbox: everything that must reach a contact and was not receipted yet.

use std::collections::HashMap;

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::model::{ContactId, ConversationId, Member, OutboxId, OutboxKind};
use crate::wire::message::MessageId;

#[derive(FromRow)]
pub struct OutboxRow {
    /// Its row, in the order of acceptance.
    pub id: OutboxId,
    /// By whose group it is sealed.
    pub conversation: ConversationId,
    pub kind: OutboxKind,
    /// What its receipt names. For a commit: the epoch, in the last eight bytes.
    pub item: MessageId,
    /// What to seal, where it is not a message.
    pub body: Option<Vec<u8>>,
    /// The sealed bytes: always the same once made.
    pub envelope: Option<Vec<u8>>,
}

/// What waits for a contact after a row, in order.
pub async fn rows(
    tx: &mut Tx,
    contact: ContactId,
    after: OutboxId,
    limit: u32,
) -> Result<Vec<OutboxRow>, StoreError> {
    let waiting = "SELECT id, conversation, kind, item, body, envelope FROM outbox \
                   WHERE contact = ? AND id > ? ORDER BY id LIMIT ? + 0";
    let waiting = sqlx::query_as(waiting).bind(contact).bind(after).bind(limit);
    Ok(waiting.fetch_all(&mut **tx).await?)
}

/// Puts something other than a message into the outbox.
pub async fn put(
    tx: &mut Tx,
    to: Member,
    kind: OutboxKind,
    item: MessageId,
    body: Option<&[u8]>,
    envelope: Option<&[u8]>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO outbox (contact, conversation, kind, item, body, envelope) VALUES \
                (?, ?, ?, ?, ?, ?)",
    )
    .bind(to.contact)
    .bind(to.conversation)
    .bind(kind)
    .bind(item)
    .bind(body)
    .bind(envelope)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The newest row of a kind that was not sealed yet: it can still be changed.
pub async fn unsealed(
    tx: &mut Tx,
    to: Member,
    kind: OutboxKind,
) -> Result<Option<OutboxRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, conversation, kind, item, body, envelope FROM outbox \
         WHERE contact = ? AND conversation = ? AND kind = ? AND envelope IS NULL ORDER BY id \
         DESC LIMIT 1",
    )
    .bind(to.contact)
    .bind(to.conversation)
    .bind(kind)
    .fetch_optional(&mut **tx)
    .await?)
}

/// Changes what was not sealed yet.
pub async fn set_body(tx: &mut Tx, outbox: OutboxId, body: &[u8]) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET body = ? WHERE id = ?")
        .bind(body)
        .bind(outbox)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Drops what a newer thing of the same kind replaces.
pub async fn drop_kind(tx: &mut Tx, to: Member, kind: OutboxKind) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE contact = ? AND conversation = ? AND kind = ?")
        .bind(to.contact)
        .bind(to.conversation)
        .bind(kind)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether something of this kind waits for the contact.
pub async fn waits(tx: &mut Tx, contact: ContactId, kind: OutboxKind) -> Result<bool, StoreError> {
    let waits = "SELECT EXISTS (SELECT 1 FROM outbox WHERE contact = ? AND kind = ?)";
    Ok(sqlx::query_scalar(waits).bind(contact).bind(kind).fetch_one(&mut **tx).await?)
}

pub async fn set_envelope(
    tx: &mut Tx,
    outbox: OutboxId,
    envelope: &[u8],
) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET envelope = ? WHERE id = ?")
        .bind(envelope)
        .bind(outbox)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How many messages of ours in a conversation were not receipted by all.
pub async fn waiting(tx: &mut Tx, conversation: ConversationId) -> Result<u32, StoreError> {
    let waiting =
        "SELECT count(DISTINCT item) FROM outbox WHERE conversation = ? AND kind = 'message'";
    Ok(sqlx::query_scalar(waiting).bind(conversation).fetch_one(&mut **tx).await?)
}

/// The same, of all conversations in which any wait.
pub async fn waiting_of_all(tx: &mut Tx) -> Result<HashMap<ConversationId, u32>, StoreError> {
    let waiting = "SELECT conversation, count(DISTINCT item) FROM outbox WHERE kind = 'message' \
                   GROUP BY conversation";
    let rows: Vec<(ConversationId, u32)> = sqlx::query_as(waiting).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().collect())
}

/// Whether anything at all waits for a contact: a request of ours, too.
pub async fn anything_waits(tx: &mut Tx, contact: ContactId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE contact = ?1) OR EXISTS (SELECT 1 FROM request \
        WHERE contact = ?1)",
    )
    .bind(contact)
    .fetch_one(&mut **tx)
    .await?)
}
