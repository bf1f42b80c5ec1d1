//! Our handles, and those who found us by one.

use chive_shared::handle::HandleName;
use chive_shared::server::ServerId;
use sqlx_macros::FromRow;

use super::{StoreError, Tx, bytes};
use crate::api::types::{Handle, HandleState, Request};
use crate::identity::{PeerId, PublicIdentity};
use crate::invitation::InvitationSecret;
use crate::limits::MAX_ASKING;

/// A handle of ours.
#[derive(FromRow)]
pub struct HandleRow {
    /// Its row.
    pub id: i64,
    server: Vec<u8>,
    name: String,
    secret: Vec<u8>,
    state: String,
    reason: Option<String>,
    /// The number of the last claim.
    pub sequence: Option<i64>,
    /// When to claim it again.
    pub renew_at: Option<i64>,
    expires_at: Option<i64>,
}

const SELECT: &str = "SELECT id, server, name, secret, state, reason, sequence, renew_at, expires_at FROM handle";

impl HandleRow {
    /// Where it is.
    pub fn server(&self) -> Result<ServerId, StoreError> {
        Ok(ServerId(bytes(&self.server)?))
    }

    /// The word.
    pub fn name(&self) -> Result<HandleName, StoreError> {
        self.name.parse().map_err(|_| StoreError::Damaged("a handle"))
    }

    /// The secret of the invitation that it leads to.
    pub fn secret(&self) -> Result<InvitationSecret, StoreError> {
        Ok(InvitationSecret(bytes(&self.secret)?))
    }

    /// How far it is.
    #[must_use]
    pub fn state(&self) -> HandleState {
        match self.state.as_str() {
            "active" => HandleState::Active,
            "failed" => HandleState::Failed,
            "releasing" => HandleState::Releasing,
            _ => HandleState::Claiming,
        }
    }

    /// As the local API shows it.
    pub fn show(&self) -> Result<Handle, StoreError> {
        Ok(Handle {
            handle: written(&self.name, self.server()?),
            state: self.state(),
            reason: self.reason.clone(),
            expires_at: self.expires_at,
        })
    }
}

/// `name@server`
#[must_use]
pub fn written(name: &str, server: ServerId) -> String {
    format!("{name}@{}", server.to_address())
}

/// Those to be claimed, renewed or given back by ?1.
pub(super) const DUE: &str = "state IN ('claiming', 'releasing') OR (state = 'active' AND ifnull(renew_at, ?1) <= ?1)";

/// Those with which there is something to do.
pub async fn due(tx: &mut Tx, now: i64) -> Result<Vec<HandleRow>, StoreError> {
    let due = sqlx::AssertSqlSafe(format!("{SELECT} WHERE {DUE} ORDER BY id"));
    Ok(sqlx::query_as(due).bind(now).fetch_all(&mut **tx).await?)
}

/// All of them.
pub async fn all(tx: &mut Tx) -> Result<Vec<HandleRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY id"))).fetch_all(&mut **tx).await?)
}

/// One of them.
pub async fn by_id(tx: &mut Tx, id: i64) -> Result<Option<HandleRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = ?"))).bind(id).fetch_optional(&mut **tx).await?)
}

