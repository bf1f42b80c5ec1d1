//! Messages, and the outbox of what has not been receipted yet.

use std::collections::HashMap;

use sqlx_macros::FromRow;

use super::heard::{self, MISSING_BEFORE};
use super::{StoreError, Tx};
use crate::identity::PeerId;
use crate::limits::TIMES;
use crate::model::{ContactId, MessageRowId, MessageStatus, OutboxId, OutboxKind, UnixMillis};
use crate::text::{query, words};
use crate::wire::message::{MessageId, Text};

/// One message.
#[derive(Clone, FromRow)]
pub struct MessageRow {
    /// Its row.
    pub row: MessageRowId,
    /// Whose conversation.
    pub contact: ContactId,
    /// Its id.
    pub id: MessageId,
    /// Whether we wrote it.
    pub mine: bool,
    /// How far it is.
    pub state: MessageStatus,
    /// What was written.
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
    /// What the contact is called here.
    pub contact_name: String,
    /// Who that is.
    pub contact_peer: PeerId,
}

/// Messages as [`MessageRow`], with a condition on `m`.
fn select(condition: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!(
        "SELECT m.row, m.contact, m.id, m.mine, m.state, m.text, m.counter, m.clock, m.created_at, m.sent_at, \
         m.delivered_at, m.expires_at, m.late, m.disappear_after, m.disappears_at, m.read_at, c.name AS contact_name, c.peer_id AS contact_peer, \
         {MISSING_BEFORE} AS missing_before FROM message m JOIN contact c ON c.id = m.contact {condition}"
    ))
}

/// A message to be written down for the first time.
pub struct NewRow<'a> {
    /// Whose conversation.
    pub contact: ContactId,
    /// Its id.
    pub id: MessageId,
    /// What was written.
    pub text: &'a str,
    /// Its place in the order.
    pub clock: i64,
    /// When it was written.
    pub created_at: UnixMillis,
    /// When to give up.
    pub expires_at: Option<UnixMillis>,
    /// The timer that it is sent under, in seconds.
    pub disappear_after: Option<u64>,
}

/// Accepts a message of ours: it is in the store and in the outbox, or nowhere.
pub async fn add_ours(tx: &mut Tx, new: &NewRow<'_>) -> Result<MessageRowId, StoreError> {
    let done = sqlx::query(
        "INSERT INTO message (contact, id, mine, state, text, words, clock, created_at, expires_at, disappear_after) \
         VALUES (?, ?, 1, 'queued', ?, ?, ?, ?, ?, ?)",
    )
    .bind(new.contact)
    .bind(new.id)
    .bind(new.text)
    .bind(words(new.text))
    .bind(new.clock)
    .bind(new.created_at)
    .bind(new.expires_at)
    .bind(new.disappear_after.map(u64::cast_signed))
    .execute(&mut **tx)
    .await?;
    sqlx::query("INSERT INTO outbox (contact, kind, item) VALUES (?, 'message', ?)")
        .bind(new.contact)
        .bind(new.id)
        .execute(&mut **tx)
        .await?;
    sqlx::query("UPDATE contact SET clock = ? WHERE id = ?")
        .bind(new.clock)
        .bind(new.contact)
        .execute(&mut **tx)
        .await?;
    Ok(MessageRowId(done.last_insert_rowid()))
}

