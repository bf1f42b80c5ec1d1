//! Stores the rendezvous servers at which we publish our presence, and which presence that is.

use chive_shared::server::ServerId;

use super::columns::Bytes32;
use super::{StoreError, Tx};
use crate::model::{OwnPresence, UnixMillis};

pub struct ServerRow {
    /// Who it is for good.
    pub id: ServerId,
    /// What lets us write there.
    pub token: Option<String>,
}

/// All of them, in the order in which they were added.
pub async fn all(tx: &mut Tx) -> Result<Vec<ServerRow>, StoreError> {
    let all = sqlx::query_as("SELECT id, token FROM server ORDER BY added_at, id");
    let rows: Vec<(Bytes32, Option<String>)> = all.fetch_all(&mut **tx).await?;
    Ok(rows.into_iter().map(|(id, token)| ServerRow { id: ServerId(id.0), token }).collect())
}

/// Adds one; false if it is there already.
pub async fn add(
    tx: &mut Tx,
    id: ServerId,
    token: Option<&str>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO server (id, token, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    )
    .bind(&id.0[..])
    .bind(token)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets one; false if it is not there.
pub async fn remove(tx: &mut Tx, id: ServerId) -> Result<bool, StoreError> {
    let done =
        sqlx::query("DELETE FROM server WHERE id = ?").bind(&id.0[..]).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// What our servers say of us.
pub async fn own_presence(tx: &mut Tx) -> Result<OwnPresence, StoreError> {
    Ok(sqlx::query_scalar("SELECT presence FROM profile").fetch_one(&mut **tx).await?)
}

/// What our servers say of us from now on.
pub async fn set_own_presence(tx: &mut Tx, presence: OwnPresence) -> Result<(), StoreError> {
    sqlx::query("UPDATE profile SET presence = ?").bind(presence).execute(&mut **tx).await?;
    Ok(())
}
