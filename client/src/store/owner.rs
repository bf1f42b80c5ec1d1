//! Stores the profile's own secrets, name and onion services.

use sqlx_macros::FromRow;
use zeroize::Zeroizing;

use super::{StoreError, Tx, bytes};
use crate::identity::RootSecret;
use crate::model::{ServiceId, ServiceKind, UnixMillis};
use crate::transport::ServiceKey;

pub struct Owner {
    /// What its keys come from.
    pub root: RootSecret,
    /// What its presence records are sealed with.
    pub presence_secret: [u8; 32],
    pub name: String,
    /// The revision of its card.
    pub card_revision: u64,
}

pub struct StoredService {
    pub id: ServiceId,
    pub kind: ServiceKind,
    pub seed: ServiceKey,
    /// When it closes, if it was replaced.
    pub closes_at: Option<UnixMillis>,
}

#[derive(FromRow)]
struct OwnerRow {
    root_secret: Vec<u8>,
    presence_secret: Vec<u8>,
    name: String,
    card_revision: i64,
}

#[derive(FromRow)]
struct ServiceRow {
    id: ServiceId,
    kind: ServiceKind,
    seed: Vec<u8>,
    closes_at: Option<UnixMillis>,
}

/// Writes the profile's one row.
pub async fn create(tx: &mut Tx, owner: &Owner, now: UnixMillis) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO profile (id, root_secret, presence_secret, name, card_revision, \
                created_at) VALUES (1, ?, ?, ?, ?, ?)",
    )
    .bind(&owner.root.0[..])
    .bind(&owner.presence_secret[..])
    .bind(&owner.name)
    .bind(owner.card_revision.cast_signed())
    .bind(now)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Reads the profile's one row.
pub async fn load(tx: &mut Tx) -> Result<Owner, StoreError> {
    let row: OwnerRow =
        sqlx::query_as("SELECT root_secret, presence_secret, name, card_revision FROM profile")
            .fetch_one(&mut **tx)
            .await?;
    let root = Zeroizing::new(row.root_secret);
    Ok(Owner {
        root: RootSecret(bytes(&root)?),
        presence_secret: bytes(&row.presence_secret)?,
        name: row.name,
        card_revision: row.card_revision.cast_unsigned(),
    })
}

/// Gives the profile another presence secret and its card a revision higher by `step`.
pub async fn renew_presence(tx: &mut Tx, secret: &[u8; 32], step: u32) -> Result<(), StoreError> {
    sqlx::query("UPDATE profile SET presence_secret = ?, card_revision = card_revision + ?")
        .bind(&secret[..])
        .bind(step)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Gives the profile another name, and its card a higher revision.
pub async fn rename(tx: &mut Tx, name: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE profile SET name = ?, card_revision = card_revision + 1")
        .bind(name)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Something else on the card changed.
pub async fn revise_card(tx: &mut Tx) -> Result<(), StoreError> {
    sqlx::query("UPDATE profile SET card_revision = card_revision + 1").execute(&mut **tx).await?;
    Ok(())
}

pub async fn services(tx: &mut Tx) -> Result<Vec<StoredService>, StoreError> {
    let all = sqlx::query_as("SELECT id, kind, seed, closes_at FROM service ORDER BY id");
    let rows: Vec<ServiceRow> = all.fetch_all(&mut **tx).await?;
    rows.into_iter()
        .map(|ServiceRow { id, kind, seed, closes_at }| {
            let seed = ServiceKey(bytes(&Zeroizing::new(seed))?);
            Ok(StoredService { id, kind, seed, closes_at })
        })
        .collect()
}

/// Adds a service; an earlier one of the same kind stays up until `closes_at`.
pub async fn add_service(
    tx: &mut Tx,
    kind: ServiceKind,
    seed: &ServiceKey,
    now: UnixMillis,
    closes_at: UnixMillis,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE service SET closes_at = ? WHERE kind = ? AND closes_at IS NULL")
        .bind(closes_at)
        .bind(kind)
        .execute(&mut **tx)
        .await?;
    sqlx::query("INSERT INTO service (kind, seed, created_at) VALUES (?, ?, ?)")
        .bind(kind)
        .bind(&seed.0[..])
        .bind(now)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn remove_service(tx: &mut Tx, id: ServiceId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM service WHERE id = ?").bind(id).execute(&mut **tx).await?;
    Ok(())
}