/// Stores a message of a contact; `None` if its id was stored before, also if it was deleted since.
pub async fn add_theirs(
    tx: &mut Tx,
    contact: ContactId,
    text: &Text,
    disappear_after: Option<u64>,
    now: UnixMillis,
) -> Result<Option<MessageRowId>, StoreError> {
    heard::note(tx, contact, text.counter.cast_signed()).await?;
    let done = sqlx::query(
        "INSERT OR IGNORE INTO message (contact, id, mine, state, text, counter, clock, created_at, delivered_at, late, words, disappear_after, disappears_at) \
         SELECT ?1, ?2, 0, 'received', ?3, ?4, ?5, ?6, ?7, \
         EXISTS (SELECT 1 FROM message WHERE contact = ?1 AND mine = 1 AND clock > ?5), ?8, ?9, ?7 + ?9 * 1000 \
         WHERE NOT EXISTS (SELECT 1 FROM message WHERE contact = ?1 AND id = ?2) \
         AND NOT EXISTS (SELECT 1 FROM forgotten WHERE contact = ?1 AND id = ?2)",
    )
    .bind(contact)
    .bind(text.id)
    .bind(&text.text)
    .bind(text.counter.cast_signed())
    .bind(text.clock.cast_signed())
    .bind(if TIMES.contains(&text.created_at) { UnixMillis(text.created_at) } else { now })
    .bind(now)
    .bind(words(&text.text))
    .bind(disappear_after.map(u64::cast_signed))
    .execute(&mut **tx)
    .await?;
    sqlx::query("UPDATE contact SET clock = max(clock, ?) WHERE id = ?")
        .bind(text.clock.cast_signed())
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok((done.rows_affected() > 0).then(|| MessageRowId(done.last_insert_rowid())))
}

/// One message by its row.
pub async fn by_row(tx: &mut Tx, row: MessageRowId) -> Result<Option<MessageRow>, StoreError> {
    Ok(sqlx::query_as(select("WHERE m.row = ?")).bind(row).fetch_optional(&mut **tx).await?)
}

/// Messages with this id: ours first.
pub async fn by_id(tx: &mut Tx, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
    Ok(sqlx::query_as(select("WHERE m.id = ? ORDER BY m.mine DESC LIMIT 1")).bind(id).fetch_optional(&mut **tx).await?)
}

