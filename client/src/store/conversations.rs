//! Conversations: who is in them, and what belongs to a conversation as a whole.

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::model::{ContactId, ConversationId, ConversationKind, Member, UnixMillis};

/// One conversation.
#[derive(Clone, FromRow)]
pub struct ConversationRow {
    /// Its row.
    pub id: ConversationId,
    /// Who is in it.
    pub kind: ConversationKind,
    /// When it began.
    pub created_at: UnixMillis,
    /// Its logical clock.
    pub clock: i64,
    /// The number of our next message.
    pub next_counter: i64,
    /// What was typed and not sent.
    pub draft: Option<String>,
}

/// Begins a conversation with nobody in it.
pub async fn create(tx: &mut Tx, kind: ConversationKind, now: UnixMillis) -> Result<ConversationId, StoreError> {
    let done = sqlx::query("INSERT INTO conversation (kind, created_at) VALUES (?, ?)")
        .bind(kind)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(ConversationId(done.last_insert_rowid()))
}

/// Takes a contact into a conversation.
pub async fn add_member(tx: &mut Tx, member: Member) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO member (conversation, contact) VALUES (?, ?)")
        .bind(member.conversation)
        .bind(member.contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Reads one.
pub async fn load(tx: &mut Tx, conversation: ConversationId) -> Result<ConversationRow, StoreError> {
    let one = "SELECT id, kind, created_at, clock, next_counter, draft FROM conversation WHERE id = ?";
    let row = sqlx::query_as(one).bind(conversation).fetch_optional(&mut **tx).await?;
    row.ok_or(StoreError::broken("a conversation is missing"))
}

/// Who is in a conversation with us.
pub async fn members(tx: &mut Tx, conversation: ConversationId) -> Result<Vec<ContactId>, StoreError> {
    let members = "SELECT contact FROM member WHERE conversation = ? ORDER BY contact";
    Ok(sqlx::query_scalar(members).bind(conversation).fetch_all(&mut **tx).await?)
}

/// Removes one, with everything that was said in it.
pub(super) async fn remove(tx: &mut Tx, conversation: ConversationId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM conversation WHERE id = ?").bind(conversation).execute(&mut **tx).await?;
    Ok(())
}
