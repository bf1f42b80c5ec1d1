//! Deletes messages, and erases what is left of them from the store's files.

use super::{Store, StoreError, Tx};
use crate::limits::MAX_FORGOTTEN;
use crate::model::{ConversationId, UnixMillis};
use crate::wire::message::MessageId;

/// The most messages of a store that is small enough to be written again at once.
const SMALL: u32 = 2_000;

pub struct Deleted {
    /// In which conversation it was.
    pub conversation: ConversationId,
    pub id: MessageId,
}

/// Messages whose timer is over.
pub(super) const DISAPPEARING: &str = "SELECT row FROM message WHERE disappears_at <= ?1";
/// Messages older than their conversation keeps.
pub(super) const TOO_OLD: &str = "SELECT m.row FROM conversation c \
     CROSS JOIN message m ON m.conversation = c.id \
     AND ifnull(m.received_at, m.created_at) <= ?1 - c.retain * 1000 \
     WHERE c.retain IS NOT NULL AND NOT EXISTS \
     (SELECT 1 FROM delivery d WHERE d.message = m.row AND d.state IN ('queued', 'sent'))";

/// Deletes up to `limit` messages whose time is over: those that disappear, and those older than
/// their conversation keeps. What waits to be delivered stays.
pub async fn delete_due(
    tx: &mut Tx,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<Deleted>, StoreError> {
    let mut deleted = delete(tx, DISAPPEARING, now, limit).await?;
    let room = limit - u32::try_from(deleted.len()).unwrap_or(limit);
    deleted.extend(delete(tx, TOO_OLD, now, room).await?);
    Ok(deleted)
}

async fn delete(
    tx: &mut Tx,
    due: &str,
    now: UnixMillis,
    limit: u32,
) -> Result<Vec<Deleted>, StoreError> {
    let sql = format!(
        "DELETE FROM message WHERE row IN ({due} LIMIT ?2 + 0) RETURNING conversation, id, author \
        IS NULL"
    );
    let rows: Vec<(ConversationId, MessageId, bool)> =
        sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(now).bind(limit).fetch_all(&mut **tx).await?;
    let mut deleted = Vec::with_capacity(rows.len());
    for (conversation, id, mine) in rows {
        if !mine {
            remember_forgotten(tx, conversation, id).await?;
        }
        deleted.push(Deleted { conversation, id });
    }
    Ok(deleted)
}

/// Keeps the id of a deleted message, and drops the oldest.
async fn remember_forgotten(
    tx: &mut Tx,
    conversation: ConversationId,
    id: MessageId,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR IGNORE INTO forgotten (conversation, id) VALUES (?, ?)")
        .bind(conversation)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    sqlx::query(
        "DELETE FROM forgotten WHERE conversation = ?1 AND seq <= \
         (SELECT seq FROM forgotten WHERE conversation = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
    )
    .bind(conversation)
    .bind(MAX_FORGOTTEN)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

impl Store {
    /// Takes what was deleted out of where old pages wait: the database itself overwrites what is
    /// deleted, the file beside it is emptied here.
    ///
    /// A deleted word may be left in the index where it divides two of its pages, and a row in the
    /// gap of a page from which it was moved: a small store is written again, any if it
    /// `may_take_long`. False if somebody reads old pages, as a backup does: then they are still
    /// there.
    pub async fn erase(&self, may_take_long: bool) -> Result<bool, StoreError> {
        let mut open = self.idle().await?;
        let connection = &mut open.connection;
        let (messages,): (u32,) =
            sqlx::query_as("SELECT count(*) FROM (SELECT 1 FROM message LIMIT ?)")
                .bind(SMALL + 1)
                .fetch_one(&mut *connection)
                .await?;
        if may_take_long || messages <= SMALL {
            sqlx::query("INSERT INTO message_index (message_index) VALUES ('rebuild')")
                .execute(&mut *connection)
                .await?;
            sqlx::query("VACUUM").execute(&mut *connection).await?;
        }

        let (busy, _, _): (i64, i64, i64) =
            sqlx::query_as("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(connection).await?;

        Ok(busy == 0)
    }
}

#[cfg(test)]
mod tests {
    use aes::Aes256;
    use aes::cipher::{BlockDecrypt, KeyInit};

    use super::*;
    use crate::store::messages::tests::{comes, contact, found, index_is_in_line};
    use crate::store::{messages, scratch, settings};

    /// How `SQLCipher` lays a page out: text, then the initialisation vector and a MAC.
    const PAGE: usize = 4096;
    const RESERVED: usize = 80;
    /// The file begins with its salt, and each page of the write-ahead log with a header.
    const SALT: usize = 16;
    const WAL_HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;

    fn decrypt(page: &[u8], skipped: usize) -> Vec<u8> {
        let cipher = Aes256::new(&[1; 32].into());
        let (text, reserved) = page.split_at(PAGE - RESERVED);
        let mut before = reserved[..16].to_vec();
        let mut clear = vec![];
        for block in text[skipped..].chunks(16) {
            let mut decrypted = aes::Block::clone_from_slice(block);
            cipher.decrypt_block(&mut decrypted);
            clear.extend(decrypted.iter().zip(&before).map(|(one, other)| one ^ other));
            before = block.to_vec();
        }
        clear
    }

    /// Everything in the files of a store, decrypted: live, free and old pages.
    fn dump(directory: &std::path::Path) -> Vec<u8> {
        let read = |name: &str| std::fs::read(directory.join(name)).unwrap_or_default();
        let pages = read("chive.db");
        let main = pages
            .chunks(PAGE)
            .enumerate()
            .map(|(n, page)| decrypt(page, if n == 0 { SALT } else { 0 }));
        let log = read("chive.db-wal");
        let frames = log.get(WAL_HEADER..).unwrap_or_default().chunks_exact(FRAME_HEADER + PAGE);
        let old = frames.map(|frame| {
            let number = u32::from_be_bytes(frame[..4].try_into().unwrap());
            decrypt(&frame[FRAME_HEADER..], if number == 1 { SALT } else { 0 })
        });
        main.chain(old).flatten().collect()
    }

    fn holds(dump: &[u8], text: &str) -> bool {
        dump.windows(text.len()).any(|window| window == text.as_bytes())
    }

    /// A word that is nowhere else, and of which no part is.
    fn word(n: u64) -> String {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(n.to_be_bytes());
        digest[..10].iter().map(|byte| char::from(b'a' + byte % 26)).collect()
    }

    #[tokio::test]
    async fn of_a_deleted_message_nothing_is_left_in_any_page() {
        let (store, directory) = scratch().await;
        let bob = contact(&store, "Bob").await;

        // Some of them need pages of their own.
        let text = |n: u64| {
            format!("{} {}", word(n), " filler".repeat(if n.is_multiple_of(50) { 2000 } else { 1 }))
        };
        for n in 1..=400 {
            comes(&store, bob, n, &text(n)).await;
        }

        let before = dump(directory.path());
        assert!((1..=400).all(|n| holds(&before, &word(n))), "the pages can be read");
        let is_kept = |n: u64| n.is_multiple_of(7);
        let mut tx = store.begin().await.unwrap();

        sqlx::query("UPDATE message SET disappears_at = 1 WHERE counter % 7 != 0")
            .execute(&mut *tx)
            .await
            .unwrap();
        let deleted = delete_due(&mut tx, UnixMillis(1), 1000).await.unwrap().len();
        tx.commit().await.unwrap();
        assert_eq!(deleted, (1..=400).filter(|n| !is_kept(*n)).count());
        assert!(store.erase(false).await.unwrap());
        let after = dump(directory.path());

        // Half a word is enough to guess the rest.
        let left: Vec<u64> =
            (1..=400).filter(|n| !is_kept(*n) && holds(&after, &word(*n)[..5])).collect();
        assert!(left.is_empty(), "{left:?}");
        assert!((1..=400).filter(|n| is_kept(*n)).all(|n| holds(&after, &word(n))));
        index_is_in_line(&store).await;
    }

    #[tokio::test]
    async fn a_deleted_message_is_not_shown_again() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;

        comes(&store, bob, 1, "harbour").await;
        let mut tx = store.begin().await.unwrap();
        settings::set_retention(&mut tx, bob.conversation, Some(60)).await.unwrap();
        assert!(delete_due(&mut tx, UnixMillis(59_999), 10).await.unwrap().is_empty(), "too early");
        let deleted = delete_due(&mut tx, UnixMillis(60_000), 10).await.unwrap();
        assert_eq!(deleted.len(), 1);
        let again = crate::wire::message::Text {
            id: deleted[0].id,
            counter: 1,
            clock: 1,
            created_at: 0,
            seen: vec![],
            text: "harbour".into(),
            disappear_after: None,
        };
        assert!(
            messages::add_theirs(&mut tx, bob, &again, None, UnixMillis(70_000))
                .await
                .unwrap()
                .is_none()
        );
        for n in 0..MAX_FORGOTTEN {
            remember_forgotten(&mut tx, bob.conversation, MessageId(u128::from(n).to_be_bytes()))
                .await
                .unwrap();
        }

        let (kept,): (u32,) =
            sqlx::query_as("SELECT count(*) FROM forgotten").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(kept, MAX_FORGOTTEN);
        tx.commit().await.unwrap();
        assert!(found(&store, "harbour", None).await.is_empty());
    }
}
