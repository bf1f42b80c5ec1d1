//! Stores contacts, and our requests to become one.

use chive_shared::blinding::PresenceSecret;
use chive_shared::server::ServerId;
use sqlx_macros::FromRow;

use super::conversations::{self, Heading};
use super::{StoreError, Tx, bytes, preferences};
use crate::identity::{PeerId, PublicIdentity};
use crate::model::{
    ContactId, ContactStatus, ConversationId, ConversationKind, Member, PublicId, Reason,
    UnixMillis,
};
use crate::transport::OnionAddress;
use crate::wire::card::Card;

#[derive(Clone, FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "its columns")]
pub struct ContactRow {
    pub id: ContactId,
    /// Who they are for good.
    pub peer_id: PeerId,
    pub state: ContactStatus,
    pub refusal: Option<Reason>,
    pub blocked: bool,
    /// Whether its safety number was compared.
    pub verified: bool,
    /// What it is called here.
    pub name: String,
    /// Whether its name is more than a stand-in.
    pub named: bool,
    pub created_at: UnixMillis,
    link_key: Option<Vec<u8>>,
    presence_key: Option<Vec<u8>>,
    pair_secret: Option<Vec<u8>>,
    /// The newest card that was taken; -1 for none.
    pub card_revision: i64,
    pub shared_name: Option<String>,
    endpoint: Option<Vec<u8>>,
    presence_secret: Option<Vec<u8>>,
    servers: Option<String>,
    /// What it is told in place of our presence secret: our presence is kept from it.
    pub decoy: Option<Vec<u8>>,
    /// The direct conversation, which every contact has.
    pub conversation: ConversationId,
    /// By what front-ends know that.
    pub public_id: PublicId,
    /// Whether that has a group: with an accepted contact without one, it is to restart.
    pub has_group: bool,
}

impl ContactRow {
    /// The contact in the direct conversation with them.
    #[must_use]
    pub fn direct(&self) -> Member {
        Member { conversation: self.conversation, contact: self.id }
    }

    /// What messages of the direct conversation are shown with.
    #[must_use]
    pub fn heading(&self) -> Heading {
        Heading {
            conversation: self.conversation,
            public_id: self.public_id,
            contact: self.id,
            peer_id: self.peer_id,
            name: self.name.clone(),
        }
    }

    /// What a link needs, once it is accepted.
    pub fn keys(&self) -> Result<Option<ContactKeys>, StoreError> {
        match (&self.link_key, &self.presence_key, &self.pair_secret, &self.endpoint) {
            (Some(link), Some(presence), Some(pair), Some(endpoint)) => Ok(Some(ContactKeys {
                identity: PublicIdentity { link: bytes(link)?, presence: bytes(presence)? },
                pair: bytes(pair)?,
                address: OnionAddress(bytes(endpoint)?),
            })),
            _ => Ok(None),
        }
    }

    /// Where its presence is published, once its card was taken.
    pub fn presence(&self) -> Result<Option<PublishedPresence>, StoreError> {
        let Some(secret) = &self.presence_secret else { return Ok(None) };
        // Anybody may write anything on a card.
        let servers = self.servers.as_deref().unwrap_or_default().lines();
        let servers = servers.filter_map(|server| server.parse().ok()).collect();
        Ok(Some(PublishedPresence { secret: PresenceSecret(bytes(secret)?), servers }))
    }
}

/// What a link with a contact needs.
pub struct ContactKeys {
    pub identity: PublicIdentity,
    /// The secret that only the two of us have.
    pub pair: [u8; 32],
    pub address: OnionAddress,
}

/// How a contact's presence is found, as their card says.
pub struct PublishedPresence {
    /// What their records are sealed with.
    pub secret: PresenceSecret,
    /// The servers where the records are.
    pub servers: Vec<ServerId>,
}

const SELECT: &str = "SELECT id, peer_id, state, refusal, blocked, verified, name, named, \
                     created_at, link_key, presence_key, \
     pair_secret, card_revision, shared_name, endpoint, presence_secret, servers, decoy, \
     conversation, \
     (SELECT public_id FROM conversation v WHERE v.id = contact.conversation) AS public_id, \
     EXISTS (SELECT 1 FROM mls_group g WHERE g.conversation = contact.conversation) AS has_group \
     FROM contact";

pub async fn all(tx: &mut Tx) -> Result<Vec<ContactRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} ORDER BY name")))
        .fetch_all(&mut **tx)
        .await?)
}

/// One contact by its row.
pub async fn by_id(tx: &mut Tx, id: ContactId) -> Result<Option<ContactRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE id = ?")))
        .bind(id)
        .fetch_optional(&mut **tx)
        .await?)
}