/// One message of a conversation.
pub async fn in_conversation(tx: &mut Tx, contact: ContactId, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
    Ok(sqlx::query_as(select("WHERE m.contact = ? AND m.id = ? ORDER BY m.mine DESC LIMIT 1"))
        .bind(contact)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// One message of ours to a contact.
pub async fn ours(tx: &mut Tx, contact: ContactId, id: MessageId) -> Result<Option<MessageRow>, StoreError> {
    Ok(sqlx::query_as(select("WHERE m.contact = ? AND m.id = ? AND m.mine = 1"))
        .bind(contact)
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// A place in the order of a conversation.
#[derive(Clone, Copy)]
pub struct Position {
    /// The logical clock.
    pub clock: i64,
    /// The id decides between messages of one clock.
    pub id: MessageId,
}

impl Position {
    /// Behind every message.
    const END: Self = Self { clock: i64::MAX, id: MessageId([0xff; 16]) };
}

/// The last `limit` messages before a position, oldest first.
pub async fn history(
    tx: &mut Tx,
    contact: ContactId,
    limit: u32,
    before: Option<Position>,
) -> Result<Vec<MessageRow>, StoreError> {
    let Position { clock, id } = before.unwrap_or(Position::END);
    let page = "WHERE m.contact = ?1 AND (m.clock, m.id) < (?2, ?3) ORDER BY m.clock DESC, m.id DESC LIMIT ?4 + 0";
    let mut rows: Vec<MessageRow> =
        sqlx::query_as(select(page)).bind(contact).bind(clock).bind(id).bind(limit).fetch_all(&mut **tx).await?;
    rows.reverse();
    Ok(rows)
}

/// The newest message of every conversation that has one.
pub async fn newest_of_all(tx: &mut Tx) -> Result<Vec<MessageRow>, StoreError> {
    let newest = "WHERE m.row IN (SELECT (SELECT row FROM message WHERE contact = contact.id \
                  ORDER BY clock DESC, id DESC LIMIT 1) FROM contact)";
    Ok(sqlx::query_as(select(newest)).fetch_all(&mut **tx).await?)
}

/// At most `limit` messages that have every word of `text`, newest first by when they came to this
/// store: of one conversation or of all, those that came before a row.
pub async fn search(
    tx: &mut Tx,
    text: &str,
    contact: Option<ContactId>,
    limit: u32,
    before: Option<MessageRowId>,
) -> Result<Vec<MessageRow>, StoreError> {
    let words = query(text);
    if words.is_empty() {
        return Ok(vec![]);
    }
    let whose = contact.map(|contact| format!("contact : c{} AND ", contact.0)).unwrap_or_default();
    let hits = "WHERE m.row IN (SELECT rowid FROM message_index WHERE message_index MATCH ?1 AND rowid < ?2 \
                ORDER BY rowid DESC LIMIT ?3 + 0) ORDER BY m.row DESC";
    Ok(sqlx::query_as(select(hits))
        .bind(format!("{whose}words : ({words})"))
        .bind(before.unwrap_or(MessageRowId(i64::MAX)))
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?)
}

/// The newest messages of a contact, for the `seen` of our next one.
pub async fn newest_of(tx: &mut Tx, contact: ContactId, limit: u32) -> Result<Vec<MessageId>, StoreError> {
    let newest = "SELECT id FROM message WHERE contact = ? AND mine = 0 ORDER BY row DESC LIMIT ? + 0";
    Ok(sqlx::query_scalar(newest).bind(contact).bind(limit).fetch_all(&mut **tx).await?)
}

/// Marks what came from a contact as read, up to a row; gives what was not read before.
pub async fn mark_read(
    tx: &mut Tx,
    contact: ContactId,
    up_to: Option<MessageRowId>,
    now: UnixMillis,
) -> Result<Vec<MessageId>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE message SET read_at = ? WHERE contact = ? AND mine = 0 AND read_at IS NULL AND row <= ? RETURNING id",
    )
    .bind(now)
    .bind(contact)
    .bind(up_to.unwrap_or(MessageRowId(i64::MAX)))
    .fetch_all(&mut **tx)
    .await?)
}

/// How many of a contact's messages are not read.
pub async fn unread(tx: &mut Tx, contact: ContactId) -> Result<u32, StoreError> {
    // Left to itself, it reads all that the contact ever wrote.
    let (count,): (u32,) = sqlx::query_as(
        "SELECT count(*) FROM message INDEXED BY message_unread WHERE contact = ? AND mine = 0 AND read_at IS NULL",
    )
    .bind(contact)
    .fetch_one(&mut **tx)
    .await?;
    Ok(count)
}

/// The same, of all contacts who have any.
pub async fn unread_of_all(tx: &mut Tx) -> Result<HashMap<ContactId, u32>, StoreError> {
    let rows: Vec<(ContactId, u32)> = sqlx::query_as(
        "SELECT contact, count(*) FROM message INDEXED BY message_unread WHERE mine = 0 AND read_at IS NULL \
         GROUP BY contact",
    )
    .fetch_all(&mut **tx)
    .await?;
    Ok(rows.into_iter().collect())
}

/// The contact has read a message of ours, which it has stored. Gives it if that is news.
pub async fn was_read(
    tx: &mut Tx,
    contact: ContactId,
    id: MessageId,
    now: UnixMillis,
) -> Result<Option<MessageRowId>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE message SET read_at = ? WHERE contact = ? AND id = ? AND mine = 1 AND state = 'delivered' \
         AND read_at IS NULL RETURNING row",
    )
    .bind(now)
    .bind(contact)
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?)
}

/// How many of ours a contact has not receipted.
pub async fn waiting(tx: &mut Tx, contact: ContactId) -> Result<u32, StoreError> {
    let (count,): (u32,) = sqlx::query_as("SELECT count(*) FROM outbox WHERE contact = ? AND kind = 'message'")
        .bind(contact)
        .fetch_one(&mut **tx)
        .await?;
    Ok(count)
}

/// The same, of all contacts for whom any wait.
pub async fn waiting_of_all(tx: &mut Tx) -> Result<HashMap<ContactId, u32>, StoreError> {
    let rows: Vec<(ContactId, u32)> =
        sqlx::query_as("SELECT contact, count(*) FROM outbox WHERE kind = 'message' GROUP BY contact")
            .fetch_all(&mut **tx)
            .await?;
    Ok(rows.into_iter().collect())
}

