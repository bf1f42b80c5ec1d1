//! Messages: their gaps, pages and counts, and the search for their words.

use super::*;
use crate::identity::PeerId;
use crate::store::{Store, contacts, delivery, scratch};

/// A contact of this name, in the direct conversation with them.
pub(crate) async fn contact(store: &Store, name: &str) -> Member {
    let mut tx = store.begin().await.unwrap();
    let naming = contacts::Naming { name, skeleton: name, named: true };
    let mut peer = [0; 32];
    peer[..name.len()].copy_from_slice(name.as_bytes());
    let contact = contacts::add(&mut tx, PeerId(peer), &naming, UnixMillis(0)).await.unwrap();
    let member = contacts::direct(&mut tx, contact).await.unwrap();
    tx.commit().await.unwrap();
    member
}

pub(crate) async fn comes(store: &Store, author: Member, counter: u64, text: &str) -> MessageRowId {
    let mut id = [u8::try_from(author.contact.0).unwrap(); 16];
    id[8..].copy_from_slice(&counter.to_be_bytes());

    let text = Text {
        id: MessageId(id),
        counter,
        clock: counter,
        created_at: 0,
        seen: vec![],
        text: text.to_owned(),
        disappear_after: None,
    };
    let mut tx = store.begin().await.unwrap();
    let row = add_theirs(&mut tx, author, &text, None, UnixMillis(0)).await.unwrap().unwrap();
    tx.commit().await.unwrap();

    row
}

pub(crate) async fn found(store: &Store, text: &str, within: Option<Member>) -> Vec<String> {
    let mut tx = store.begin().await.unwrap();
    let rows = search(&mut tx, text, within.map(|one| one.conversation), 100, None).await.unwrap();
    rows.into_iter().map(|found| found.message.text).collect()
}

pub(crate) async fn index_is_in_line(store: &Store) {
    let mut tx = store.begin().await.unwrap();
    let check = "INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)";
    sqlx::query(check).execute(&mut *tx).await.unwrap();
}

#[tokio::test]
async fn a_word_is_found_in_any_script_whatever_its_case_and_marks() {
    let (store, _directory) = scratch().await;
    let bob = contact(&store, "Bob").await;
    let cases = [
        ("Crème BRÛLÉE, please", "creme brulee"),
        ("cafe\u{301} at nine", "CAFÉ"),
        ("Привет, Мир", "ПРИВЕТ мир"),
        ("ΚΑΛΗΜΕΡΑ", "καλημερα"),
        ("नमस्ते दुनिया", "दुनिया"),
        ("我们明天去北京吧", "北京"),
        ("明日は東京に行きます", "東京に"),
        ("พรุ่งนี้ไปกรุงเทพ", "กรุงเทพ"),
        ("내일 서울에서 만나", "서울"),
        ("שלום עולם", "שלום"),
        ("see you 👍🏽🎉", "🎉"),
        ("behind\0a zero", "zero"),
        ("meet at the harbour", "harb"),
    ];
    for (counter, (text, _)) in (1..).zip(cases) {
        comes(&store, bob, counter, text).await;
    }

    for (text, searched) in cases {
        assert_eq!(found(&store, searched, None).await, [text], "{searched}");
    }

    for nothing in
        ["京北", "北海", "arbour", "harbour mir", "दनय", "+++", "", "conversation", "c100001"]
    {
        assert!(found(&store, nothing, None).await.is_empty(), "{nothing}");
    }

    index_is_in_line(&store).await;
}

/// As after a restarted conversation: what waits has a number of before, and is not
/// sealed again yet.
#[tokio::test]
async fn a_receipt_for_what_is_numbered_leaves_nothing_in_the_outbox() {
    let (store, _directory) = scratch().await;
    let bob = contact(&store, "Bob").await;
    let mut tx = store.begin().await.unwrap();
    for (n, numbered) in [(1, true), (2, false)] {
        let id = MessageId([n; 16]);
        let new = NewRow {
            conversation: bob.conversation,
            id,
            text: "x",
            clock: 1,
            created_at: UnixMillis(0),
            expires_at: None,
            disappear_after: None,
        };
        let row = add_ours(&mut tx, &new).await.unwrap();
        if numbered {
            sqlx::query("UPDATE message SET counter = 1 WHERE row = ?")
                .bind(row)
                .execute(&mut *tx)
                .await
                .unwrap();
        }

        let receipted = delivery::receipt(&mut tx, bob, id, UnixMillis(5)).await.unwrap();
        assert_eq!(
            (receipted.outbox.is_some(), receipted.message.is_some()),
            (numbered, numbered),
            "{n}"
        );
    }
}

