//! Stores messages: writes, numbers, finds and lists them.

use std::collections::HashMap;

use sqlx_macros::FromRow;

use super::conversations::{HEADING_COLUMNS, Heading};
use super::gaps::{self, MISSING_BEFORE};
use super::{StoreError, Tx};
use crate::limits::TIMES;
use crate::model::{ContactId, ConversationId, Member, MessageRowId, MessageStatus, UnixMillis};
use crate::text::{query, words};
use crate::wire::message::{MessageId, Text};

#[derive(Clone, FromRow)]
pub struct MessageRow {
    pub row: MessageRowId,
    pub conversation: ConversationId,
    /// Who wrote it; `None`: we.
    pub author: Option<ContactId>,
    pub id: MessageId,
    pub state: MessageStatus,
    pub text: String,
    /// The number among its writer's messages.
    pub counter: Option<i64>,
    /// Its place in the order.
    pub clock: i64,
    /// When it was written, by its writer's clock.
    pub created_at: UnixMillis,
    /// Ours: when a link first took it.
    pub sent_at: Option<UnixMillis>,
    /// Ours: when its receipt came. Theirs: when it came.
    pub delivered_at: Option<UnixMillis>,
    /// When it is given up.
    pub expires_at: Option<UnixMillis>,
    /// How many numbers are missing just before its own.
    pub missing_before: i64,
    /// Whether messages of ours stood behind it in the order when it came.
    pub late: bool,
    /// The timer that it is under, in seconds.
    pub disappear_after: Option<i64>,
    /// When it is deleted by that, once this is known.
    pub disappears_at: Option<UnixMillis>,
    /// Theirs: when it was read here. Ours: when the contact said so.
    pub read_at: Option<UnixMillis>,
}

impl MessageRow {
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.author.is_none()
    }
}

/// The columns of a [`MessageRow`]. How far one of ours is, its delivery says: in a direct
/// conversation there is one.
fn columns() -> String {
    format!(
        "m.row, m.conversation, m.author, m.id, ifnull(d.state, 'received') AS state, m.text, \
        m.counter, m.clock, \
         m.created_at, d.sent_at, ifnull(d.delivered_at, m.received_at) AS delivered_at, \
         d.expires_at, m.late, \
         m.disappear_after, m.disappears_at, ifnull(d.read_at, m.read_at) AS read_at, \
         {MISSING_BEFORE} AS missing_before"
    )
}

const MESSAGES: &str = "message m LEFT JOIN delivery d ON d.message = m.row";

/// Messages as [`MessageRow`], with a condition on `m`.
fn select(condition: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("SELECT {} FROM {MESSAGES} {condition}", columns()))
}

/// A message, and what it is shown with.
#[derive(FromRow)]
pub struct SearchHit {
    #[sqlx(flatten)]
    pub message: MessageRow,
    #[sqlx(flatten)]
    pub heading: Heading,
}

/// A message to be written down for the first time.
pub struct NewRow<'a> {
    pub conversation: ConversationId,
    pub id: MessageId,
    pub text: &'a str,
    /// Its place in the order.
    pub clock: i64,
    pub created_at: UnixMillis,
    pub expires_at: Option<UnixMillis>,
    /// The timer that it is sent under, in seconds.
    pub disappear_after: Option<u64>,
}

/// Accepts a message of ours: it is in the store and in the outbox for every member, or nowhere.
pub async fn add_ours(tx: &mut Tx, new: &NewRow<'_>) -> Result<MessageRowId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO message (conversation, id, text, words, clock, created_at, disappear_after) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.conversation)
    .bind(new.id)
    .bind(new.text)
    .bind(words(new.text))
    .bind(new.clock)
    .bind(new.created_at)
    .bind(new.disappear_after.map(u64::cast_signed))
    .execute(&mut **tx)
    .await?;
    let message = MessageRowId(done.last_insert_rowid());

    sqlx::query(
        "INSERT INTO delivery (message, recipient, state, expires_at) \
         SELECT ?, contact, 'queued', ? FROM member WHERE conversation = ?",
    )
    .bind(message)
    .bind(new.expires_at)
    .bind(new.conversation)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT INTO outbox (contact, conversation, kind, item) \
         SELECT contact, conversation, 'message', ? FROM member WHERE conversation = ? ORDER BY \
         contact",
    )
    .bind(new.id)
    .bind(new.conversation)
    .execute(&mut **tx)
    .await?;

    sqlx::query("UPDATE conversation SET clock = ? WHERE id = ?")
        .bind(new.clock)
        .bind(new.conversation)
        .execute(&mut **tx)
        .await?;
    Ok(message)
}

