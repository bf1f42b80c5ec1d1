//! The rendezvous servers that we announce ourselves to, and what we let them say.

use chive_shared::server::ServerId;

use super::{StoreError, Tx, bytes};
use crate::api::types::OwnPresence;

/// A server of ours.
pub struct ServerRow {
    /// Who it is for good.
    pub id: ServerId,
    /// What lets us write there.
    pub token: Option<String>,
}

/// All of them, in the order in which they were added.
pub async fn all(tx: &mut Tx) -> Result<Vec<ServerRow>, StoreError> {
    let rows: Vec<(Vec<u8>, Option<String>)> =
        sqlx::query_as("SELECT id, token FROM server ORDER BY added_at, id").fetch_all(&mut **tx).await?;
    rows.into_iter().map(|(id, token)| Ok(ServerRow { id: ServerId(bytes(&id)?), token })).collect()
}

/// Adds one; false if it is there already.
pub async fn add(tx: &mut Tx, id: ServerId, token: Option<&str>, now: i64) -> Result<bool, StoreError> {
    let done = sqlx::query("INSERT INTO server (id, token, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
        .bind(&id.0[..])
        .bind(token)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets one; false if it is not there.
pub async fn remove(tx: &mut Tx, id: ServerId) -> Result<bool, StoreError> {
    let done = sqlx::query("DELETE FROM server WHERE id = ?").bind(&id.0[..]).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// What our servers say of us.
pub async fn own_presence(tx: &mut Tx) -> Result<OwnPresence, StoreError> {
    let (presence,): (String,) = sqlx::query_as("SELECT presence FROM profile").fetch_one(&mut **tx).await?;
    Ok(match presence.as_str() {
        "away" => OwnPresence::Away,
        "invisible" => OwnPresence::Invisible,
        _ => OwnPresence::On,
    })
}

/// What our servers say of us from now on.
pub async fn set_own_presence(tx: &mut Tx, presence: OwnPresence) -> Result<(), StoreError> {
    let presence = match presence {
        OwnPresence::On => "on",
        OwnPresence::Away => "away",
        OwnPresence::Invisible => "invisible",
    };
    sqlx::query("UPDATE profile SET presence = ?").bind(presence).execute(&mut **tx).await?;
    Ok(())
}
