//! How far our messages are on their way to each recipient.
//!
//! ```text
//! queued ──> sent ──> delivered
//!    │         │          ^
//!    ├─────────┴─> expired┘   a receipt may still come
//!    └─> cancelled
//! ```

use sqlx::AssertSqlSafe;
use sqlx_macros::FromRow;

use super::messages::MessageRow;
use super::{StoreError, Tx};
use crate::model::{ContactId, Member, MessageRowId, OutboxId, OutboxKind, UnixMillis};
use crate::wire::message::MessageId;

/// The row of one of our messages, from its conversation ?1 and its id ?2, once it was numbered.
pub(super) const NUMBERED: &str = "SELECT row FROM message \
     WHERE conversation = ?1 AND id = ?2 AND author IS NULL AND counter IS NOT NULL";

/// A link has taken what is in this outbox row. Gives the message whose state changed, if one did.
pub async fn mark_sent(
    tx: &mut Tx,
    outbox: OutboxId,
    now: UnixMillis,
) -> Result<Option<MessageRowId>, StoreError> {
    Ok(sqlx::query_scalar(
        "UPDATE delivery SET state = 'sent', sent_at = ifnull(sent_at, ?1) WHERE state = 'queued' \
         AND (message, recipient) = (SELECT m.row, o.contact FROM outbox o JOIN message m \
         ON m.id = o.item AND m.conversation = o.conversation AND m.author IS NULL \
         WHERE o.id = ?2 AND o.kind = 'message') RETURNING message",
    )
    .bind(now)
    .bind(outbox)
    .fetch_optional(&mut **tx)
    .await?)
}

/// What left the outbox because it was receipted.
#[derive(FromRow)]
pub struct Finished {
    pub id: OutboxId,
    pub kind: OutboxKind,
    /// What was sealed, where it was not a message.
    pub body: Option<Vec<u8>>,
}

pub struct Receipted {
    /// What it was for, if that still waited.
    pub outbox: Option<Finished>,
    /// The message that is delivered now and was not before.
    pub message: Option<MessageRowId>,
}

/// A member has stored this item.
pub async fn receipt(
    tx: &mut Tx,
    from: Member,
    item: MessageId,
    now: UnixMillis,
) -> Result<Receipted, StoreError> {
    // Only what was sealed can have been received: a receipt for anything else is a guess. A
    // message has its number since.
    let finished = format!(
        "DELETE FROM outbox WHERE conversation = ?1 AND item = ?2 AND contact = ?3 AND kind != \
        'commit' \
         AND (envelope IS NOT NULL OR EXISTS ({NUMBERED})) RETURNING id, kind, body"
    );
    let outbox = sqlx::query_as(AssertSqlSafe(finished))
        .bind(from.conversation)
        .bind(item)
        .bind(from.contact)
        .fetch_optional(&mut **tx)
        .await?;

    let delivered = format!(
        "UPDATE delivery SET state = 'delivered', delivered_at = ?4, sent_at = ifnull(sent_at, ?4) \
         WHERE message = ({NUMBERED}) AND recipient = ?3 AND state IN ('queued', 'sent', \
         'expired') \
         RETURNING message"
    );
    let message = sqlx::query_scalar(AssertSqlSafe(delivered))
        .bind(from.conversation)
        .bind(item)
        .bind(from.contact)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await?;
    if let Some(message) = message {
        start_timer(tx, message, now).await?;
    }
    Ok(Receipted { outbox, message })
}

/// From now on, the timer of a message that is under one runs.
async fn start_timer(
    tx: &mut Tx,
    message: MessageRowId,
    now: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE message SET disappears_at = ? + disappear_after * 1000 \
         WHERE row = ? AND disappear_after IS NOT NULL AND disappears_at IS NULL",
    )
    .bind(now)
    .bind(message)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A member has read a message of ours, which they have stored. Gives it if that is news.
pub async fn was_read(
    tx: &mut Tx,
    reader: Member,
    id: MessageId,
    now: UnixMillis,
) -> Result<Option<MessageRowId>, StoreError> {
    let read = format!(
        "UPDATE delivery SET read_at = ?4 WHERE message = ({NUMBERED}) AND recipient = ?3 \
         AND state = 'delivered' AND read_at IS NULL RETURNING message"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(read))
        .bind(reader.conversation)
        .bind(id)
        .bind(reader.contact)
        .bind(now)
        .fetch_optional(&mut **tx)
        .await?)
}

/// A member has merged our commit.
pub async fn finish_commit(tx: &mut Tx, from: Member) -> Result<Option<OutboxId>, StoreError> {
    let gone = "DELETE FROM outbox WHERE contact = ? AND conversation = ? AND kind = 'commit' \
               RETURNING id";
    let gone = sqlx::query_scalar(gone).bind(from.contact).bind(from.conversation);
    Ok(gone.fetch_optional(&mut **tx).await?)
}

