//! What becomes of the store of an earlier version when it is opened.

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::api::types::What;
use crate::identity::PeerId;
use crate::model::{AnswerError, ContactId, EventSeq, Member, MessageStatus, Reason, UnixMillis};
use crate::store::contacts::Naming;
use crate::store::messages::NewRow;
use crate::store::{
    MIGRATIONS, Store, contacts, conversations, groups, handles, messages, preferences,
};
use crate::wire::message::MessageId;

/// The last version whose reasons were English sentences.
const SENTENCES: i64 = 6;

/// The last version in which a contact and the conversation with them were one thing.
const CONTACTS_ALONE: i64 = 8;

/// What a store of an earlier version becomes, with what `make` puts into it.
async fn upgraded(
    version: i64,
    make: impl AsyncFnOnce(&mut SqliteConnection),
) -> (Store, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("chive.db");
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut old = options.connect().await.unwrap();
    MIGRATIONS.run_to(version, &mut old).await.unwrap();
    make(&mut old).await;
    old.close().await.unwrap();
    (Store::open_fast(&file).await.unwrap(), directory)
}

/// A profile in which these sentences were kept.
async fn old_store(refusal: &str, handle: &str, events: &[&str]) -> (Store, tempfile::TempDir) {
    upgraded(SENTENCES, async |old| fill_with_sentences(old, refusal, handle, events).await).await
}

async fn fill_with_sentences(
    old: &mut SqliteConnection,
    refusal: &str,
    handle: &str,
    events: &[&str],
) {
    let contact = "INSERT INTO contact (peer_id, state, refusal, name, skeleton, named, \
                  created_at) \
                   VALUES (zeroblob(32), 'refused', ?, 'Bob', 'bob', 1, 0)";
    sqlx::query(contact).bind(refusal).execute(&mut *old).await.unwrap();
    let row = "INSERT INTO handle (server, name, secret, state, reason) \
               VALUES (zeroblob(32), 'bob', zeroblob(16), 'failed', ?)";
    sqlx::query(row).bind(handle).execute(&mut *old).await.unwrap();
    for event in events {
        let row = "INSERT INTO event (at, kind, body) VALUES (0, 'other', ?)";
        sqlx::query(row).bind(event).execute(&mut *old).await.unwrap();
    }
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
    let known =
        becomes("the invitation has been used: ask for another", "somebody else has this handle")
            .await;
    assert_eq!(known, (Some(Reason::InvitationUsed), Some(Reason::HandleTaken)));

    let with_numbers = becomes(
        "who answers there is not whom the link names: ask for the link again",
        "it asks for 40 bits of work, which is too much",
    );
    assert_eq!(
        with_numbers.await,
        (Some(Reason::WrongPeer), Some(Reason::ServerWork { bits: 40 }))
    );

    let error = AnswerError::BoardCut;
    let unknown = becomes("the stars are wrong", "its board cannot be used: the board was cut");
    assert_eq!(unknown.await, (Some(Reason::Unknown), Some(Reason::ServerAnswer { fault: error })));
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
    let read: Vec<What> =
        rows.iter().map(|row| serde_json::from_str(row.body.as_ref().unwrap()).unwrap()).collect();

    let [
        What::Tor { tor },
        What::Server { server },
        What::Handle { handle },
        What::RequestGone { .. },
    ] = &read[..]
    else {
        panic!("{read:?}");
    };
    assert_eq!(tor.summary, Reason::TorDownloading { percent: 43 });
    assert_eq!(tor.stalled, Some(Reason::TorNoProgress { seconds: 30 }));
    assert_eq!((&server.reason, &handle.reason), (&Some(Reason::ServerWentBack), &None));
}

/// Two contacts, after a third was removed, and some of what was said with the first.
const TWO_CONTACTS: [&str; 8] = [
    "INSERT INTO contact (id, peer_id, state, name, skeleton, named, created_at, clock, \
    next_counter) VALUES \
     (1, zeroblob(32), 'accepted', 'Bob', 'bob', 1, 5, 7, 3), (2, randomblob(32), 'requested', \
     'Eve', 'eve', 1, 6, 0, 1), \
     (3, randomblob(32), 'accepted', 'Gone', 'gone', 1, 6, 0, 1)",
    "DELETE FROM contact WHERE id = 3",
    "INSERT INTO message (contact, id, mine, state, text, counter, clock, created_at, sent_at, \
    delivered_at, read_at) \
     VALUES (1, zeroblob(16), 1, 'delivered', 'hello', 1, 1, 10, 11, 12, 13)",
    "INSERT INTO message (contact, id, mine, state, text, counter, clock, created_at, \
    delivered_at) \
     VALUES (1, randomblob(16), 0, 'received', 'good day', 1, 2, 20, 21), (1, randomblob(16), 0, \
     'received', '', 2, 3, 20, 21)",
    "DELETE FROM message WHERE clock = 3",
    "INSERT INTO outbox (contact, kind, item) VALUES (1, 'terms', randomblob(16))",
    "INSERT INTO held (contact, digest, envelope, came) VALUES (1, x'02', x'01', 1), (1, x'01', \
    x'02', 2)",
    "INSERT INTO note (key, text) VALUES ('draft.' || lower(hex(zeroblob(32))), 'Dear Bob'), \
     ('draft.' || lower(hex(randomblob(32))), 'Dear stranger'), ('ui.theme', 'dark')",
];

