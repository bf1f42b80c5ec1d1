//! Stores our handles, and the requests of people who found us by one.

use chive_shared::handle::{HandleName, NameError};
use chive_shared::server::ServerId;
use sqlx_macros::FromRow;

use super::columns::Bytes32;
use super::{StoreError, Tx, bytes};
use crate::identity::{PeerId, PublicIdentity};
use crate::invitation::InvitationSecret;
use crate::limits::MAX_CONTACT_REQUESTS;
use crate::model::{Answer, HandleId, HandleStatus, Reason, UnixMillis};

#[derive(FromRow)]
pub struct HandleRow {
    pub id: HandleId,
    server: Bytes32,
    name: String,
    /// The secret of the invitation that it leads to.
    pub secret: InvitationSecret,
    pub state: HandleStatus,
    pub reason: Option<Reason>,
    /// The number of the last claim.
    pub sequence: Option<i64>,
    /// When to claim it again.
    pub renew_at: Option<UnixMillis>,
    /// Until when its server keeps it.
    pub expires_at: Option<UnixMillis>,
}

const SELECT: &str =
    "SELECT id, server, name, secret, state, reason, sequence, renew_at, expires_at FROM handle";

impl HandleRow {
    #[must_use]
    pub fn server(&self) -> ServerId {
        ServerId(self.server.0)
    }

    pub fn name(&self) -> Result<HandleName, StoreError> {
        self.name.parse().map_err(|error: NameError| StoreError::damaged("a handle", error))
    }

    /// `name@server`
    #[must_use]
    pub fn written(&self) -> String {
        format!("{}@{}", self.name, self.server().to_address())
    }
}

/// Those to be claimed, renewed or given back by ?1.
pub(super) const DUE: &str =
    "state IN ('claiming', 'releasing') OR (state = 'active' AND ifnull(renew_at, ?1) <= ?1)";

/// Those with which there is something to do.
pub async fn due(tx: &mut Tx, now: UnixMillis) -> Result<Vec<HandleRow>, StoreError> {
    let due = sqlx::AssertSqlSafe(format!("{SELECT} WHERE {DUE} ORDER BY id"));
    Ok(sqlx::query_as(due).bind(now).fetch_all(&mut **tx).await?)
}

pub async fn all(tx: &mut Tx) -> Result<Vec<HandleRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY id")))
        .fetch_all(&mut **tx)
        .await?)
}

pub async fn by_id(tx: &mut Tx, id: HandleId) -> Result<Option<HandleRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = ?")))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The one of this name at this server.
pub async fn find(
    tx: &mut Tx,
    server: ServerId,
    name: &HandleName,
) -> Result<Option<HandleRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE server = ? AND name = ?")))
        .bind(&server.0[..])
        .bind(name.as_str())
        .fetch_optional(&mut **tx)
        .await?)
}

/// Claims it, or again after a refusal or a release.
pub async fn claim(
    tx: &mut Tx,
    server: ServerId,
    name: &HandleName,
    secret: &InvitationSecret,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO handle (server, name, secret, state) VALUES (?, ?, ?, 'claiming') \
         ON CONFLICT DO UPDATE SET state = 'claiming', reason = NULL",
    )
    .bind(&server.0[..])
    .bind(name.as_str())
    .bind(secret)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What this one, or each, leads to changed: it is claimed again, with another card.
pub async fn claim_again(tx: &mut Tx, id: Option<HandleId>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE handle SET state = 'claiming' WHERE state = 'active' AND id = ifnull(?, id)",
    )
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

pub async fn claimed(
    tx: &mut Tx,
    id: HandleId,
    sequence: i64,
    renew_at: UnixMillis,
    expires_at: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE handle SET reason = NULL, sequence = ?, renew_at = ?, expires_at = ?, \
         state = iif(state = 'releasing', state, 'active') WHERE id = ?",
    )
    .bind(sequence)
    .bind(renew_at)
    .bind(expires_at)
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It was not taken: for good, or for now.
pub async fn not_claimed(
    tx: &mut Tx,
    id: HandleId,
    reason: &Reason,
    for_good: bool,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE handle SET reason = ?, state = iif(? AND state = 'claiming', 'failed', \
                state) WHERE id = ?",
    )
    .bind(reason)
    .bind(for_good)
    .bind(id)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// It is to be given back.
