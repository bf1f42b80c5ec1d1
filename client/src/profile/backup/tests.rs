//! Backups: what is restored, and that damaged, cut or mixed-up files are refused.

use super::*;
use crate::profile;
use std::fs;

fn words(text: &str) -> Passphrase {
    Passphrase::new(text.into())
}

/// A profile with a secret in every table that a backup must not have, and its backup's bytes.
async fn backed_up(parent: &Path) -> Vec<u8> {
    let directory = parent.join("alice");
    profile::create(&directory, "Alice", &words("one")).await.unwrap();

    let opened = profile::open(&directory, &words("one")).await.unwrap();
    let mut tx = opened.store.begin().await.unwrap();
    for statement in [
        "INSERT INTO conversation (id, kind, created_at) VALUES (5, 'direct', 1)",
        "INSERT INTO contact (id, peer_id, state, name, skeleton, named, created_at, conversation) \
         VALUES (1, x'01', 'accepted', 'Bob', 'bob', 1, 1, 5)",
        "INSERT INTO member (conversation, contact) VALUES (5, 1)",
        "INSERT INTO message (row, conversation, id, text, clock, created_at) VALUES (7, 5, \
        x'02', 'needle', 1, 1)",
        "INSERT INTO delivery (message, recipient, state) VALUES (7, 1, 'queued')",
        "INSERT INTO outbox (contact, conversation, kind, item, envelope) VALUES (1, 5, \
        'message', x'02', randomblob(50))",
        "INSERT INTO outbox (contact, conversation, kind, item, envelope) VALUES (1, 5, 'commit', \
        x'03', randomblob(50))",
        "INSERT INTO mls_group (conversation, mls, epoch_started_at) VALUES (5, randomblob(50), 1)",
        "INSERT INTO request (contact, link, draft, introduction) VALUES (1, 'link', \
        randomblob(50), randomblob(50))",
        "INSERT INTO invitation (id, secret, link, uses, created_at, expires_at) VALUES (x'04', \
        x'05', 'l', 1, 1, 9e15)",
        "INSERT INTO event (at, kind) VALUES (1, 'other')",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }

    tx.commit().await.unwrap();
    let backup = make_backup(&opened.store, &directory, &words("two")).await.unwrap();
    let (length, mut bytes) = (backup.length, vec![]);

    backup.write(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, length);
    assert!(
        fs::read_dir(&directory).unwrap().all(|f| !f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("backup"))
    );
    opened.store.close().await;

    bytes
}

async fn count(store: &Store, what: &'static str) -> i64 {
    let mut tx = store.begin().await.unwrap();
    let (count,): (i64,) =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {what}")))
            .fetch_one(&mut *tx)
            .await
            .unwrap();
    count
}

#[tokio::test]
async fn a_restored_profile_has_no_mls_state() {
    let parent = tempfile::tempdir().unwrap();
    let (file, directory) = (parent.path().join("file"), parent.path().join("restored"));

    fs::write(&file, backed_up(parent.path()).await).unwrap();
    let restored = restore(&file, &words("two"), &directory).await.unwrap();
    let contents = BackupContents { name: "Alice".into(), contacts: 1, messages: 1, revoked: 1 };
    assert_eq!(restored.contents, contents);
    assert!(matches!(
        restore(&file, &words("two"), &directory).await,
        Err(ProfileError::Exists(_))
    ));
    let opened = profile::open(&directory, &words("two")).await.unwrap();
    for (what, rows) in [
        ("contact WHERE name = 'Bob'", 1),
        ("message WHERE text = 'needle'", 1),
        ("message_index WHERE message_index MATCH 'needle'", 1),
        ("outbox WHERE kind = 'message' AND envelope IS NULL", 1),
        ("outbox", 1),
        ("conversation WHERE id = 5", 1),
        ("member WHERE conversation = 5 AND contact = 1", 1),
        ("delivery WHERE message = 7 AND recipient = 1 AND state = 'queued'", 1),
        ("mls_group", 0),
        ("request WHERE link = 'link' AND draft = x'' AND introduction = x''", 1),
        ("invitation WHERE revoked_at IS NOT NULL", 1),
        ("service", 2),
        ("profile WHERE restored_at IS NOT NULL", 1),
        ("event", 0),
    ] {
        assert_eq!(count(&opened.store, what).await, rows, "{what}");
    }

    let mut tx = opened.store.begin().await.unwrap();
    assert!(
        crate::store::events::newest(&mut tx).await.unwrap().0 > 1 << 32,
        "no cursor of before fits"
    );
}