/// The one of this name at this server.
pub async fn find(tx: &mut Tx, server: ServerId, name: &HandleName) -> Result<Option<HandleRow>, StoreError> {
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
    .bind(&secret.0[..])
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What this one, or each, leads to changed: it is claimed again, with another card.
pub async fn claim_again(tx: &mut Tx, id: Option<i64>) -> Result<(), StoreError> {
    sqlx::query("UPDATE handle SET state = 'claiming' WHERE state = 'active' AND id = ifnull(?, id)")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// The server has it.
pub async fn claimed(tx: &mut Tx, id: i64, sequence: i64, renew_at: i64, expires_at: i64) -> Result<(), StoreError> {
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
pub async fn not_claimed(tx: &mut Tx, id: i64, reason: &str, for_good: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE handle SET reason = ?, state = iif(? AND state = 'claiming', 'failed', state) WHERE id = ?")
        .bind(reason)
        .bind(for_good)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// It is to be given back.
pub async fn release(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE handle SET state = 'releasing', reason = NULL WHERE id = ?")
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets it.
pub async fn remove(tx: &mut Tx, id: i64) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM handle WHERE id = ?").bind(id).execute(&mut **tx).await?;
    Ok(())
}

/// Somebody who found us by a handle.
#[derive(FromRow)]
pub struct AskingRow {
    peer_id: Vec<u8>,
    link_key: Vec<u8>,
    presence_key: Vec<u8>,
    handle: String,
    /// Its introduction.
    pub introduction: Vec<u8>,
    name: String,
    message: Option<String>,
    received_at: i64,
    /// `declined` or `blocked`; nothing while it waits.
    pub decision: Option<String>,
}

const ASKING: &str = "SELECT peer_id, link_key, presence_key, handle, introduction, name, message, received_at, decision \
     FROM asking";

impl AskingRow {
    /// Who it is for good.
    pub fn peer_id(&self) -> Result<PeerId, StoreError> {
        Ok(PeerId(bytes(&self.peer_id)?))
    }

    /// What it has proved.
    pub fn identity(&self) -> Result<PublicIdentity, StoreError> {
        Ok(PublicIdentity { link: bytes(&self.link_key)?, presence: bytes(&self.presence_key)? })
    }

    /// As the local API shows it.
    #[must_use]
    pub fn show(&self) -> Request {
        Request {
            id: data_encoding::HEXLOWER.encode(&self.peer_id),
            name: self.name.clone(),
            message: self.message.clone(),
            handle: self.handle.clone(),
            received_at: self.received_at,
        }
    }
}

/// Who asks.
pub struct NewAsking<'a> {
    /// What it has proved.
    pub peer: &'a PublicIdentity,
    /// The handle that it used.
    pub handle: &'a str,
    /// What it sent.
    pub introduction: &'a [u8],
    /// What it would be called here.
    pub name: &'a str,
    /// What it writes.
    pub message: Option<&'a str>,
}

/// Keeps a request until it is answered, in place of an earlier one. True if there is something else to be shown; also
/// false when there are too many.
pub async fn put_asking(tx: &mut Tx, new: &NewAsking<'_>, now: i64) -> Result<bool, StoreError> {
    let peer = new.peer.peer_id();
    let before = asking_of(tx, peer).await?;
    let (count,): (u32,) = sqlx::query_as("SELECT count(*) FROM asking").fetch_one(&mut **tx).await?;
    if before.is_none() && count >= MAX_ASKING {
        return Ok(false);
    }
    sqlx::query(
        "INSERT INTO asking (peer_id, link_key, presence_key, handle, introduction, name, message, received_at) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET \
         introduction = excluded.introduction, name = excluded.name, message = excluded.message",
    )
    .bind(&new.peer.peer_id().0[..])
    .bind(&new.peer.link[..])
    .bind(&new.peer.presence[..])
    .bind(new.handle)
    .bind(new.introduction)
    .bind(new.name)
    .bind(new.message)
    .bind(now)
    .execute(&mut **tx)
    .await?;
    let shows = |row: &AskingRow| row.name == new.name && row.message.as_deref() == new.message;
    Ok(before.is_none_or(|row| row.decision.is_none() && !shows(&row)))
}

/// Those who wait for our answer, oldest first.
pub async fn waiting(tx: &mut Tx) -> Result<Vec<AskingRow>, StoreError> {
    let waiting = format!("{ASKING} WHERE decision IS NULL ORDER BY received_at, peer_id");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(waiting)).fetch_all(&mut **tx).await?)
}

/// How many wait for our answer.
pub async fn count_waiting(tx: &mut Tx) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM asking WHERE decision IS NULL").fetch_one(&mut **tx).await?)
}

/// What is known of who asks.
pub async fn asking_of(tx: &mut Tx, peer: PeerId) -> Result<Option<AskingRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{ASKING} WHERE peer_id = ?")))
        .bind(&peer.0[..])
        .fetch_optional(&mut **tx)
        .await?)
}

/// What becomes of it: `declined` or `blocked`.
pub async fn decide(tx: &mut Tx, peer: PeerId, decision: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE asking SET decision = ? WHERE peer_id = ?")
        .bind(decision)
        .bind(&peer.0[..])
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets it.
pub async fn forget_asking(tx: &mut Tx, peer: PeerId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM asking WHERE peer_id = ?").bind(&peer.0[..]).execute(&mut **tx).await?;
    Ok(())
}
