//! What the store of an earlier version becomes when it is opened.

use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;

use crate::api::types::What;
use crate::model::{AnswerFault, EventSeq, Reason};
use crate::store::{MIGRATIONS, Store, contacts, handles};

/// The last version whose reasons were English sentences.
const SENTENCES: i64 = 6;

/// A profile of that version, in which these sentences are kept.
async fn old_store(refusal: &str, handle: &str, events: &[&str]) -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("chive.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    MIGRATIONS.run_to(SENTENCES, &mut old).await.unwrap();

    let contact = "INSERT INTO contact (peer_id, state, refusal, name, skeleton, named, created_at) \
                   VALUES (zeroblob(32), 'refused', ?, 'Bob', 'bob', 1, 0)";
    sqlx::query(contact).bind(refusal).execute(&mut old).await.unwrap();
    let row = "INSERT INTO handle (server, name, secret, state, reason) \
               VALUES (zeroblob(32), 'bob', zeroblob(16), 'failed', ?)";
    sqlx::query(row).bind(handle).execute(&mut old).await.unwrap();
    for event in events {
        let row = "INSERT INTO event (at, kind, body) VALUES (0, 'other', ?)";
        sqlx::query(row).bind(event).execute(&mut old).await.unwrap();
    }
    sqlx::Connection::close(old).await.unwrap();

    (Store::open_fast(&file).await.unwrap(), directory)
}

/// What the sentences of a refusal and of a handle have become.
async fn becomes(refusal: &str, handle: &str) -> (Option<Reason>, Option<Reason>) {
    let (store, _directory) = old_store(refusal, handle, &[]).await;
    let mut tx = store.begin().await.unwrap();
    let contact = contacts::all(&mut tx).await.unwrap().remove(0);
    let handle = handles::all(&mut tx).await.unwrap().remove(0);
    (contact.refusal, handle.reason)
}

#[tokio::test]
async fn sentences_of_earlier_versions_become_codes() {
    let known = becomes("the invitation has been used: ask for another", "somebody else has this handle").await;
    assert_eq!(known, (Some(Reason::InvitationUsed), Some(Reason::HandleTaken)));

    let with_numbers = becomes(
        "who answers there is not whom the link names: ask for the link again",
        "it asks for 40 bits of work, which is too much",
    );
    assert_eq!(with_numbers.await, (Some(Reason::WrongPeer), Some(Reason::ServerWork { bits: 40 })));

    let fault = AnswerFault::BoardCut;
    let unknown = becomes("the stars are wrong", "its board cannot be used: the board was cut");
    assert_eq!(unknown.await, (Some(Reason::Unknown), Some(Reason::ServerAnswer { fault })));
}

#[tokio::test]
async fn events_of_earlier_versions_can_be_read() {
    let events = [
        r#"{"type":"tor","tor":{"ready":false,"percent":43,"summary":"downloading the directory: 43 %",
            "stalled":"nothing has moved for 30 seconds: the connection may be slow"}}"#,
        r#"{"type":"server","server":{"address":"a","state":"untrusted","reason":"its board goes back in time",
            "has_token":false}}"#,
        r#"{"type":"handle","handle":{"handle":"a@b","state":"claiming"}}"#,
        r#"{"type":"request_gone","id":"1f"}"#,
    ];
    let (store, _directory) = old_store("its owner said no", "it is full", &events).await;
    let mut tx = store.begin().await.unwrap();
    let rows = crate::store::events::after(&mut tx, EventSeq(0), 10).await.unwrap();
    let read: Vec<What> = rows.iter().map(|row| serde_json::from_str(row.body.as_ref().unwrap()).unwrap()).collect();

    let [What::Tor { tor }, What::Server { server }, What::Handle { handle }, What::RequestGone { .. }] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!(tor.summary, Reason::TorDownloading { percent: 43 });
    assert_eq!(tor.stalled, Some(Reason::TorNoProgress { seconds: 30 }));
    assert_eq!((&server.reason, &handle.reason), (&Some(Reason::ServerWentBack), &None));
}