/// Whether anything at all waits for a contact: a request of ours, too.
pub async fn anything_waits(tx: &mut Tx, contact: ContactId) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE contact = ?1) OR EXISTS (SELECT 1 FROM request WHERE contact = ?1)",
    )
    .bind(contact)
    .fetch_one(&mut **tx)
    .await?)
}

/// Something in the outbox.
#[derive(FromRow)]
pub struct OutboxRow {
    /// Its row, in the order of acceptance.
    pub id: OutboxId,
    /// What it holds.
    pub kind: OutboxKind,
    /// What its receipt names. For a commit: the epoch, in the last eight bytes.
    pub item: MessageId,
    /// What to seal, where it is not a message.
    pub body: Option<Vec<u8>>,
    /// The sealed bytes: always the same once made.
    pub envelope: Option<Vec<u8>>,
}

/// What waits for a contact after a row, in order.
pub async fn outbox(
    tx: &mut Tx,
    contact: ContactId,
    after: OutboxId,
    limit: u32,
) -> Result<Vec<OutboxRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, kind, item, body, envelope FROM outbox WHERE contact = ? AND id > ? ORDER BY id LIMIT ? + 0",
    )
    .bind(contact)
    .bind(after)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?)
}

/// Puts something other than a message into the outbox.
pub async fn put(
    tx: &mut Tx,
    contact: ContactId,
    kind: OutboxKind,
    item: MessageId,
    body: Option<&[u8]>,
    envelope: Option<&[u8]>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO outbox (contact, kind, item, body, envelope) VALUES (?, ?, ?, ?, ?)")
        .bind(contact)
        .bind(kind)
        .bind(item)
        .bind(body)
        .bind(envelope)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The newest row of a kind that was not sealed yet: it can still be changed.
pub async fn unsealed(tx: &mut Tx, contact: ContactId, kind: OutboxKind) -> Result<Option<OutboxRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, kind, item, body, envelope FROM outbox WHERE contact = ? AND kind = ? AND envelope IS NULL \
         ORDER BY id DESC LIMIT 1",
    )
    .bind(contact)
    .bind(kind)
    .fetch_optional(&mut **tx)
    .await?)
}

/// Changes what was not sealed yet.
pub async fn set_body(tx: &mut Tx, outbox: OutboxId, body: &[u8]) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET body = ? WHERE id = ?").bind(body).bind(outbox).execute(&mut **tx).await?;
    Ok(())
}

/// Drops what a newer thing of the same kind replaces.
pub async fn drop_kind(tx: &mut Tx, contact: ContactId, kind: OutboxKind) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM outbox WHERE contact = ? AND kind = ?")
        .bind(contact)
        .bind(kind)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Whether something of this kind waits for the contact.
pub async fn waits(tx: &mut Tx, contact: ContactId, kind: OutboxKind) -> Result<bool, StoreError> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM outbox WHERE contact = ? AND kind = ?)")
        .bind(contact)
        .bind(kind)
        .fetch_one(&mut **tx)
        .await?)
}

/// Keeps the sealed bytes.
pub async fn set_envelope(tx: &mut Tx, outbox: OutboxId, envelope: &[u8]) -> Result<(), StoreError> {
    sqlx::query("UPDATE outbox SET envelope = ? WHERE id = ?").bind(envelope).bind(outbox).execute(&mut **tx).await?;
    Ok(())
}

/// Gives a message of ours the next counter.
pub async fn number(tx: &mut Tx, row: MessageRowId, contact: ContactId, counter: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE message SET counter = ? WHERE row = ?").bind(counter).bind(row).execute(&mut **tx).await?;
    sqlx::query("UPDATE contact SET next_counter = ? WHERE id = ?")
        .bind(counter + 1)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A link has taken what is in this outbox row. Gives the message whose state changed, if one did.
pub async fn mark_sent(tx: &mut Tx, outbox: OutboxId, now: UnixMillis) -> Result<Option<MessageRowId>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE message SET state = 'sent', sent_at = ifnull(sent_at, ?1) WHERE state = 'queued' AND mine = 1 AND (contact, id) = \
         (SELECT contact, item FROM outbox WHERE id = ?2 AND kind = 'message') RETURNING row",
    )
    .bind(now)
    .bind(outbox)
    .fetch_optional(&mut **tx)
    .await?)
}

