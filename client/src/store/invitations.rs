//! Stores our invitations, and who has used them.

use sqlx_macros::FromRow;

use super::{StoreError, Tx};
use crate::identity::PeerId;
use crate::invitation::InvitationSecret;
use crate::limits::INVITATION_MEMORY_MS;
use crate::model::{InvitationStatus, UnixMillis};

/// One invitation, and how often it was used.
#[derive(Clone, FromRow)]
pub struct InvitationRow {
    /// 16 bytes.
    pub id: Vec<u8>,
    pub secret: InvitationSecret,
    pub link: String,
    /// How many people may use it.
    pub uses: i64,
    pub used: i64,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
    revoked_at: Option<UnixMillis>,
}

impl InvitationRow {
    #[must_use]
    pub fn state(&self, now: UnixMillis) -> InvitationStatus {
        if self.revoked_at.is_some() {
            InvitationStatus::Revoked
        } else if self.used >= self.uses {
            InvitationStatus::Used
        } else if now >= self.expires_at {
            InvitationStatus::Expired
        } else {
            InvitationStatus::Active
        }
    }

    /// Whether it works for a contact who restarts the conversation. `used`: whether this contact
    /// has used it already.
    #[must_use]
    pub fn serves(&self, used: bool, now: UnixMillis) -> bool {
        self.revoked_at.is_none() && now < self.expires_at && (used || self.used < self.uses)
    }

    /// When it ends, if it works now.
    #[must_use]
    pub fn active_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        (self.state(now) == InvitationStatus::Active).then_some(self.expires_at)
    }
}

pub async fn add(
    tx: &mut Tx,
    secret: &InvitationSecret,
    link: &str,
    uses: u32,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO invitation (id, secret, link, uses, created_at, expires_at) VALUES \
                (?, ?, ?, ?, ?, ?)",
    )
    .bind(&secret.id()[..])
    .bind(secret)
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
    let row: Option<(i64,)> =
        sqlx::query_as("SELECT 1 FROM invitation_use WHERE invitation = ? AND peer_id = ?")
            .bind(id)
            .bind(peer)
            .fetch_optional(&mut **tx)
            .await?;
    Ok(row.is_some())
}

pub async fn take_use(
    tx: &mut Tx,
    id: &[u8],
    peer: PeerId,
    now: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query("INSERT OR IGNORE INTO invitation_use (invitation, peer_id, at) VALUES (?, ?, ?)")
        .bind(id)
        .bind(peer)
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn revoke(tx: &mut Tx, id: &[u8], now: UnixMillis) -> Result<(), StoreError> {
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
pub async fn forget_old(tx: &mut Tx, now: UnixMillis) -> Result<bool, StoreError> {
    let forget = format!("DELETE FROM invitation WHERE {}", old());
    let gone = sqlx::query(sqlx::AssertSqlSafe(forget)).bind(now).execute(&mut **tx).await?;
    Ok(gone.rows_affected() > 0)
}
