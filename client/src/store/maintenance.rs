//! Periodic maintenance: finds out which clean-up is pending. Deletes nothing itself.

use sqlx_macros::FromRow;

use super::{StoreError, Tx, deletion, delivery, groups, handles, invitations};
use crate::model::{KeyUpdates, UnixMillis};

/// What there is to do. Each field says that its function would find something.
#[derive(Debug, FromRow)]
#[expect(clippy::struct_excessive_bools, reason = "each is an answer to a question of its own")]
pub struct Due {
    /// [`delivery::expire`]
    pub expired: bool,
    /// [`deletion::delete_due`]
    pub deleted: bool,
    /// [`groups::due`]
    pub stale: bool,
    /// [`invitations::forget_old`]
    pub forgotten: bool,
    /// [`handles::due`]
    pub handles: bool,
}

/// Looks for all of it at once.
pub async fn due(tx: &mut Tx, now: UnixMillis, updates: KeyUpdates) -> Result<Due, StoreError> {
    let look = format!(
        "SELECT EXISTS (SELECT 1 FROM delivery WHERE {}) AS expired, \
         EXISTS ({}) OR EXISTS ({}) AS deleted, EXISTS ({}) AS stale, \
         EXISTS (SELECT 1 FROM invitation WHERE {}) AS forgotten, EXISTS (SELECT 1 FROM handle \
         WHERE {}) AS handles",
        delivery::EXPIRED,
        deletion::DISAPPEARING,
        deletion::TOO_OLD,
        groups::stale(),
        invitations::old(),
        handles::DUE,
    );
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(look))
        .bind(now)
        .bind(updates.after_messages)
        .bind(now - updates.not_before)
        .fetch_one(&mut **tx)
        .await?)
}

#[cfg(test)]
mod tests {
    use chive_mls::Changes;
    use chive_shared::server::ServerId;

    use super::*;
    use crate::invitation::InvitationSecret;
    use crate::limits::{INVITATION_MEMORY_MS, UPDATE_AFTER_MS};
    use crate::store::messages::tests::{comes, contact};
    use crate::store::{Store, messages, scratch};
    use crate::wire::message::MessageId;

    /// What is due at a time: expired, deleted, stale, forgotten, handles.
    async fn due(store: &Store, now: i64) -> [bool; 5] {
        let mut tx = store.begin().await.unwrap();
        let due = super::due(&mut tx, UnixMillis(now), updates()).await.unwrap();
        let Due { expired, deleted, stale, forgotten, handles } = due;
        [expired, deleted, stale, forgotten, handles]
    }

    fn updates() -> KeyUpdates {
        KeyUpdates { after_messages: 100, not_before: std::time::Duration::ZERO }
    }

    const NOTHING: [bool; 5] = [false; 5];

    #[tokio::test]
    async fn what_is_due_is_found_in_its_time_until_it_is_done() {
        let (store, _directory) = scratch().await;
        assert_eq!(due(&store, i64::MAX).await, NOTHING);
        let bob = contact(&store, "Bob").await;
        let row = comes(&store, bob, 1, "hello").await;

        let mut tx = store.begin().await.unwrap();
        let new = messages::NewRow {
            conversation: bob.conversation,
            id: MessageId([1; 16]),
            text: "in time?",
            clock: 2,
            created_at: UnixMillis(0),
            expires_at: Some(UnixMillis(1_000)),
            disappear_after: None,
        };
        messages::add_ours(&mut tx, &new).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 999).await, NOTHING);
        assert_eq!(due(&store, 1_000).await, [true, false, false, false, false]);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(delivery::expire(&mut tx, UnixMillis(1_000)).await.unwrap().len(), 1);
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 1_000).await, NOTHING);

        let mut tx = store.begin().await.unwrap();
        sqlx::query("UPDATE message SET disappears_at = 2000 WHERE row = ?")
            .bind(row)
            .execute(&mut *tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 1_999).await, NOTHING);
        assert_eq!(due(&store, 2_000).await, [false, true, false, false, false]);
        let mut tx = store.begin().await.unwrap();
        assert_eq!(deletion::delete_due(&mut tx, UnixMillis(2_000), 9).await.unwrap().len(), 1);
        crate::store::settings::set_retention(&mut tx, bob.conversation, Some(60)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 59_999).await, NOTHING);
        assert_eq!(
            due(&store, 60_000).await,
            [false, true, false, false, false],
            "what was given up is old"
        );
        let mut tx = store.begin().await.unwrap();
        assert_eq!(deletion::delete_due(&mut tx, UnixMillis(60_000), 9).await.unwrap().len(), 1);

        groups::create(&mut tx, bob.conversation, &Changes::default(), None, UnixMillis(0))
            .await
            .unwrap();
        groups::save(&mut tx, bob.conversation, &Changes::default(), 99).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, UPDATE_AFTER_MS).await, NOTHING);
        assert_eq!(due(&store, UPDATE_AFTER_MS + 1).await, [false, false, true, false, false]);
        let mut tx = store.begin().await.unwrap();
        groups::save(&mut tx, bob.conversation, &Changes::default(), 1).await.unwrap();
        assert_eq!(
            groups::due(&mut tx, UnixMillis(0), updates()).await.unwrap(),
            [bob.conversation]
        );
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 0).await, [false, false, true, false, false]);
        let mut tx = store.begin().await.unwrap();
        groups::begin_epoch(&mut tx, bob.conversation, UnixMillis(0)).await.unwrap();

        invitations::add(
            &mut tx,
            &InvitationSecret([2; 16]),
            "link",
            1,
            UnixMillis(0),
            UnixMillis(3_000),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, INVITATION_MEMORY_MS + 3_000).await, NOTHING);
        assert_eq!(
            due(&store, INVITATION_MEMORY_MS + 3_001).await,
            [false, false, false, true, false]
        );
        let mut tx = store.begin().await.unwrap();
        assert!(
            invitations::forget_old(&mut tx, UnixMillis(INVITATION_MEMORY_MS + 3_001))
                .await
                .unwrap()
        );

        handles::claim(
            &mut tx,
            ServerId([3; 32]),
            &"bob".parse().unwrap(),
            &InvitationSecret([4; 16]),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 0).await, [false, false, false, false, true]);
        let mut tx = store.begin().await.unwrap();
        let id = handles::due(&mut tx, UnixMillis(0)).await.unwrap()[0].id;
        handles::claimed(&mut tx, id, 1, UnixMillis(5_000), UnixMillis(9_000)).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(due(&store, 4_999).await, NOTHING);
        assert_eq!(due(&store, 5_000).await, [false, false, false, false, true]);
    }
}