/// What left the outbox because it was receipted.
#[derive(FromRow)]
pub struct Finished {
    /// Its row.
    pub id: OutboxId,
    /// What it held.
    pub kind: OutboxKind,
    /// What was sealed, where it was not a message.
    pub body: Option<Vec<u8>>,
}

/// What a receipt finished.
pub struct Receipted {
    /// What it was for, if that still waited.
    pub outbox: Option<Finished>,
    /// The message that is delivered now and was not before.
    pub message: Option<MessageRowId>,
}

/// The contact has stored this item.
pub async fn receipt(
    tx: &mut Tx,
    contact: ContactId,
    item: MessageId,
    now: UnixMillis,
) -> Result<Receipted, StoreError> {
    // Only what was sealed can have been received: a receipt for anything else is a guess. A message has its number since.
    let outbox = sqlx::query_as(
        "DELETE FROM outbox WHERE contact = ?1 AND item = ?2 AND kind != 'commit' AND (envelope IS NOT NULL OR EXISTS \
         (SELECT 1 FROM message WHERE contact = ?1 AND id = ?2 AND mine = 1 AND counter IS NOT NULL)) \
         RETURNING id, kind, body",
    )
    .bind(contact)
    .bind(item)
    .fetch_optional(&mut **tx)
    .await?;
    let message = sqlx::query_scalar(
        "UPDATE message SET state = 'delivered', delivered_at = ?1, sent_at = ifnull(sent_at, ?1), \
         disappears_at = ifnull(disappears_at, ?1 + disappear_after * 1000) \
         WHERE contact = ?2 AND id = ?3 AND mine = 1 AND counter IS NOT NULL AND state IN ('queued', 'sent', 'expired') RETURNING row",
    )
    .bind(now)
    .bind(contact)
    .bind(item)
    .fetch_optional(&mut **tx)
    .await?;
    Ok(Receipted { outbox, message })
}

/// The contact has merged our commit.
pub async fn finish_commit(tx: &mut Tx, contact: ContactId) -> Result<Option<OutboxId>, StoreError> {
    let gone = "DELETE FROM outbox WHERE contact = ? AND kind = 'commit' RETURNING id";
    Ok(sqlx::query_scalar(gone).bind(contact).fetch_optional(&mut **tx).await?)
}

/// Takes a message of ours back, if it was never sealed: nobody can have it.
pub async fn cancel(tx: &mut Tx, message: &MessageRow, now: UnixMillis) -> Result<bool, StoreError> {
    if message.counter.is_some() {
        return Ok(false);
    }
    let gone =
        sqlx::query("DELETE FROM outbox WHERE contact = ? AND item = ? AND kind = 'message' AND envelope IS NULL")
            .bind(message.contact)
            .bind(message.id)
            .execute(&mut **tx)
            .await?;
    if gone.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("UPDATE message SET state = 'cancelled', disappears_at = ?1 + disappear_after * 1000 WHERE row = ?2")
        .bind(now)
        .bind(message.row)
        .execute(&mut **tx)
        .await?;
    Ok(true)
}

/// Ours that were not receipted in their time.
pub(super) const EXPIRED: &str = "state IN ('queued', 'sent') AND expires_at <= ?1";

/// A message that was given up.
pub struct Expired {
    /// To whom it was.
    pub contact: ContactId,
    /// Which one.
    pub message: MessageRowId,
    /// Where it waited.
    pub outbox: Option<OutboxId>,
}

