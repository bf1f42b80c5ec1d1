//! Copies a whole store, without anything that would let a key be used twice: no MLS state, no
//! sealed envelope, no draft. Such secrets are never written into a copy, so none is in its free
//! pages.

use rand::{CryptoRng, Rng};
use sqlx::{Connection as _, Executor as _, SqliteConnection};

use super::{Store, StoreError};
use crate::model::UnixMillis;

/// What a copy has: the table, its columns, and what of it.
const KEPT: [(&str, &str); 18] = [
    ("profile", "SELECT * FROM source.profile"),
    ("service", "SELECT * FROM source.service"),
    ("server", "SELECT * FROM source.server"),
    ("handle", "SELECT * FROM source.handle"),
    ("contact_request", "SELECT * FROM source.contact_request"),
    ("invitation", "SELECT * FROM source.invitation"),
    ("invitation_use", "SELECT * FROM source.invitation_use"),
    ("conversation", "SELECT * FROM source.conversation"),
    ("contact", "SELECT * FROM source.contact"),
    ("member", "SELECT * FROM source.member"),
    // A request gets another draft when the node starts.
    ("request", "SELECT contact, link, x'', x'', message FROM source.request"),
    ("message", "SELECT * FROM source.message"),
    ("delivery", "SELECT * FROM source.delivery"),
    (
        "outbox",
        "SELECT id, contact, conversation, kind, item, body, NULL FROM source.outbox WHERE kind \
        != 'commit'",
    ),
    ("received_range", "SELECT * FROM source.received_range"),
    ("forgotten", "SELECT * FROM source.forgotten"),
    ("answered", "SELECT * FROM source.answered"),
    ("preference", "SELECT * FROM source.preference"),
];

/// What a copy does not have: keys that move on, what belongs to them, and what happened.
#[cfg(test)]
const LEFT_OUT: [&str; 6] = ["mls_group", "mls_value", "held", "received", "restart", "event"];

/// Cursors of before the restore must not meet events of after it.
const EVENTS_APART: i64 = 1 << 32;

/// What a restored profile begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupContents {
    /// What its owner calls itself.
    pub name: String,
    /// Contacts, unanswered requests among them.
    pub contacts: u32,
    pub messages: u32,
    /// Invitations that worked, and were revoked.
    pub revoked: u32,
}

/// Fills a fresh store with what another holds. That one may be in use.
pub async fn copy(from: &Store, to: &Store) -> Result<(), StoreError> {
    let mut open = to.open.0.lock().await;
    let connection = &mut open.as_mut().ok_or(StoreError::Closed)?.connection;
    sqlx::query("ATTACH ? AS source KEY ?")
        .bind(from.file.to_string_lossy())
        .bind(from.key.as_str())
        .execute(&mut *connection)
        .await?;
    let copied = fill(connection).await;
    connection.execute(sqlx::query("DETACH source")).await?;
    copied
}

async fn fill(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let mut tx = connection.begin().await?;
    for (table, selected) in KEPT {
        let statement = format!("INSERT INTO main.{table} {selected}");
        tx.execute(sqlx::query(sqlx::AssertSqlSafe(statement))).await?;
    }
    // Events are numbered on.
    tx.execute(sqlx::query(
        "INSERT INTO main.sqlite_sequence (name, seq) SELECT name, seq FROM \
        source.sqlite_sequence WHERE name = 'event'",
    ))
    .await?;
    Ok(tx.commit().await?)
}

/// Makes a copy the store of a restored profile. Links that were given away may have been used
/// since: they are taken back. The card is newer than any that was told before.
pub async fn restore(
    store: &Store,
    now: UnixMillis,
    rng: &mut (dyn CryptoRng + Send),
) -> Result<BackupContents, StoreError> {
    let step: i64 = rng.random_range(1..1 << 20);
    let mut tx = store.begin().await?;
    let revoked = sqlx::query(
        "UPDATE invitation SET revoked_at = ?1 WHERE revoked_at IS NULL AND expires_at > ?1 \
         AND uses > (SELECT count(*) FROM invitation_use WHERE invitation = invitation.id)",
    )
    .bind(now)
    .execute(&mut *tx)
    .await?
    .rows_affected();
    sqlx::query("UPDATE profile SET restored_at = ?, card_revision = card_revision + ?")
        .bind(now)
        .bind(step)
        .execute(&mut *tx)
        .await?;

    // What their server shows may name a front door that was made since.
    super::handles::claim_again(&mut tx, None).await?;
    sqlx::query("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'event'")
        .bind(EVENTS_APART)
        .execute(&mut *tx)
        .await?;

    let (name, contacts, messages): (String, u32, u32) = sqlx::query_as(
        "SELECT name, (SELECT count(*) FROM contact), (SELECT count(*) FROM message) FROM profile",
    )
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;

    Ok(BackupContents {
        name,
        contacts,
        messages,
        revoked: u32::try_from(revoked).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::scratch;

    #[tokio::test]
    async fn every_table_is_copied_or_left_out_knowingly() {
        let (store, _directory) = scratch().await;
        let mut tx = store.begin().await.unwrap();
        let tables: Vec<(String,)> = sqlx::query_as(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
             AND name NOT LIKE 'message_index%' AND name != '_sqlx_migrations'",
        )
        .fetch_all(&mut *tx)
        .await
        .unwrap();
        let known: BTreeSet<&str> = KEPT.iter().map(|(table, _)| *table).chain(LEFT_OUT).collect();
        assert_eq!(tables.iter().map(|(table,)| table.as_str()).collect::<BTreeSet<_>>(), known);
    }
}