/// One contact by its peer id.
pub async fn by_peer(tx: &mut Tx, peer: PeerId) -> Result<Option<ContactRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE peer_id = ?")))
        .bind(peer)
        .fetch_optional(&mut **tx)
        .await?)
}

/// The contact with whom a direct conversation is.
pub async fn by_conversation(
    tx: &mut Tx,
    conversation: ConversationId,
) -> Result<Option<ContactRow>, StoreError> {
    let one = sqlx::AssertSqlSafe(format!("{SELECT} WHERE conversation = ?"));
    Ok(sqlx::query_as(one).bind(conversation).fetch_optional(&mut **tx).await?)
}

/// A contact in the direct conversation with them.
pub async fn direct(tx: &mut Tx, contact: ContactId) -> Result<Member, StoreError> {
    let one = "SELECT conversation FROM contact WHERE id = ?";
    let conversation = sqlx::query_scalar(one).bind(contact).fetch_optional(&mut **tx).await?;
    let conversation = conversation.ok_or(StoreError::broken("a contact vanished"))?;
    Ok(Member { conversation, contact })
}

/// Contacts with this name, exactly.
pub async fn by_name(tx: &mut Tx, name: &str) -> Result<Option<ContactRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE name = ?")))
        .bind(name)
        .fetch_optional(&mut **tx)
        .await?)
}

/// Contacts whose name looks like this one's skeleton.
pub async fn by_skeleton(tx: &mut Tx, skeleton: &str) -> Result<Option<ContactRow>, StoreError> {
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(format!("{SELECT} WHERE skeleton = ?")))
        .bind(skeleton)
        .fetch_optional(&mut **tx)
        .await?)
}

pub async fn count(tx: &mut Tx) -> Result<u32, StoreError> {
    let (count,): (u32,) =
        sqlx::query_as("SELECT count(*) FROM contact").fetch_one(&mut **tx).await?;
    Ok(count)
}

/// What a contact is called here.
pub struct Naming<'a> {
    pub name: &'a str,
    pub skeleton: &'a str,
    /// Whether it is more than a stand-in.
    pub named: bool,
}

/// Adds a contact, with an empty conversation: nothing is known of them but who they must be.
pub async fn add(
    tx: &mut Tx,
    peer: PeerId,
    naming: &Naming<'_>,
    now: UnixMillis,
) -> Result<ContactId, StoreError> {
    let conversation = conversations::create(tx, ConversationKind::Direct, now).await?;
    let done = sqlx::query(
        "INSERT INTO contact (peer_id, state, name, skeleton, named, created_at, conversation) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(peer)
    .bind(ContactStatus::Requested)
    .bind(naming.name)
    .bind(naming.skeleton)
    .bind(naming.named)
    .bind(now)
    .bind(conversation)
    .execute(&mut **tx)
    .await?;
    let contact = ContactId(done.last_insert_rowid());
    conversations::add_member(tx, Member { conversation, contact }).await?;

    Ok(contact)
}

/// What a request of ours is made of.
pub struct NewRequest<'a> {
    pub link: &'a str,
    /// The private half of the key package.
    pub draft: &'a [u8],
    pub introduction: &'a [u8],
    /// What the owner of a handle is shown.
    pub message: Option<&'a str>,
}

/// Keeps a request until it is answered. Who is a contact already stays one meanwhile.
pub async fn ask(tx: &mut Tx, contact: ContactId, new: &NewRequest<'_>) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE contact SET state = iif(pair_secret IS NULL, 'requested', 'accepted'), refusal = \
        NULL WHERE id = ?",
    )
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    sqlx::query(
        "INSERT OR REPLACE INTO request (contact, link, draft, introduction, message) \
                VALUES (?, ?, ?, ?, ?)",
    )
    .bind(contact)
    .bind(new.link)
    .bind(new.draft)
    .bind(new.introduction)
    .bind(new.message)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A request of ours: the link, the private draft, the introduction to send.
#[derive(FromRow)]
pub struct RequestRow {
    pub link: String,
    /// The private half of the key package.
    pub draft: Vec<u8>,
    pub introduction: Vec<u8>,
    /// What the owner of a handle is shown.
    pub message: Option<String>,
}

/// The request of a contact, while it is not answered.
pub async fn request(tx: &mut Tx, contact: ContactId) -> Result<Option<RequestRow>, StoreError> {
    Ok(sqlx::query_as("SELECT link, draft, introduction, message FROM request WHERE contact = ?")
        .bind(contact)
        .fetch_optional(&mut **tx)
        .await?)
}

pub async fn remove_request(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM request WHERE contact = ?").bind(contact).execute(&mut **tx).await?;
    Ok(())
}

