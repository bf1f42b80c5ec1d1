//! Stores the MLS groups of conversations, and what must be kept with their states.
//!
//! Which envelopes were opened, and which must wait for a later epoch, is kept for each member of
//! each group: whether an envelope opens depends on the group's state alone, and a contact who
//! sends many pushes out, or keeps out, only their own.

use chive_mls::{Changes, Conversation, SecretBytes};
use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::limits::{MAX_RECEIVED, UPDATE_AFTER_MS};
use crate::model::{ContactId, ConversationId, KeyUpdates, Member, UnixMillis};
use crate::wire::message::MessageId;

/// What is kept with the state of one group.
#[derive(FromRow)]
pub struct GroupRow {
    /// What we answered to the contact's request, until it is seen to have joined.
    #[sqlx(skip)]
    pub acceptance: Option<Acceptance>,
    accepted_request: Option<Vec<u8>>,
    accepted_answer: Option<Vec<u8>>,
    /// The epoch that the last commit of the contact ended.
    pub receipted_epoch: Option<i64>,
    pub commit_receipt: Option<Vec<u8>>,
}

/// An answer that must be the same when the same request comes again.
pub struct Acceptance {
    pub request: [u8; 16],
    /// The introduction that answered it.
    pub answer: Vec<u8>,
}

pub async fn create(
    tx: &mut Tx,
    conversation: ConversationId,
    state: &Changes,
    acceptance: Option<&Acceptance>,
    now: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO mls_group (conversation, mls, accepted_request, accepted_answer, \
        epoch_started_at) \
         VALUES (?, x'', ?, ?, ?)",
    )
    .bind(conversation)
    .bind(acceptance.map(|given| &given.request[..]))
    .bind(acceptance.map(|given| &given.answer[..]))
    .bind(now)
    .execute(&mut **tx)
    .await?;
    write(tx, conversation, state).await
}

/// Forgets the group of a direct conversation, but no messages: what was not receipted is sealed
/// again by the next one.
pub async fn forget(
    tx: &mut Tx,
    Member { conversation, contact }: Member,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM mls_group WHERE conversation = ?",
        "DELETE FROM restart WHERE conversation = ?",
        "DELETE FROM received WHERE conversation = ?",
        "DELETE FROM held WHERE conversation = ?",
        "DELETE FROM outbox WHERE conversation = ? AND kind = 'commit'",
        "UPDATE outbox SET envelope = NULL WHERE conversation = ?",
    ] {
        sqlx::query(statement).bind(conversation).execute(&mut **tx).await?;
    }
    super::contacts::forget_card(tx, contact).await?;
    super::settings::forget(tx, conversation).await
}

