//! Short texts that front-ends keep in the profile. What they mean is theirs; only [`BRIDGES`] is read here.

use data_encoding::HEXLOWER;
use sqlx::AssertSqlSafe;

use super::{StoreError, Tx};
use crate::model::ContactId;

/// The note with the bridges that Tor is started with, one a line.
pub const BRIDGES: &str = "tor.bridges";

/// What the key of a draft begins with; the contact's id follows. A draft belongs to a conversation, and
/// is kept there.
const DRAFT: &str = "draft.";

const NOTES: &str = "SELECT key, text FROM note UNION ALL \
     SELECT 'draft.' || lower(hex(peer_id)), draft FROM contact \
     JOIN conversation ON conversation.id = contact.conversation WHERE draft IS NOT NULL";

/// All notes, by their keys.
pub async fn all(tx: &mut Tx) -> Result<Vec<(String, String)>, StoreError> {
    let all = AssertSqlSafe(format!("{NOTES} ORDER BY 1"));
    Ok(sqlx::query_as(all).fetch_all(&mut **tx).await?)
}

/// One note.
pub async fn get(tx: &mut Tx, key: &str) -> Result<Option<String>, StoreError> {
    let one = AssertSqlSafe(format!("SELECT text FROM ({NOTES}) WHERE key = ?"));
    Ok(sqlx::query_scalar(one).bind(key).fetch_optional(&mut **tx).await?)
}

/// How many there are.
pub async fn count(tx: &mut Tx) -> Result<u32, StoreError> {
    let count = AssertSqlSafe(format!("SELECT count(*) FROM ({NOTES})"));
    Ok(sqlx::query_scalar(count).fetch_one(&mut **tx).await?)
}

/// Writes a note, in the place of the one before.
pub async fn put(tx: &mut Tx, key: &str, text: &str) -> Result<(), StoreError> {
    if set_draft(tx, key, Some(text)).await? {
        return Ok(());
    }
    sqlx::query("INSERT INTO note (key, text) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET text = ?2")
        .bind(key)
        .bind(text)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Removes a note, if it is there.
pub async fn remove(tx: &mut Tx, key: &str) -> Result<(), StoreError> {
    set_draft(tx, key, None).await?;
    sqlx::query("DELETE FROM note WHERE key = ?").bind(key).execute(&mut **tx).await?;
    Ok(())
}

/// Writes or removes a draft. False if this is not the key of one, or of nobody whom we know.
async fn set_draft(tx: &mut Tx, key: &str, text: Option<&str>) -> Result<bool, StoreError> {
    let id = key.strip_prefix(DRAFT).and_then(|hex| HEXLOWER.decode(hex.as_bytes()).ok());
    let Some(id) = id else { return Ok(false) };
    let set = "UPDATE conversation SET draft = ? WHERE id = (SELECT conversation FROM contact WHERE peer_id = ?)";
    let done = sqlx::query(set).bind(text).bind(id).execute(&mut **tx).await?;
    Ok(done.rows_affected() > 0)
}

/// Removes what front-ends keep of a contact: the notes whose keys end with its id.
pub(super) async fn remove_of(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM note WHERE key LIKE (SELECT '%.' || lower(hex(peer_id)) FROM contact WHERE id = ?)")
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
    use crate::store::{conversations, scratch};

    #[tokio::test]
    async fn a_note_is_replaced_and_removed_and_those_of_a_contact_go_with_it() {
        let (store, _directory) = scratch().await;
        let mut tx = store.begin().await.unwrap();
        let naming = Naming { name: "Bob", skeleton: "bob", named: true };
        let bob = contacts::add(&mut tx, PeerId([0xab; 32]), &naming, UnixMillis(1)).await.unwrap();
        let id = "ab".repeat(32);
        let (draft, wanted) = (format!("draft.{id}"), format!("ui.wanted.{id}"));
        let notes = [("ui.theme", "dark"), ("ui.theme", "light"), (draft.as_str(), "Dear B"), (wanted.as_str(), "yes")];
        for (key, text) in notes {
            put(&mut tx, key, text).await.unwrap();
        }
        assert_eq!(get(&mut tx, "ui.theme").await.unwrap().as_deref(), Some("light"));
        assert_eq!(count(&mut tx).await.unwrap(), 3);
        assert_eq!(get(&mut tx, &draft).await.unwrap().as_deref(), Some("Dear B"));
        remove(&mut tx, &draft).await.unwrap();
        assert_eq!(get(&mut tx, &draft).await.unwrap(), None);
        put(&mut tx, &draft, "Dear Bob").await.unwrap();
        let member = contacts::direct(&mut tx, bob).await.unwrap();
        let conversation = conversations::load(&mut tx, member.conversation).await.unwrap();
        assert_eq!(conversation.draft.as_deref(), Some("Dear Bob"));
        contacts::remove(&mut tx, bob).await.unwrap();
        assert_eq!(all(&mut tx).await.unwrap(), [("ui.theme".to_owned(), "light".to_owned())]);
        remove(&mut tx, "ui.theme").await.unwrap();
        assert_eq!(get(&mut tx, "ui.theme").await.unwrap(), None);
    }
}