/// Takes a message of ours back, if it was never sealed: nobody can have it.
pub async fn cancel(
    tx: &mut Tx,
    message: &MessageRow,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    if message.counter.is_some() {
        return Ok(false);
    }
    let gone = sqlx::query(
        "DELETE FROM outbox WHERE conversation = ? AND item = ? AND kind = 'message' \
                    AND envelope IS NULL",
    )
    .bind(message.conversation)
    .bind(message.id)
    .execute(&mut **tx)
    .await?;
    if gone.rows_affected() == 0 {
        return Ok(false);
    }

    sqlx::query("UPDATE delivery SET state = 'cancelled' WHERE message = ?")
        .bind(message.row)
        .execute(&mut **tx)
        .await?;
    start_timer(tx, message.row, now).await?;
    Ok(true)
}

/// Deliveries that were not receipted in their time.
pub(super) const EXPIRED: &str = "state IN ('queued', 'sent') AND expires_at <= ?1";

/// A delivery that was given up.
pub struct Expired {
    /// Who did not get it.
    pub contact: ContactId,
    pub message: MessageRowId,
    pub outbox: Option<OutboxId>,
}

/// Gives up what was not receipted in its time.
pub async fn expire(tx: &mut Tx, now: UnixMillis) -> Result<Vec<Expired>, StoreError> {
    let expire = format!(
        "UPDATE delivery SET state = 'expired' WHERE {EXPIRED} RETURNING recipient, message"
    );
    let rows: Vec<(ContactId, MessageRowId)> =
        sqlx::query_as(AssertSqlSafe(expire)).bind(now).fetch_all(&mut **tx).await?;

    let mut expired = Vec::with_capacity(rows.len());
    for (contact, message) in rows {
        start_timer(tx, message, now).await?;
        let gone = "DELETE FROM outbox WHERE contact = ?1 AND kind = 'message' AND (conversation, \
                   item) = \
                    (SELECT conversation, id FROM message WHERE row = ?2) RETURNING id";
        let gone = sqlx::query_scalar(gone).bind(contact).bind(message);
        let outbox = gone.fetch_optional(&mut **tx).await?;
        expired.push(Expired { contact, message, outbox });
    }
    Ok(expired)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::messages::NewRow;
    use crate::store::messages::tests::contact;
    use crate::store::{conversations, messages, outbox, scratch};

    const ID: MessageId = MessageId([1; 16]);

    #[tokio::test]
    async fn each_recipient_has_a_delivery_of_their_own() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        let carol = Member { contact: contact(&store, "Carol").await.contact, ..bob };
        let mut tx = store.begin().await.unwrap();
        conversations::add_member(&mut tx, carol).await.unwrap();

        let new = NewRow {
            conversation: bob.conversation,
            id: ID,
            text: "to both",
            clock: 1,
            created_at: UnixMillis(0),
            expires_at: Some(UnixMillis(100)),
            disappear_after: Some(1),
        };
        let message = messages::add_ours(&mut tx, &new).await.unwrap();
        messages::number(&mut tx, message, bob.conversation, 1).await.unwrap();
        assert_eq!(
            outbox::waiting(&mut tx, bob.conversation).await.unwrap(),
            1,
            "one message for two"
        );

        let receipted = receipt(&mut tx, bob, ID, UnixMillis(10)).await.unwrap();
        assert_eq!(receipted.message, Some(message));
        let again = receipt(&mut tx, bob, ID, UnixMillis(11)).await.unwrap();
        assert!(again.message.is_none() && again.outbox.is_none());
        assert_eq!(
            outbox::waiting(&mut tx, bob.conversation).await.unwrap(),
            1,
            "Carol has it not"
        );

        let expired = expire(&mut tx, UnixMillis(100)).await.unwrap();
        assert_eq!(expired.iter().map(|one| one.contact).collect::<Vec<_>>(), [carol.contact]);
        assert_eq!(outbox::waiting(&mut tx, bob.conversation).await.unwrap(), 0);

        let all = "SELECT recipient, state, delivered_at FROM delivery ORDER BY recipient";
        let all: Vec<(i64, String, Option<i64>)> =
            sqlx::query_as(all).fetch_all(&mut *tx).await.unwrap();
        let (bob, carol) = (bob.contact.0, carol.contact.0);
        assert_eq!(all, [(bob, "delivered".into(), Some(10)), (carol, "expired".into(), None)]);
        let ends: i64 = sqlx::query_scalar("SELECT disappears_at FROM message")
            .fetch_one(&mut *tx)
            .await
            .unwrap();
        assert_eq!(ends, 1_010, "the timer runs from the first delivery");
    }
}