async fn two_contacts(old: &mut SqliteConnection) {
    for statement in TWO_CONTACTS {
        sqlx::query(statement).execute(&mut *old).await.unwrap();
    }
}

#[tokio::test]
async fn contacts_of_earlier_versions_get_conversations() {
    let (store, _directory) = upgraded(CONTACTS_ALONE, two_contacts).await;
    let mut tx = store.begin().await.unwrap();
    let all = contacts::all(&mut tx).await.unwrap();
    assert_eq!(all.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["Bob", "Eve"]);
    assert!(
        all.iter().all(|row| row.conversation.0 != row.id.0),
        "one cannot be taken for the other"
    );

    let Member { conversation, contact } = all[0].direct();
    assert_eq!(conversations::members(&mut tx, conversation).await.unwrap(), [contact]);
    let row = conversations::load(&mut tx, conversation).await.unwrap();
    assert_eq!((row.clock, row.next_counter, row.created_at), (7, 3, UnixMillis(5)));
    assert_eq!(row.draft.as_deref(), Some("Dear Bob"));
    assert_eq!(
        preferences::count(&mut tx).await.unwrap(),
        2,
        "the draft for a stranger is still a note"
    );

    let history = messages::history(&mut tx, conversation, 9, None).await.unwrap();
    let [ours, theirs] = &history[..] else { panic!("there are {} messages", history.len()) };
    assert_eq!((ours.state, ours.author), (MessageStatus::Delivered, None));
    let times = [ours.sent_at, ours.delivered_at, ours.read_at].map(|at| at.unwrap().0);
    assert_eq!(times, [11, 12, 13]);
    assert_eq!((theirs.state, theirs.author), (MessageStatus::Received, Some(contact)));
    assert_eq!((theirs.delivered_at, theirs.read_at), (Some(UnixMillis(21)), None));

    let held = groups::take_held(&mut tx, conversation).await.unwrap();
    assert_eq!(
        held.iter().map(|held| held.envelope[0]).collect::<Vec<_>>(),
        [1, 2],
        "as they came"
    );
}

/// Of Bob, and of somebody who was removed since.
const EVENTS_OF_CONTACTS: &str = "INSERT INTO event (at, kind, body) \
     SELECT 0, 'other', json_object('type', type, 'id', id, 'name', 'Bob', 'messages', \
     json_array('ab'), 'by_contact', json('true')) \
     FROM (SELECT 'messages_gone' AS type UNION ALL SELECT 'conversation_restarted' UNION ALL \
     SELECT 'key_changed'), \
     (SELECT lower(hex(zeroblob(32))) AS id UNION ALL SELECT 'ff')";

#[tokio::test]
async fn events_of_earlier_versions_name_the_conversation() {
    let made = upgraded(CONTACTS_ALONE, async |old| {
        two_contacts(old).await;
        sqlx::query(EVENTS_OF_CONTACTS).execute(&mut *old).await.unwrap();
    });
    let (store, _directory) = made.await;
    let mut tx = store.begin().await.unwrap();
    let bob = contacts::all(&mut tx).await.unwrap().remove(0);
    let expected = conversations::load(&mut tx, bob.conversation).await.unwrap().public_id.to_hex();

    let rows = crate::store::events::after(&mut tx, EventSeq(0), 10).await.unwrap();
    let read: Vec<What> =
        rows.iter().map(|row| serde_json::from_str(row.body.as_ref().unwrap()).unwrap()).collect();
    let named = read.iter().filter_map(|what| match what {
        What::MessagesGone { conversation, .. }
        | What::ConversationRestarted { conversation, .. } => Some(conversation),
        _ => None,
    });
    assert_eq!(named.collect::<Vec<_>>(), [&expected, &expected]);
    assert_eq!(read.iter().filter(|what| matches!(what, What::KeyChanged { .. })).count(), 2);
}

#[tokio::test]
async fn an_upgrade_gives_no_number_twice() {
    let (store, _directory) = upgraded(CONTACTS_ALONE, two_contacts).await;
    let mut tx = store.begin().await.unwrap();
    let naming = Naming { name: "Carol", skeleton: "carol", named: true };
    let carol = contacts::add(&mut tx, PeerId([3; 32]), &naming, UnixMillis(30)).await.unwrap();
    assert_eq!(carol, ContactId(4));

    let new = NewRow {
        conversation: contacts::direct(&mut tx, carol).await.unwrap().conversation,
        id: MessageId([3; 16]),
        text: "hello",
        clock: 1,
        created_at: UnixMillis(30),
        expires_at: None,
        disappear_after: None,
    };
    assert_eq!(messages::add_ours(&mut tx, &new).await.unwrap().0, 4);
    let waiting: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM outbox").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(waiting, [1, 2]);
}
