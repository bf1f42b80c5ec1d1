//! The log of what happened, for those who resume after a cursor.

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::limits::MAX_EVENTS;

/// What an event is about. Messages, contacts and invitations are shown as they are when the event
/// is read; the rest is kept in `body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `subject` is the message's row.
    Message,
    /// `subject` is the contact's row.
    Contact,
    /// `body` is a JSON `What`.
    Other,
}

/// One event.
#[derive(FromRow)]
pub struct EventRow {
    /// Rises.
    pub seq: i64,
    /// When.
    pub at: i64,
    kind: String,
    /// A row.
    pub subject: Option<i64>,
    /// JSON.
    pub body: Option<String>,
}

impl EventRow {
    /// What it is about.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self.kind.as_str() {
            "message" => Kind::Message,
            "contact" => Kind::Contact,
            _ => Kind::Other,
        }
    }
}

/// Writes an event down; old ones are dropped.
pub async fn add(
    tx: &mut Tx,
    now: i64,
    kind: Kind,
    subject: Option<i64>,
    body: Option<&str>,
) -> Result<i64, StoreError> {
    let kind = match kind {
        Kind::Message => "message",
        Kind::Contact => "contact",
        Kind::Other => "other",
    };
    let done = sqlx::query("INSERT INTO event (at, kind, subject, body) VALUES (?, ?, ?, ?)")
        .bind(now)
        .bind(kind)
        .bind(subject)
        .bind(body)
        .execute(&mut **tx)
        .await?;
    let seq = done.last_insert_rowid();
    sqlx::query("DELETE FROM event WHERE seq <= ?").bind(seq - MAX_EVENTS).execute(&mut **tx).await?;
    Ok(seq)
}

/// The number of the newest event; 0 for none.
pub async fn newest(tx: &mut Tx) -> Result<i64, StoreError> {
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT seq FROM sqlite_sequence WHERE name = 'event'").fetch_optional(&mut **tx).await?;
    Ok(row.map_or(0, |(seq,)| seq))
}

/// The number of the oldest kept event.
pub async fn oldest(tx: &mut Tx) -> Result<Option<i64>, StoreError> {
    let (seq,): (Option<i64>,) = sqlx::query_as("SELECT min(seq) FROM event").fetch_one(&mut **tx).await?;
    Ok(seq)
}

/// Those after a cursor, oldest first.
pub async fn after(tx: &mut Tx, cursor: i64, limit: u32) -> Result<Vec<EventRow>, StoreError> {
    Ok(sqlx::query_as("SELECT seq, at, kind, subject, body FROM event WHERE seq > ? ORDER BY seq LIMIT ? + 0")
        .bind(cursor)
        .bind(limit)
        .fetch_all(&mut **tx)
        .await?)
}