/// Both have each other from now on.
pub async fn accept(
    tx: &mut Tx,
    contact: ContactId,
    keys: &PublicIdentity,
    pair_secret: &[u8; 32],
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE contact SET state = 'accepted', refusal = NULL, link_key = ?, \
                presence_key = ?, pair_secret = ? WHERE id = ?",
    )
    .bind(&keys.link[..])
    .bind(&keys.presence[..])
    .bind(&pair_secret[..])
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// The contact refused our request. Who was a contact before stays one.
pub async fn refuse(tx: &mut Tx, contact: ContactId, reason: &Reason) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE contact SET state = 'refused', refusal = ? WHERE id = ? AND pair_secret IS NULL",
    )
    .bind(reason)
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    remove_request(tx, contact).await
}

/// Takes a card, unless it or a newer one was taken: then false.
pub async fn take_card(tx: &mut Tx, contact: ContactId, card: &Card) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "UPDATE contact SET card_revision = ?1, shared_name = ?2, endpoint = ?3, presence_secret \
        = ?4, servers = ?5 \
         WHERE id = ?6 AND card_revision < ?1",
    )
    .bind(card.revision.cast_signed())
    .bind(&card.name)
    .bind(card.onion().map(|onion| onion.0.to_vec()))
    .bind(&card.presence_secret[..])
    .bind(card.servers.join("\n"))
    .bind(contact)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Forgets which card was taken last: the next one counts, whatever its revision.
pub(super) async fn forget_card(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET card_revision = -1 WHERE id = ?")
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// A record of its presence names an endpoint of a newer card: true if it was not known.
pub async fn take_hint(
    tx: &mut Tx,
    contact: ContactId,
    revision: u64,
    endpoint: &[u8; 32],
) -> Result<bool, StoreError> {
    let Ok(revision) = i64::try_from(revision) else { return Ok(false) };
    // The card itself is still to come: its revision stays what it is.
    let done = sqlx::query(
        "UPDATE contact SET endpoint = ?1 WHERE id = ?2 AND card_revision < ?3 AND endpoint != ?1",
    )
    .bind(&endpoint[..])
    .bind(contact)
    .bind(revision)
    .execute(&mut **tx)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Keeps our presence from it, by a secret that leads nowhere; or no more.
pub async fn set_decoy(
    tx: &mut Tx,
    contact: ContactId,
    decoy: Option<&[u8; 32]>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET decoy = ? WHERE id = ?")
        .bind(decoy.map(|decoy| &decoy[..]))
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

pub async fn rename(
    tx: &mut Tx,
    contact: ContactId,
    naming: &Naming<'_>,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET name = ?, skeleton = ?, named = ? WHERE id = ?")
        .bind(naming.name)
        .bind(naming.skeleton)
        .bind(naming.named)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Marks it as compared, or not.
pub async fn set_verified(
    tx: &mut Tx,
    contact: ContactId,
    verified: bool,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET verified = ? WHERE id = ?")
        .bind(verified)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Refuses it, or not any more.
pub async fn set_blocked(tx: &mut Tx, contact: ContactId, blocked: bool) -> Result<(), StoreError> {
    sqlx::query("UPDATE contact SET blocked = ? WHERE id = ?")
        .bind(blocked)
        .bind(contact)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Forgets it, with its conversation.
pub async fn remove(tx: &mut Tx, contact: ContactId) -> Result<(), StoreError> {
    preferences::remove_of(tx, contact).await?;
    let gone = sqlx::query_scalar("DELETE FROM contact WHERE id = ? RETURNING conversation");
    match gone.bind(contact).fetch_optional(&mut **tx).await? {
        Some(conversation) => conversations::remove(tx, conversation).await,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::messages::NewRow;
    use crate::store::messages::tests::{comes, contact};
    use crate::store::{messages, scratch};
    use crate::wire::message::MessageId;

    #[tokio::test]
    async fn a_removed_contact_takes_their_conversation_along() {
        let (store, _directory) = scratch().await;
        let bob = contact(&store, "Bob").await;
        comes(&store, bob, 1, "hello").await;
        let mut tx = store.begin().await.unwrap();
        let new = NewRow {
            conversation: bob.conversation,
            id: MessageId([1; 16]),
            text: "good day",
            clock: 2,
            created_at: UnixMillis(0),
            expires_at: None,
            disappear_after: None,
        };
        messages::add_ours(&mut tx, &new).await.unwrap();

        remove(&mut tx, bob.contact).await.unwrap();
        for table in
            ["contact", "conversation", "member", "message", "delivery", "outbox", "received_range"]
        {
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            let count: i64 = sqlx::query_scalar(count).fetch_one(&mut *tx).await.unwrap();
            assert_eq!(count, 0, "{table}");
        }
    }
}