pub async fn release(tx: &mut Tx, id: HandleId) -> Result<(), StoreError> {
    sqlx::query("UPDATE handle SET state = 'releasing', reason = NULL WHERE id = ?")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn remove(tx: &mut Tx, id: HandleId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM handle WHERE id = ?").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Somebody who found us by a handle.
#[derive(FromRow)]
pub struct HandleRequestRow {
    /// Who they are for good.
    pub peer_id: PeerId,
    link_key: Vec<u8>,
    presence_key: Vec<u8>,
    /// The handle that it used, as `name@server`.
    pub handle: String,
    pub introduction: Vec<u8>,
    /// What it would be called here.
    pub name: String,
    pub message: Option<String>,
    pub received_at: UnixMillis,
    pub decision: Option<Answer>,
}

const CONTACT_REQUEST: &str = "SELECT peer_id, link_key, presence_key, handle, introduction, name, \
                     message, received_at, decision \
     FROM contact_request";

impl HandleRequestRow {
    pub fn identity(&self) -> Result<PublicIdentity, StoreError> {
        Ok(PublicIdentity { link: bytes(&self.link_key)?, presence: bytes(&self.presence_key)? })
    }
}

pub struct NewHandleRequest<'a> {
    pub peer: &'a PublicIdentity,
    /// The handle that it used.
    pub handle: &'a str,
    pub introduction: &'a [u8],
    /// What it would be called here.
    pub name: &'a str,
    pub message: Option<&'a str>,
}

/// Keeps a request until it is answered, in place of an earlier one. True if there is something
/// else to be shown; also false when there are too many.
pub async fn put_request(
    tx: &mut Tx,
    new: &NewHandleRequest<'_>,
    now: UnixMillis,
) -> Result<bool, StoreError> {
    let peer = new.peer.peer_id();
    let before = request_of(tx, peer).await?;
    let (count,): (u32,) =
        sqlx::query_as("SELECT count(*) FROM contact_request").fetch_one(&mut **tx).await?;
    if before.is_none() && count >= MAX_CONTACT_REQUESTS {
        return Ok(false);
    }

    sqlx::query(
        "INSERT INTO contact_request (peer_id, link_key, presence_key, handle, introduction, name, \
        message, received_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
         introduction = excluded.introduction, name = excluded.name, message = excluded.message",
    )
    .bind(peer)
    .bind(&new.peer.link[..])
    .bind(&new.peer.presence[..])
    .bind(new.handle)
    .bind(new.introduction)
    .bind(new.name)
    .bind(new.message)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let shows =
        |row: &HandleRequestRow| row.name == new.name && row.message.as_deref() == new.message;

    Ok(before.is_none_or(|row| row.decision.is_none() && !shows(&row)))
}

/// Those who wait for our answer, oldest first.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<HandleRequestRow>, StoreError> {
    let waiting = format!("{CONTACT_REQUEST} WHERE decision IS NULL ORDER BY received_at, peer_id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(waiting)).fetch_all(&mut **tx).await?)
}

/// How many wait for our answer.
pub async fn count_waiting(tx: &mut Tx) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM contact_request WHERE decision IS NULL")
        .fetch_one(&mut **tx)
        .await?)
}

/// What is known of who asks.
pub async fn request_of(tx: &mut Tx, peer: PeerId) -> Result<Option<HandleRequestRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{CONTACT_REQUEST} WHERE peer_id = ?")))
        .bind(peer)
        .fetch_optional(&mut **tx)
        .await?)
}

pub async fn decide(tx: &mut Tx, peer: PeerId, decision: Answer) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact_request SET decision = ? WHERE peer_id = ?")
        .bind(decision)
        .bind(peer)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn forget_request(tx: &mut Tx, peer: PeerId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM contact_request WHERE peer_id = ?")
        .bind(peer)
        .execute(&mut **tx)
        .await?;
    Ok(())
}