#[tokio::test]
async fn gaps_are_told_from_what_came_not_from_what_is_kept() {
    let (store, _directory) = scratch().await;
    let bob = contact(&store, "Bob").await;
    for counter in [1, 2, 5, 6] {
        comes(&store, bob, counter, "text").await;
    }

    let missing = async || {
        let mut tx = store.begin().await.unwrap();
        let rows = history(&mut tx, bob.conversation, 10, None).await.unwrap();
        rows.iter().map(|row| (row.counter.unwrap(), row.missing_before)).collect::<Vec<_>>()
    };
    assert_eq!(missing().await, [(1, 0), (2, 0), (5, 2), (6, 0)]);
    let mut tx = store.begin().await.unwrap();

    sqlx::query("DELETE FROM message WHERE counter <= 2").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(missing().await, [(5, 2), (6, 0)]);
    comes(&store, bob, 4, "text").await;
    assert_eq!(missing().await, [(4, 1), (5, 0), (6, 0)]);
}

#[tokio::test]
async fn what_is_searched_for_is_never_an_operator() {
    let (store, _directory) = scratch().await;
    let bob = contact(&store, "Bob").await;

    comes(&store, bob, 1, "one or two").await;
    comes(&store, bob, 2, "say \"hello\" NEAR(the) door").await;
    assert_eq!(found(&store, "one OR two", None).await, ["one or two"]);
    assert_eq!(found(&store, "NEAR(the) \"hello\"", None).await.len(), 1);
    for hostile in [
        "one OR nothing",
        "\"",
        "\"\"\"",
        "a*",
        "^one\" OR \"",
        "words : one",
        "one\0\"",
        "(",
        "-two",
        "NOT one",
    ] {
        let rows = found(&store, hostile, None).await;
        assert!(rows.len() <= 1, "{hostile}: {rows:?}");
    }
}

#[tokio::test]
async fn a_search_is_newest_first_of_one_or_all_and_has_pages() {
    let (store, _directory) = scratch().await;
    let (bob, carol) = (contact(&store, "Bob").await, contact(&store, "Carol").await);
    let mut rows = vec![];
    for n in 1..=4 {
        rows.push(comes(&store, bob, n, &format!("word {n} of Bob")).await);
        comes(&store, carol, n, &format!("word {n} of Carol")).await;
    }

    assert_eq!(found(&store, "word", Some(bob)).await[0], "word 4 of Bob");
    assert_eq!(found(&store, "word", Some(bob)).await.len(), 4);
    assert_eq!(found(&store, "word", None).await[0], "word 4 of Carol");
    let mut tx = store.begin().await.unwrap();
    let page = search(&mut tx, "word", Some(bob.conversation), 2, Some(rows[3])).await.unwrap();
    assert_eq!(page.iter().map(|found| found.message.row).collect::<Vec<_>>(), [rows[2], rows[1]]);
}

#[tokio::test]
async fn a_removed_contact_leaves_the_index() {
    let (store, _directory) = scratch().await;
    let (bob, carol) = (contact(&store, "Bob").await, contact(&store, "Carol").await);
    comes(&store, bob, 1, "the secret of Bob").await;
    comes(&store, carol, 1, "the secret of Carol").await;
    let mut tx = store.begin().await.unwrap();
    contacts::remove(&mut tx, bob.contact).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(found(&store, "secret", None).await, ["the secret of Carol"]);
    index_is_in_line(&store).await;
}

/// How `SQLite` looks a statement's messages up.
async fn lookup(store: &Store, statement: &str) -> Vec<String> {
    let mut tx = store.begin().await.unwrap();
    let plan = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let rows: Vec<(i64, i64, i64, String)> =
        sqlx::query_as(plan).fetch_all(&mut *tx).await.unwrap();
    rows.into_iter()
        .map(|row| row.3)
        .filter(|step| step.contains("message") || step.contains(" m "))
        .collect()
}

#[tokio::test]
async fn one_message_or_page_is_found_without_reading_others() {
    let (store, _directory) = scratch().await;
    let page = "WHERE m.conversation = ?1 AND (m.clock, m.id) < (?2, ?3) ORDER BY m.clock \
               DESC, m.id DESC LIMIT 9";
    for (statement, expected) in [
        (select("WHERE m.row = ?").0, "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"),
        (select(NEWEST).0, "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)"),
        (select("WHERE m.id = ?").0, "SEARCH m USING INDEX message_once (id=?)"),
        (
            select(page).0,
            "SEARCH m USING INDEX message_by_order (conversation=? AND \
                         (clock,id)<(?,?))",
        ),
        (
            delivery::NUMBERED.into(),
            "SEARCH message USING INDEX message_once (id=? AND \
                                    conversation=?)",
        ),
        (
            "SELECT id FROM message WHERE author = ? AND conversation = ? ORDER BY row DESC \
            LIMIT 8"
                .into(),
            "SEARCH message USING INDEX message_by_author (author=? AND conversation=?)",
        ),
    ] {
        let lookup = lookup(&store, &statement).await;
        assert_eq!(lookup[0], expected, "{statement}: {lookup:?}");
    }
}