/// Stores a message of a member; `None` if its id was stored before, even if it was deleted since.
pub async fn add_theirs(
    tx: &mut Tx,
    author: Member,
    text: &Text,
    disappear_after: Option<u64>,
    now: UnixMillis,
) -> Result<Option<MessageRowId>, StoreError> {
    gaps::record(tx, author, text.counter.cast_signed()).await?;

    let is_plausible = TIMES.contains(&text.created_at);
    let done = sqlx::query(
        "INSERT OR IGNORE INTO message (conversation, author, id, text, counter, clock, \
        created_at, \
         received_at, late, words, disappear_after, disappears_at) \
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, \
         EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND author IS NULL AND clock > ?6), \
         ?9, ?10, ?8 + ?10 * 1000 \
         WHERE NOT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND id = ?3) \
         AND NOT EXISTS (SELECT 1 FROM forgotten WHERE conversation = ?1 AND id = ?3)",
    )
    .bind(author.conversation)
    .bind(author.contact)
    .bind(text.id)
    .bind(&text.text)
    .bind(text.counter.cast_signed())
    .bind(text.clock.cast_signed())
    .bind(if is_plausible { UnixMillis(text.created_at) } else { now })
    .bind(now)
    .bind(words(&text.text))
    .bind(disappear_after.map(u64::cast_signed))
    .execute(&mut **tx)
    .await?;

    sqlx::query("UPDATE conversation SET clock = max(clock, ?) WHERE id = ?")
        .bind(text.clock.cast_signed())
        .bind(author.conversation)
        .execute(&mut **tx)
        .await?;
    Ok((done.rows_affected() > 0).then(|| MessageRowId(done.last_insert_rowid())))
}

