//! Invitations that this profile made.

use sqlx_macros::FromRow;

use super::{StoreError, Tx, bytes};
use crate::api::types::{Invitation, InvitationState};
use crate::identity::PeerId;
use crate::invitation::InvitationSecret;
use crate::limits::INVITATION_MEMORY_MS;

/// One invitation, and how often it was used.
#[derive(Clone, FromRow)]
pub struct InvitationRow {
    /// 16 bytes.
    pub id: Vec<u8>,
    secret: Vec<u8>,
    link: String,
    uses: i64,
    used: i64,
    created_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
}

impl InvitationRow {
    /// Its secret.
    pub fn secret(&self) -> Result<InvitationSecret, StoreError> {
        Ok(InvitationSecret(bytes(&self.secret)?))
    }

    /// Whether it still works.
    #[must_use]
    pub fn state(&self, now: i64) -> InvitationState {
        if self.revoked_at.is_some() {
            InvitationState::Revoked
        } else if self.used >= self.uses {
            InvitationState::Used
        } else if now >= self.expires_at {
            InvitationState::Expired
        } else {
            InvitationState::Active
        }
    }

    /// Whether it works for a contact that begins anew: `used` says whether a use is its own already.
    #[must_use]
    pub fn serves(&self, used: bool, now: i64) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && (used || self.used < self.uses)
    }

    /// When it ends, if it works now.
    #[must_use]
    pub fn active_until(&self, now: i64) -> Option<i64> {
        (self.state(now) == InvitationState::Active).then_some(self.expires_at)
    }

    /// As the local API shows it.
    #[must_use]
    pub fn show(&self, now: i64) -> Invitation {
        let state = self.state(now);
        Invitation {
            id: data_encoding::HEXLOWER.encode(&self.id),
            link: (state == InvitationState::Active).then(|| self.link.clone()),
            state,
            uses: u32::try_from(self.uses).unwrap_or(u32::MAX),
            used: u32::try_from(self.used).unwrap_or(u32::MAX),
            created_at: self.created_at,
            expires_at: self.expires_at,
        }
    }
}

/// Adds an invitation.
pub async fn add(
    tx: &mut Tx,
    secret: &InvitationSecret,
    link: &str,
    uses: u32,
    now: i64,
    expires_at: i64,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO invitation (id, secret, link, uses, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)")
        .bind(&secret.id()[..])
        .bind(&secret.0[..])
        .bind(link)
        .bind(uses)
        .bind(now)
        .bind(expires_at)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// All that are remembered, oldest first.
pub async fn all(tx: &mut Tx) -> Result<Vec<InvitationRow>, StoreError> {
    Ok(sqlx::query_as(
        "SELECT id, secret, link, uses, created_at, expires_at, revoked_at, \
         (SELECT count(*) FROM invitation_use WHERE invitation = invitation.id) AS used \
         FROM invitation ORDER BY created_at, id",
    )
    .fetch_all(&mut **tx)
    .await?)
}

/// Whether this peer has used it.
pub async fn used_by(tx: &mut Tx, id: &[u8], peer: PeerId) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM invitation_use WHERE invitation = ? AND peer_id = ?")
        .bind(id)
        .bind(&peer.0[..])
        .fetch_optional(&mut **tx)
        .await?;
    Ok(row.is_some())
}

/// Takes one use.
pub async fn take_use(tx: &mut Tx, id: &[u8], peer: PeerId, now: i64) -> Result<(), StoreError> {
    sqlx::query("INSERT OR IGNORE INTO invitation_use (invitation, peer_id, at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(&peer.0[..])
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Takes it back.
pub async fn revoke(tx: &mut Tx, id: &[u8], now: i64) -> Result<(), StoreError> {
    sqlx::query("UPDATE invitation SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
        .bind(now)
        .bind(id)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Those that ended long before ?1.
pub(super) fn old() -> String {
    format!("max(expires_at, ifnull(revoked_at, 0)) < ?1 - {INVITATION_MEMORY_MS}")
}

/// Forgets those that ended long ago. True if any did.
pub async fn forget_old(tx: &mut Tx, now: i64) -> Result<bool, StoreError> {
    let forget = format!("DELETE FROM invitation WHERE {}", old());
    let gone = sqlx::query(sqlx::AssertSqlSafe(forget)).bind(now).execute(&mut **tx).await?;
    Ok(gone.rows_affected() > 0)
}
