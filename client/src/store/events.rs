//! Stores the latest events, so that front-ends can resume after the last one that they read.

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::limits::MAX_EVENTS;
use crate::model::{EventSeq, UnixMillis};

/// What an event is about. Messages, contacts and conversations are shown as they are when the
/// event is read; the rest is kept in `body`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `subject` is the message's row.
    Message,
    /// `subject` is the contact's row.
    Contact,
    /// `subject` is the conversation's row.
    Conversation,
    /// `body` is a JSON `What`.
    Other,
}

#[derive(FromRow)]
pub struct EventRow {
    pub seq: EventSeq,
    pub at: UnixMillis,
    pub kind: Kind,
    pub subject: Option<i64>,
    /// JSON, for [`Kind::Other`].
    pub body: Option<String>,
}

impl Kind {
    /// The name under which it is stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Contact => "contact",
            Self::Conversation => "conversation",
            Self::Other => "other",
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Message, Self::Contact, Self::Conversation, Self::Other]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// Writes an event down; old ones are dropped.
pub async fn add(
    tx: &mut Tx,
    now: UnixMillis,
    kind: Kind,
    subject: Option<i64>,
    body: Option<&str>,
) -> Result<EventSeq, StoreError> {
    let done = sqlx::query("INSERT INTO event (at, kind, subject, body) VALUES (?, ?, ?, ?)")
        .bind(now)
        .bind(kind)
        .bind(subject)
        .bind(body)
        .execute(&mut **tx)
        .await?;
    let seq = done.last_insert_rowid();
    sqlx::query("DELETE FROM event WHERE seq <= ?")
        .bind(seq - MAX_EVENTS)
        .execute(&mut **tx)
        .await?;
    Ok(EventSeq(seq))
}

/// The number of the newest event; 0 for none.
pub async fn newest(tx: &mut Tx) -> Result<EventSeq, StoreError> {
    let newest: Option<EventSeq> =
        sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
            .fetch_optional(&mut **tx)
            .await?;
    Ok(newest.unwrap_or(EventSeq(0)))
}

/// The number of the oldest kept event.
pub async fn oldest(tx: &mut Tx) -> Result<Option<EventSeq>, StoreError> {
    Ok(sqlx::query_scalar("SELECT min(seq) FROM event").fetch_one(&mut **tx).await?)
}

/// Those after a cursor, oldest first.
pub async fn after(tx: &mut Tx, cursor: EventSeq, limit: u32) -> Result<Vec<EventRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT seq, at, kind, subject, body FROM event WHERE seq > ? ORDER BY seq LIMIT ? + 0",
    )
    .bind(cursor)
    .bind(limit)
    .fetch_all(&mut **tx)
    .await?)
}