/// Gives up what was not receipted in its time.
pub async fn expire(tx: &mut Tx, now: UnixMillis) -> Result<Vec<Expired>, StoreError> {
    let expire = format!(
        "UPDATE message SET state = 'expired', disappears_at = ?1 + disappear_after * 1000 \
         WHERE {EXPIRED} RETURNING contact, row, id"
    );
    let rows: Vec<(ContactId, MessageRowId, MessageId)> =
        sqlx::query_as(sqlx::AssertSqlSafe(expire)).bind(now).fetch_all(&mut **tx).await?;
    let mut expired = Vec::with_capacity(rows.len());
    for (contact, message, id) in rows {
        let gone = "DELETE FROM outbox WHERE contact = ? AND item = ? AND kind = 'message' RETURNING id";
        let outbox = sqlx::query_scalar(gone).bind(contact).bind(id).fetch_optional(&mut **tx).await?;
        expired.push(Expired { contact, message, outbox });
    }
    Ok(expired)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::identity::PeerId;
    use crate::store::{Store, contacts, scratch};

    /// A contact of this name.
    pub(crate) async fn contact(store: &Store, name: &str) -> ContactId {
        let mut tx = store.begin().await.unwrap();
        let naming = contacts::Naming { name, skeleton: name, named: true };
        let mut peer = [0; 32];
        peer[..name.len()].copy_from_slice(name.as_bytes());
        let contact = contacts::add(&mut tx, PeerId(peer), &naming, UnixMillis(0)).await.unwrap();
        tx.commit().await.unwrap();
        contact
    }

    pub(crate) async fn comes(store: &Store, contact: ContactId, counter: u64, text: &str) -> MessageRowId {
        let mut id = [u8::try_from(contact.0).unwrap(); 16];
        id[8..].copy_from_slice(&counter.to_be_bytes());
        let text = Text {
            id: MessageId(id),
            counter,
            clock: counter,
            created_at: 0,
            seen: vec![],
            text: text.to_owned(),
            disappear_after: None,
        };
        let mut tx = store.begin().await.unwrap();
        let row = add_theirs(&mut tx, contact, &text, None, UnixMillis(0)).await.unwrap().unwrap();
        tx.commit().await.unwrap();
        row
    }

    pub(crate) async fn found(store: &Store, text: &str, contact: Option<ContactId>) -> Vec<String> {
        let mut tx = store.begin().await.unwrap();
        let rows = search(&mut tx, text, contact, 100, None).await.unwrap();
        rows.into_iter().map(|row| row.text).collect()
    }

    pub(crate) async fn index_is_in_line(store: &Store) {
        let mut tx = store.begin().await.unwrap();
        let check = "INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)";
        sqlx::query(check).execute(&mut *tx).await.unwrap();
    }

    #[tokio::test]
    async fn a_word_is_found_in_any_script_whatever_its_case_and_marks() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        let cases = [
            ("Crème BRÛLÉE, please", "creme brulee"),
            ("cafe\u{301} at nine", "CAFÉ"),
            ("Привет, Мир", "ПРИВЕТ мир"),
            ("ΚΑΛΗΜΕΡΑ", "καλημερα"),
            ("नमस्ते दुनिया", "दुनिया"),
            ("我们明天去北京吧", "北京"),
            ("明日は東京に行きます", "東京に"),
            ("พรุ่งนี้ไปกรุงเทพ", "กรุงเทพ"),
            ("내일 서울에서 만나", "서울"),
            ("שלום עולם", "שלום"),
            ("see you 👍🏽🎉", "🎉"),
            ("behind\0a zero", "zero"),
            ("meet at the harbour", "harb"),
        ];
        for (counter, (text, _)) in (1..).zip(cases) {
            comes(&store, bob, counter, text).await;
        }
        for (text, searched) in cases {
            assert_eq!(found(&store, searched, None).await, [text], "{searched}");
        }
        for nothing in ["京北", "北海", "arbour", "harbour mir", "दनय", "+++", "", "contact", "c1"] {
            assert!(found(&store, nothing, None).await.is_empty(), "{nothing}");
        }
        index_is_in_line(&store).await;
    }

    /// As after a conversation that began afresh: what waits has a number of before, and is not sealed again yet.
    #[tokio::test]
    async fn a_receipt_for_what_is_numbered_leaves_nothing_in_the_outbox() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        let mut tx = store.begin().await.unwrap();
        for (n, numbered) in [(1, true), (2, false)] {
            let id = MessageId([n; 16]);
            let new = NewRow {
                contact: bob,
                id,
                text: "x",
                clock: 1,
                created_at: UnixMillis(0),
                expires_at: None,
                disappear_after: None,
            };
            let row = add_ours(&mut tx, &new).await.unwrap();
            if numbered {
                sqlx::query("UPDATE message SET counter = 1 WHERE row = ?").bind(row).execute(&mut *tx).await.unwrap();
            }
            let receipted = receipt(&mut tx, bob, id, UnixMillis(5)).await.unwrap();
            assert_eq!((receipted.outbox.is_some(), receipted.message.is_some()), (numbered, numbered), "{n}");
        }
    }

    #[tokio::test]
    async fn gaps_are_told_from_what_came_not_from_what_is_kept() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        for counter in [1, 2, 5, 6] {
            comes(&store, bob, counter, "text").await;
        }
        let missing = async || {
            let mut tx = store.begin().await.unwrap();
            let rows = history(&mut tx, bob, 10, None).await.unwrap();
            rows.iter().map(|row| (row.counter.unwrap(), row.missing_before)).collect::<Vec<_>>()
        };
        assert_eq!(missing().await, [(1, 0), (2, 0), (5, 2), (6, 0)]);
        let mut tx = store.begin().await.unwrap();
        sqlx::query("DELETE FROM message WHERE counter <= 2").execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(missing().await, [(5, 2), (6, 0)]);
        comes(&store, bob, 4, "text").await;
        assert_eq!(missing().await, [(4, 1), (5, 0), (6, 0)]);
    }

    #[tokio::test]
    async fn what_is_searched_for_is_never_an_operator() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        comes(&store, bob, 1, "one or two").await;
        comes(&store, bob, 2, "say \"hello\" NEAR(the) door").await;
        assert_eq!(found(&store, "one OR two", None).await, ["one or two"]);
        assert_eq!(found(&store, "NEAR(the) \"hello\"", None).await.len(), 1);
        for hostile in
            ["one OR nothing", "\"", "\"\"\"", "a*", "^one\" OR \"", "words : one", "one\0\"", "(", "-two", "NOT one"]
        {
            let rows = found(&store, hostile, None).await;
            assert!(rows.len() <= 1, "{hostile}: {rows:?}");
        }
    }

    #[tokio::test]
    async fn a_search_is_newest_first_of_one_or_all_and_has_pages() {
        let (store, _directory) = scratch().await;
        let (bob, carol) = (contact(&store, "Bob").await, contact(&store, "Carol").await);
        let mut rows = vec![];
        for n in 1..=4 {
            rows.push(comes(&store, bob, n, &format!("word {n} of Bob")).await);
            comes(&store, carol, n, &format!("word {n} of Carol")).await;
        }
        assert_eq!(found(&store, "word", Some(bob)).await[0], "word 4 of Bob");
        assert_eq!(found(&store, "word", Some(bob)).await.len(), 4);
        assert_eq!(found(&store, "word", None).await[0], "word 4 of Carol");
        let mut tx = store.begin().await.unwrap();
        let page = search(&mut tx, "word", Some(bob), 2, Some(rows[3])).await.unwrap();
        assert_eq!(page.iter().map(|row| row.row).collect::<Vec<_>>(), [rows[2], rows[1]]);
    }

    #[tokio::test]
    async fn a_removed_contact_leaves_the_index() {
        let (store, _directory) = scratch().await;
        let (bob, carol) = (contact(&store, "Bob").await, contact(&store, "Carol").await);
        comes(&store, bob, 1, "the secret of Bob").await;
        comes(&store, carol, 1, "the secret of Carol").await;
        let mut tx = store.begin().await.unwrap();
        contacts::remove(&mut tx, bob).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(found(&store, "secret", None).await, ["the secret of Carol"]);
        index_is_in_line(&store).await;
    }
}