/// Gives a message of ours the next counter of its conversation.
pub async fn number(
    tx: &mut Tx,
    row: MessageRowId,
    conversation: ConversationId,
    counter: i64,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE message SET counter = ? WHERE row = ?")
        .bind(counter)
        .bind(row)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE conversation SET next_counter = ? WHERE id = ?")
        .bind(counter + 1)
        .bind(conversation)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// One message by its row.
pub async fn by_row(tx: &mut Tx, row: MessageRowId) -> Result<Option<MessageRow>, StoreError> {
    Ok(sqlx::query_as(select("WHERE m.row = ?")).bind(row).fetch_optional(&mut **tx).await?)
}

/// Messages with this id: ours first.
pub async fn by_id(tx: &mut Tx, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
    let first = select("WHERE m.id = ? ORDER BY m.author IS NULL DESC LIMIT 1");
    Ok(sqlx::query_as(first).bind(id).fetch_optional(&mut **tx).await?)
}

/// One message of a conversation.
pub async fn in_conversation(
    tx: &mut Tx,
    conversation: ConversationId,
    id: MessageId,
) -> Result<Option<MessageRow>, StoreError> {
    let first = "WHERE m.conversation = ? AND m.id = ? ORDER BY m.author IS NULL DESC LIMIT 1";
    let first = sqlx::query_as(select(first)).bind(conversation).bind(id);
    Ok(first.fetch_optional(&mut **tx).await?)
}

/// One message of ours in a conversation.
pub async fn ours(
    tx: &mut Tx,
    conversation: ConversationId,
    id: MessageId,
) -> Result<Option<MessageRow>, StoreError> {
    let ours = select("WHERE m.conversation = ? AND m.id = ? AND m.author IS NULL");
    Ok(sqlx::query_as(ours).bind(conversation).bind(id).fetch_optional(&mut **tx).await?)
}

/// A place in the order of a conversation.
#[derive(Clone, Copy)]
pub struct Position {
    pub clock: i64,
    /// The id decides between messages of one clock.
    pub id: MessageId,
}

impl Position {
    const END: Self = Self { clock: i64::MAX, id: MessageId([0xff; 16]) };
}

/// The last `limit` messages before a position, oldest first.
pub async fn history(
    tx: &mut Tx,
    conversation: ConversationId,
    limit: u32,
    before: Option<Position>,
) -> Result<Vec<MessageRow>, StoreError> {
    let Position { clock, id } = before.unwrap_or(Position::END);
    let page = "WHERE m.conversation = ?1 AND (m.clock, m.id) < (?2, ?3) \
                ORDER BY m.clock DESC, m.id DESC LIMIT ?4 + 0";
    let page = sqlx::query_as(select(page)).bind(conversation).bind(clock).bind(id).bind(limit);
    let mut rows: Vec<MessageRow> = page.fetch_all(&mut **tx).await?;
    rows.reverse();
    Ok(rows)
}

const NEWEST: &str = "WHERE m.row IN (SELECT (SELECT row FROM message WHERE conversation = \
                     all_of_them.id \
     ORDER BY clock DESC, id DESC LIMIT 1) FROM conversation all_of_them)";

/// The newest message of every conversation that has one.
pub async fn newest_of_all(tx: &mut Tx) -> Result<Vec<MessageRow>, StoreError> {
    Ok(sqlx::query_as(select(NEWEST)).fetch_all(&mut **tx).await?)
}

/// The newest message of a conversation, if it has any.
pub async fn newest(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Option<MessageRow>, StoreError> {
    Ok(history(tx, conversation, 1, None).await?.pop())
}

/// At most `limit` messages that have every word of `text`, newest first by when they came to this
/// store: of one conversation or of all, those that came before a row.
pub async fn search(
    tx: &mut Tx,
    text: &str,
    conversation: Option<ConversationId>,
    limit: u32,
    before: Option<MessageRowId>,
) -> Result<Vec<SearchHit>, StoreError> {
    let words = query(text);
    if words.is_empty() {
        return Ok(vec![]);
    }

    let within =
        conversation.map(|one| format!("conversation : c{} AND ", one.0)).unwrap_or_default();
    let hits = sqlx::AssertSqlSafe(format!(
        "SELECT {}, {HEADING_COLUMNS} FROM {MESSAGES} JOIN conversation v ON v.id = m.conversation \
         JOIN contact c ON c.conversation = v.id \
         WHERE m.row IN (SELECT rowid FROM message_index WHERE message_index MATCH ?1 AND rowid < \
         ?2 \
         ORDER BY rowid DESC LIMIT ?3 + 0) ORDER BY m.row DESC",
        columns()
    ));

    Ok(sqlx::query_as(hits)
        .bind(format!("{within}words : ({words})"))
        .bind(before.unwrap_or(MessageRowId(i64::MAX)))
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?)
}

/// The newest messages of a member, for the `seen` of our next one.
pub async fn newest_of(
    tx: &mut Tx,
    author: Member,
    limit: u32,
) -> Result<Vec<MessageId>, StoreError> {
    let newest = "SELECT id FROM message WHERE author = ? AND conversation = ? ORDER BY row DESC \
                 LIMIT ? + 0";
    let newest =
        sqlx::query_scalar(newest).bind(author.contact).bind(author.conversation).bind(limit);
    Ok(newest.fetch_all(&mut **tx).await?)
}

/// A message of somebody else that was read.
#[derive(FromRow)]
pub struct Read {
    pub author: ContactId,
    pub id: MessageId,
}

/// Marks what came in a conversation as read, up to a row; gives what was not read before.
pub async fn mark_read(
    tx: &mut Tx,
    conversation: ConversationId,
    up_to: Option<MessageRowId>,
    now: UnixMillis,
) -> Result<Vec<Read>, StoreError> {
    Ok(sqlx::query_as(
        "UPDATE message SET read_at = ? WHERE conversation = ? AND author IS NOT NULL AND read_at \
        IS NULL \
         AND row <= ? RETURNING author, id",
    )
    .bind(now)
    .bind(conversation)
    .bind(up_to.unwrap_or(MessageRowId(i64::MAX)))
    .fetch_all(&mut **tx)
    .await?)
}

/// How many messages of a conversation are not read.
pub async fn unread(tx: &mut Tx, conversation: ConversationId) -> Result<u32, StoreError> {
    // Left to itself, it reads all that ever came.
    let unread = "SELECT count(*) FROM message INDEXED BY message_unread \
                  WHERE conversation = ? AND author IS NOT NULL AND read_at IS NULL";
    Ok(sqlx::query_scalar(unread).bind(conversation).fetch_one(&mut **tx).await?)
}

/// The same, of all conversations that have any.
pub async fn unread_of_all(tx: &mut Tx) -> Result<HashMap<ConversationId, u32>, StoreError> {
    let unread = "SELECT conversation, count(*) FROM message INDEXED BY message_unread \
                  WHERE author IS NOT NULL AND read_at IS NULL GROUP BY conversation";
    let rows: Vec<(ConversationId, u32)> = sqlx::query_as(unread).fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().collect())
}

#[cfg(test)]
pub(super) mod tests;