/// Reads what is kept with a group's state.
pub async fn load(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Option<GroupRow>, StoreError> {
    let row: Option<GroupRow> = sqlx::query_as(
        "SELECT accepted_request, accepted_answer, receipted_epoch, commit_receipt \
         FROM mls_group WHERE conversation = ?",
    )
    .bind(conversation)
    .fetch_optional(&mut **tx)
    .await?;
    row.map(|mut row| {
        if let (Some(request), Some(answer)) =
            (row.accepted_request.take(), row.accepted_answer.take())
        {
            row.acceptance = Some(Acceptance { request: super::bytes(&request)?, answer });
        }
        Ok(row)
    })
    .transpose()
}

pub async fn open(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Option<Conversation>, StoreError> {
    let blob: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT mls FROM mls_group WHERE conversation = ?")
            .bind(conversation)
            .fetch_optional(&mut **tx)
            .await?;
    let Some(blob) = blob.map(SecretBytes::from) else { return Ok(None) };

    let group = if blob.is_empty() {
        Conversation::load(values(tx, conversation).await?)
    } else {
        Conversation::load_blob(&blob)
    };
    Ok(Some(group?))
}

async fn values(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Vec<(String, SecretBytes)>, StoreError> {
    let rows: Vec<(String, Vec<u8>)> =
        sqlx::query_as("SELECT key, value FROM mls_value WHERE conversation = ?")
            .bind(conversation)
            .fetch_all(&mut **tx)
            .await?;
    Ok(rows.into_iter().map(|(key, value)| (key, value.into())).collect())
}

async fn write(
    tx: &mut Tx,
    conversation: ConversationId,
    state: &Changes,
) -> Result<(), StoreError> {
    for (key, value) in &state.put {
        sqlx::query(
            "INSERT INTO mls_value (conversation, key, value) VALUES (?, ?, ?) \
             ON CONFLICT (conversation, key) DO UPDATE SET value = excluded.value",
        )
        .bind(conversation)
        .bind(key)
        .bind(&**value)
        .execute(&mut **tx)
        .await?;
    }

    for key in &state.removed {
        sqlx::query("DELETE FROM mls_value WHERE conversation = ? AND key = ?")
            .bind(conversation)
            .bind(key)
            .execute(&mut **tx)
            .await?;
    }

    Ok(())
}

/// Those in whose epoch ?2 messages were sealed, if it began before ?3; or any, if it began long
/// before ?1. One that began in the future began before the clock was set.
pub(super) fn stale() -> String {
    format!(
        "SELECT conversation FROM mls_group \
         WHERE (sealed_in_epoch >= ?2 AND (epoch_started_at <= ?3 OR epoch_started_at > ?1)) \
         OR (sealed_in_epoch > 0 AND epoch_started_at < ?1 - {UPDATE_AFTER_MS})"
    )
}

/// Those whose keys are to be replaced.
pub async fn due(
    tx: &mut Tx,
    now: UnixMillis,
    updates: KeyUpdates,
) -> Result<Vec<ConversationId>, StoreError> {
    Ok(sqlx::query_scalar(sqlx::AssertSqlSafe(stale()))
        .bind(now)
        .bind(updates.after_messages)
        .bind(now - updates.not_before)
        .fetch_all(&mut **tx)
        .await?)
}

/// Writes what changed in a group's state when something was sealed or opened. A state that was a
/// blob changes as a whole.
pub async fn save(
    tx: &mut Tx,
    conversation: ConversationId,
    state: &Changes,
    sealed: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE mls_group SET mls = x'', sealed_in_epoch = sealed_in_epoch + ?2 \
         WHERE conversation = ?1 AND (?2 > 0 OR mls != x'')",
    )
    .bind(conversation)
    .bind(sealed)
    .execute(&mut **tx)
    .await?;
    write(tx, conversation, state).await
}

pub async fn begin_epoch(
    tx: &mut Tx,
    conversation: ConversationId,
    now: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE mls_group SET sealed_in_epoch = 0, epoch_started_at = ? WHERE conversation = ?",
    )
    .bind(now)
    .bind(conversation)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The contact has joined: its request will not come again.
pub async fn forget_acceptance(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE mls_group SET accepted_request = NULL, accepted_answer = NULL \
         WHERE conversation = ? AND accepted_request IS NOT NULL",
    )
    .bind(conversation)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps the receipt of a merged commit.
pub async fn keep_commit_receipt(
    tx: &mut Tx,
    conversation: ConversationId,
    epoch: u64,
    receipt: &[u8],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE mls_group SET receipted_epoch = ?, commit_receipt = ? WHERE conversation = ?",
    )
    .bind(epoch.cast_signed())
    .bind(receipt)
    .bind(conversation)
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
pub async fn received(
    tx: &mut Tx,
    from: Member,
    digest: &[u8],
) -> Result<Option<Before>, StoreError> {
    let item: Option<Vec<u8>> = sqlx::query_scalar(
        "SELECT item FROM received WHERE conversation = ? AND contact = ? AND digest = ?",
    )
    .bind(from.conversation)
    .bind(from.contact)
    .bind(digest)
    .fetch_optional(&mut **tx)
    .await?;
    let before = |item: &[u8]| match item {
        [] => Ok(Before::Unusable),
        item => Ok(Before::Item(MessageId(super::bytes(item)?))),
    };
    item.map(|item| before(&item)).transpose()
}

/// Remembers what an envelope held, and forgets the oldest.
pub async fn remember_received(
    tx: &mut Tx,
    from: Member,
    digest: &[u8],
    item: MessageId,
) -> Result<(), StoreError> {
    remember(tx, from, digest, &item.0).await
}

/// Remembers that an envelope opened, and that what it held cannot be used.
pub async fn remember_unusable(tx: &mut Tx, from: Member, digest: &[u8]) -> Result<(), StoreError> {
    remember(tx, from, digest, &[]).await
}

async fn remember(tx: &mut Tx, from: Member, digest: &[u8], item: &[u8]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR IGNORE INTO received (conversation, contact, digest, item) VALUES (?, ?, ?, ?)",
    )
    .bind(from.conversation)
    .bind(from.contact)
    .bind(digest)
    .bind(item)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "DELETE FROM received WHERE conversation = ?1 AND contact = ?2 AND seq <= \
         (SELECT seq FROM received WHERE conversation = ?1 AND contact = ?2 ORDER BY seq DESC \
         LIMIT 1 OFFSET ?3)",
    )
    .bind(from.conversation)
    .bind(from.contact)
    .bind(MAX_RECEIVED)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Keeps an envelope of a later epoch, unless there are `limit` of this member already.
pub async fn hold(
    tx: &mut Tx,
    from: Member,
    digest: &[u8],
    envelope: &[u8],
    limit: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT OR IGNORE INTO held (conversation, contact, digest, envelope, came) \
         SELECT ?1, ?2, ?3, ?4, (SELECT ifnull(max(came), 0) + 1 FROM held WHERE conversation = \
         ?1) \
         WHERE (SELECT count(*) FROM held WHERE conversation = ?1 AND contact = ?2) < ?5",
    )
    .bind(from.conversation)
    .bind(from.contact)
    .bind(digest)
    .bind(envelope)
    .bind(limit)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// An envelope that was held.
#[derive(FromRow)]
pub struct HeldEnvelope {
    pub contact: ContactId,
    pub envelope: Vec<u8>,
}

/// Takes every envelope out that was held for a group, in the order in which they came.
pub async fn take_held(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Vec<HeldEnvelope>, StoreError> {
    let held =
        sqlx::query_as("SELECT contact, envelope FROM held WHERE conversation = ? ORDER BY came")
            .bind(conversation)
            .fetch_all(&mut **tx)
            .await?;
    sqlx::query("DELETE FROM held WHERE conversation = ?")
        .bind(conversation)
        .execute(&mut **tx)
        .await?;
    Ok(held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::messages::tests::contact;
    use crate::store::scratch;

    #[tokio::test]
    async fn the_last_envelopes_are_known_and_older_ones_forgotten() {
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

    /// The state of a group as a blob, as versions before 0010 kept it.
    fn blob() -> Vec<u8> {
        let blobs = include_bytes!("../../mls/tests/mls/blobs.cbor");
        let mut decoder = minicbor::Decoder::new(blobs);
        assert_eq!((decoder.map().unwrap(), decoder.u8().unwrap()), (Some(7), 0));
        decoder.bytes().unwrap().to_vec()
    }

    async fn counts(tx: &mut Tx, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut **tx).await.unwrap()
    }

    #[tokio::test]
    async fn a_blob_of_state_becomes_values_when_it_is_saved() {
        const BLOBS: &str = "SELECT sum(length(mls)) FROM mls_group";
        const VALUES: &str = "SELECT count(*) FROM mls_value";
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        let mut tx = store.begin().await.unwrap();
        create(&mut tx, bob.conversation, &Changes::default(), None, UnixMillis(0)).await.unwrap();
        sqlx::query("UPDATE mls_group SET mls = ?").bind(blob()).execute(&mut *tx).await.unwrap();

        let mut group = open(&mut tx, bob.conversation).await.unwrap().unwrap();
        assert!(counts(&mut tx, BLOBS).await > 0, "it may be needed again");
        save(&mut tx, bob.conversation, &group.take_changes(), 0).await.unwrap();
        assert_eq!(counts(&mut tx, BLOBS).await, 0);
        assert!(counts(&mut tx, VALUES).await > 10);

        let loaded = open(&mut tx, bob.conversation).await.unwrap().unwrap();
        assert_eq!(loaded.agreement().unwrap(), group.agreement().unwrap());
        forget(&mut tx, bob).await.unwrap();
        assert_eq!(counts(&mut tx, VALUES).await, 0);
        assert!(open(&mut tx, bob.conversation).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_message_writes_the_values_that_it_changes_and_no_others() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        let mut tx = store.begin().await.unwrap();
        let mut group = Conversation::load_blob(&blob()).unwrap();
        create(&mut tx, bob.conversation, &group.take_changes(), None, UnixMillis(0))
            .await
            .unwrap();

        let before = counts(&mut tx, "SELECT total_changes()").await;
        group.seal(b"hello").unwrap();
        save(&mut tx, bob.conversation, &group.take_changes(), 1).await.unwrap();
        let changed = counts(&mut tx, "SELECT total_changes()").await - before;
        assert_eq!(changed, 2, "the row of the group, and its current secrets");
        let loaded = open(&mut tx, bob.conversation).await.unwrap().unwrap();
        assert_eq!(loaded.size(), group.size());
    }
}
