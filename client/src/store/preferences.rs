//! Stores short texts of front-ends. Only they know what these mean, except [`BRIDGES`].

use super::{StoreError, Tx};
use crate::model::ContactId;

/// The preference with the bridges that Tor is started with, one a line.
pub const BRIDGES: &str = "tor.bridges";

/// All preferences, by their keys.
pub async fn all(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    Ok(sqlx::query_as("SELECT key, text FROM preference ORDER BY key").fetch_all(&mut **tx).await?)
}

pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<String>, StoreError> {
    Ok(sqlx::query_scalar("SELECT text FROM preference WHERE key = ?")
        .bind(key)
        .fetch_optional(&mut **tx)
        .await?)
}

pub async fn count(tx: &mut Tx) -> Result<u32, StoreError> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM preference").fetch_one(&mut **tx).await?)
}

/// Writes a preference, in the place of the one before.
pub async fn put(tx: &mut Tx, key: &str, text: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO preference (key, text) VALUES (?1, ?2) \
         ON CONFLICT (key) DO UPDATE SET text = ?2",
    )
    .bind(key)
    .bind(text)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Removes a preference, if it is there.
pub async fn remove(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM preference WHERE key = ?").bind(key).execute(&mut **tx).await?;
    Ok(())
}

/// Removes what front-ends keep of a contact: the preferences whose keys end with its id.
pub(super) async fn remove_of(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM preference WHERE key LIKE (SELECT '%.' || lower(hex(peer_id)) FROM contact \
                WHERE id = ?)",
    )
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::PeerId;
    use crate::model::UnixMillis;
    use crate::store::contacts::{self, Naming};
    use crate::store::scratch;

    #[tokio::test]
    async fn preferences_are_replaced_and_removed_with_their_contact() {
        let (store, _directory) = scratch().await;
        let mut tx = store.begin().await.unwrap();
        let naming = Naming { name: "Bob", skeleton: "bob", named: true };
        let bob = contacts::add(&mut tx, PeerId([0xab; 32]), &naming, UnixMillis(1)).await.unwrap();
        let id = "ab".repeat(32);
        let wanted = format!("ui.wanted.{id}");
        for (key, text) in [("ui.theme", "dark"), ("ui.theme", "light"), (wanted.as_str(), "yes")] {
            put(&mut tx, key, text).await.unwrap();
        }

        assert_eq!(get(&mut tx, "ui.theme").await.unwrap().as_deref(), Some("light"));
        assert_eq!(count(&mut tx).await.unwrap(), 2);
        contacts::remove(&mut tx, bob).await.unwrap();
        assert_eq!(all(&mut tx).await.unwrap(), [("ui.theme".to_owned(), "light".to_owned())]);
        remove(&mut tx, "ui.theme").await.unwrap();
        assert_eq!(get(&mut tx, "ui.theme").await.unwrap(), None);
    }
}