#[tokio::test]
async fn a_wrong_passphrase_or_a_damaged_backup_makes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let bytes = backed_up(parent.path()).await;
    let (file, directory) = (parent.path().join("file"), parent.path().join("restored"));
    let before = fs::read_dir(parent.path()).unwrap().count() + 1;

    fs::write(&file, &bytes).unwrap();
    let wrong = restore(&file, &words("one"), &directory).await;
    assert!(matches!(wrong, Err(ProfileError::WrongPassphrase)));
    assert!(matches!(
        restore(&file, &words(""), &directory).await,
        Err(ProfileError::EmptyPassphrase)
    ));
    let head = 16 + usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));

    // In every part: what it is, the version, the length, the header, and all over the database.
    let flips =
        (0..16).chain((16..head).step_by(37)).chain((head..bytes.len()).step_by(bytes.len() / 20));
    for at in flips {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        fs::write(&file, changed).unwrap();
        let refused = restore(&file, &words("two"), &directory).await;
        assert!(matches!(refused, Err(ProfileError::Backup(_))), "flipped at {at}");
    }

    for end in [
        0,
        1,
        12,
        15,
        16,
        17,
        head - 1,
        head,
        head + 1,
        bytes.len() / 2,
        bytes.len() - 4096,
        bytes.len() - 1,
    ] {
        fs::write(&file, &bytes[..end]).unwrap();
        let refused = restore(&file, &words("two"), &directory).await;
        assert!(
            matches!(refused, Err(ProfileError::Backup(BackupError::Damaged(_)))),
            "cut at {end}"
        );
    }

    fs::write(&file, [&bytes[..], &[0]].concat()).unwrap();
    assert!(
        matches!(restore(&file, &words("two"), &directory).await, Err(ProfileError::Backup(_))),
        "longer"
    );
    let later = [&bytes[..12], &[0, 2], &bytes[14..]].concat();
    fs::write(&file, later).unwrap();
    let refused = restore(&file, &words("two"), &directory).await;
    assert!(matches!(refused, Err(ProfileError::Backup(BackupError::Version))));
    assert_eq!(fs::read_dir(parent.path()).unwrap().count(), before, "nothing is left behind");
}

#[tokio::test]
async fn the_pages_of_another_backup_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("alice");
    let first = backed_up(parent.path()).await;
    let opened = profile::open(&directory, &words("one")).await.unwrap();
    let mut second = vec![];

    make_backup(&opened.store, &directory, &words("two"))
        .await
        .unwrap()
        .write(&mut second)
        .unwrap();
    let head = |bytes: &[u8]| 16 + usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    let file = parent.path().join("file");
    fs::write(&file, [&second[..head(&second)], &first[head(&first)..]].concat()).unwrap();
    let refused = restore(&file, &words("two"), &parent.path().join("restored")).await;
    assert!(matches!(refused, Err(ProfileError::Backup(BackupError::Damaged(_)))));
}

#[tokio::test]
async fn remains_of_an_interrupted_backup_are_removed() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("alice");
    profile::create(&directory, "Alice", &words("one")).await.unwrap();
    fs::write(directory.join(UNFINISHED), "left").unwrap();
    let _opened = profile::open(&directory, &words("one")).await.unwrap();
    assert!(!directory.join(UNFINISHED).exists());
}
