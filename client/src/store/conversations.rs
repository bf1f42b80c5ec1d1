//! Stores conversations: their members, their drafts, and the ids by which front-ends know them.

use std::collections::{BTreeSet, HashMap};

use sqlx::AssertSqlSafe;
use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::identity::PeerId;
use crate::model::{ContactId, ConversationId, ConversationKind, Member, PublicId, UnixMillis};

#[derive(Clone, FromRow)]
pub struct ConversationRow {
    pub id: ConversationId,
    /// By what front-ends know it.
    pub public_id: PublicId,
    pub kind: ConversationKind,
    pub created_at: UnixMillis,
    pub clock: i64,
    /// The number of our next message.
    pub next_counter: i64,
    /// What was typed and not sent.
    pub draft: Option<String>,
}

/// Begins a conversation with nobody in it.
pub async fn create(
    tx: &mut Tx,
    kind: ConversationKind,
    now: UnixMillis,
) -> Result<ConversationId, StoreError> {
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

fn select(condition: &str) -> AssertSqlSafe<String> {
    let columns = "id, public_id, kind, created_at, clock, next_counter, draft";
    AssertSqlSafe(format!("SELECT {columns} FROM conversation {condition}"))
}

/// All of them, oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<ConversationRow>, StoreError> {
    Ok(sqlx::query_as(select("ORDER BY id")).fetch_all(&mut **tx).await?)
}

pub async fn by_id(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Option<ConversationRow>, StoreError> {
    Ok(sqlx::query_as(select("WHERE id = ?")).bind(conversation).fetch_optional(&mut **tx).await?)
}

/// One that must be there.
pub async fn load(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<ConversationRow, StoreError> {
    by_id(tx, conversation).await?.ok_or(StoreError::broken("a conversation is missing"))
}

/// What messages of a direct conversation are shown with.
#[derive(FromRow)]
pub struct Heading {
    pub conversation: ConversationId,
    /// By what front-ends know the conversation.
    pub public_id: PublicId,
    pub contact: ContactId,
    pub peer_id: PeerId,
    /// What they, and so the conversation, are called.
    pub name: String,
}

impl Heading {
    #[must_use]
    pub fn member(&self) -> Member {
        Member { conversation: self.conversation, contact: self.contact }
    }
}

/// The columns of a [`Heading`] but its conversation.
pub(super) const HEADING_COLUMNS: &str = "v.public_id, c.id AS contact, c.peer_id, c.name";

fn select_heading(from: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(format!("SELECT v.id AS conversation, {HEADING_COLUMNS} FROM {from}"))
}

/// What the messages of these conversations are shown with.
pub async fn headings(
    tx: &mut Tx,
    conversations: &BTreeSet<ConversationId>,
) -> Result<HashMap<ConversationId, Heading>, StoreError> {
    let ids: Vec<String> =
        conversations.iter().map(|conversation| conversation.0.to_string()).collect();
    let those = select_heading(
        "json_each(?) id CROSS JOIN conversation v ON v.id = id.value \
         JOIN contact c ON c.conversation = v.id",
    );
    let headings: Vec<Heading> =
        sqlx::query_as(those).bind(format!("[{}]", ids.join(","))).fetch_all(&mut **tx).await?;
    Ok(headings.into_iter().map(|heading| (heading.conversation, heading)).collect())
}

/// The direct conversation with the contact of this name.
pub async fn heading_by_name(tx: &mut Tx, name: &str) -> Result<Option<Heading>, StoreError> {
    let one =
        select_heading("contact c JOIN conversation v ON v.id = c.conversation WHERE c.name = ?");
    Ok(sqlx::query_as(one).bind(name).fetch_optional(&mut **tx).await?)
}

/// The direct conversation that front-ends know by this id.
pub async fn heading_by_public_id(
    tx: &mut Tx,
    id: PublicId,
) -> Result<Option<Heading>, StoreError> {
    let one = select_heading(
        "conversation v JOIN contact c ON c.conversation = v.id WHERE v.public_id = ?",
    );
    Ok(sqlx::query_as(one).bind(id).fetch_optional(&mut **tx).await?)
}

/// Keeps what was typed and not sent; nothing, if `None`.
pub async fn set_draft(
    tx: &mut Tx,
    conversation: ConversationId,
    text: Option<&str>,
) -> Result<(), StoreError> {
    let set = "UPDATE conversation SET draft = ? WHERE id = ?";
    sqlx::query(set).bind(text).bind(conversation).execute(&mut **tx).await?;
    Ok(())
}

/// Who is in a conversation with us.
pub async fn members(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Vec<ContactId>, StoreError> {
    let members = "SELECT contact FROM member WHERE conversation = ? ORDER BY contact";
    Ok(sqlx::query_scalar(members).bind(conversation).fetch_all(&mut **tx).await?)
}

/// Removes one, with everything that was said in it.
pub(super) async fn remove(tx: &mut Tx, conversation: ConversationId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM conversation WHERE id = ?")
        .bind(conversation)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::messages::tests::contact;
    use crate::store::scratch;

    #[tokio::test]
    async fn front_ends_know_a_conversation_by_an_id_of_its_own() {
        let (store, _directory) = scratch().await;
        let (bob, carol) = (contact(&store, "Bob").await, contact(&store, "Carol").await);
        let mut tx = store.begin().await.unwrap();
        set_draft(&mut tx, bob.conversation, Some("Dear Bob")).await.unwrap();
        let all = all(&mut tx).await.unwrap();
        assert_eq!(
            all.iter().map(|row| row.id).collect::<Vec<_>>(),
            [bob.conversation, carol.conversation]
        );
        assert_ne!(all[0].public_id, all[1].public_id);

        let hex = all[0].public_id.to_hex().to_uppercase();
        let found = heading_by_public_id(&mut tx, PublicId::from_hex(&hex).unwrap())
            .await
            .unwrap()
            .unwrap();
        assert_eq!((found.member(), found.name.as_str()), (bob, "Bob"));
        assert_eq!(
            load(&mut tx, found.conversation).await.unwrap().draft.as_deref(),
            Some("Dear Bob")
        );
        set_draft(&mut tx, bob.conversation, None).await.unwrap();
        assert_eq!(load(&mut tx, bob.conversation).await.unwrap().draft, None);
        assert!(heading_by_public_id(&mut tx, PublicId([0; 16])).await.unwrap().is_none());
    }
}
