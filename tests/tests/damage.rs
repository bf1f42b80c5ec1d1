//! Flipped bytes on the disk: `chive run` reports that the profile is damaged, and changes no file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive::profile::key_file::KeyFile;
use chive::profile::{self, Passphrase};
use chive_tests::person::{Env, Person, find_chive};
use data_encoding::HEXLOWER;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tempfile::TempDir;
use tokio::time::timeout;

const STORE: &str = "chive.db";
const LOG: &str = "chive.db-wal";
const KEY: &str = "key";
const PAGE: u64 = 4096;
/// The lengths of the write-ahead log's header, and of the header of each page in it.
const LOG_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;

/// A Tor network at which nothing listens, in case a node starts that should not.
const NOWHERE: &str = r#"
[tor_network]
[tor_network.authorities]
v3idents = ["0123456789ABCDEF0123456789ABCDEF01234567"]
uploads = []
downloads = []
votes = []
[[tor_network.fallback_caches]]
rsa_identity = "76543210FEDCBA9876543210FEDCBA9876543210"
ed_identity = "6FyfdC1hN7EMSSr7FEsvDF1d8HwctiwThdLX7/R/2cg"
orports = ["127.0.0.1:1"]
"#;
const PATIENCE: Duration = Duration::from_mins(5);

/// A person whose node does not run, and the files of the profile.
struct Victim {
    /// Runs the real program, and not `chive-loopback`.
    alice: Person,
    files: BTreeMap<String, Vec<u8>>,
    _home: TempDir,
}

impl Victim {
    /// Makes a profile, lets `prepare` fill it, and keeps its files.
    async fn new(prepare: impl AsyncFnOnce(&mut Person) -> Result<()>) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("damage").tempdir()?;
        let network = home.path().join("net");

        fs::create_dir(&network)?;
        let env = Env {
            program: env!("CARGO_BIN_EXE_chive-loopback").into(),
            tor_config: Some(network),
            patience: PATIENCE,
        };
        let directory = home.path().join("alice");
        prepare(&mut Person::create(&env, &directory, "Alice").await?).await?;
        let nowhere = home.path().join("nowhere.toml");
        fs::write(&nowhere, NOWHERE)?;
        let env = Env { program: find_chive()?, tor_config: Some(nowhere), ..env };
        let alice = Person::without_profile(&env, &directory, "Alice")?;
        let files = files(&alice.profile())?;

        Ok(Self { alice, files, _home: home })
    }

    /// Checks that the real program reports one flipped byte, and changes no file.
    async fn reports_flip(&self, file: &str, at: u64, part: &str) -> Result<()> {
        self.restore()?;
        flip(&self.alice.profile().join(file), at)?;
        let flipped = files(&self.alice.profile())?;
        self.reports_damage(part).await.with_context(|| format!("at {at}"))?;
        let left = files(&self.alice.profile())?;
        ensure!(left == flipped, "{part}: files were changed, made or removed: {:?}", left.keys());
        Ok(())
    }

    async fn reports_damage(&self, part: &str) -> Result<()> {
        let error = timeout(PATIENCE, self.alice.fails(["run"])).await;
        let error = error.with_context(|| part.to_owned())?.with_context(|| part.to_owned())?;
        ensure!((error.exit, error.code.as_str()) == (9, "profile_damaged"), "{part}: {error:?}");
        ensure!(error.detail.contains("left as it is"), "{part}: {}", error.detail);
        Ok(())
    }

    async fn opens(&self) -> Result<()> {
        let passphrase = Passphrase::new(fs::read_to_string(self.alice.passphrase_file())?);
        profile::open(&self.alice.profile(), &passphrase).await?.store.close().await;
        Ok(())
    }

    /// Restores all files.
    fn restore(&self) -> Result<()> {
        fs::remove_dir_all(self.alice.profile())?;
        fs::create_dir(self.alice.profile())?;
        for (name, content) in &self.files {
            fs::write(self.alice.profile().join(name), content)?;
        }
        Ok(())
    }

    fn length(&self, file: &str) -> Result<u64> {
        Ok(self.files.get(file).with_context(|| format!("there is no {file}"))?.len() as u64)
    }
}

/// The files of a profile, with their content.
fn files(profile: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(profile)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_file() && name != "lock" {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(files)
}

fn flip(file: &Path, at: u64) -> Result<()> {
    let mut bytes = fs::read(file)?;
    *bytes.get_mut(usize::try_from(at)?).context("behind the end")? ^= 0x20;
    Ok(fs::write(file, bytes)?)
}

/// Opens a person's store, to read it and to fill it.
async fn open_store(person: &Person) -> Result<SqliteConnection> {
    let passphrase = fs::read_to_string(person.passphrase_file())?;
    let key = KeyFile::open(&person.profile().join(KEY), passphrase.as_bytes())?;
    let options = SqliteConnectOptions::new()
        .filename(person.profile().join(STORE))
        .pragma("key", format!("\"x'{}'\"", HEXLOWER.encode(&*key)))
        .pragma("secure_delete", "ON");
    Ok(SqliteConnection::connect_with(&options).await?)
}

/// Fills a store so that it has pages of every class.
async fn fill(person: &Person) -> Result<()> {
    let mut store = open_store(person).await?;
    for statement in [
        "INSERT INTO conversation (id, kind, created_at) VALUES (2, 'direct', 0)",
        "INSERT INTO contact (id, peer_id, state, name, skeleton, named, created_at, conversation) \
         VALUES (1, x'01', 'accepted', 'Bob', 'bob', 1, 0, 2)",
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000) \
         INSERT INTO message (conversation, author, id, text, counter, clock, created_at, \
         received_at) \
         SELECT 2, 1, randomblob(16), hex(randomblob(iif(i % 50, 20, 6000))), i, i, i, i FROM n",
        "DELETE FROM message WHERE counter % 100 = 0",
    ] {
        sqlx::query(statement).execute(&mut store).await?;
    }
    Ok(store.close().await?)
}

/// The number of one page of each class.
async fn classes(person: &Person) -> Result<BTreeMap<String, u64>> {
    let mut store = open_store(person).await?;
    let pages: Vec<(String, i64)> = sqlx::query_as(
        "SELECT iif(s.type = 'index', 'index ', 'table ') || d.pagetype, min(d.pageno) FROM \
        dbstat d \
         LEFT JOIN sqlite_schema s ON s.name = d.name WHERE d.pageno > 1 GROUP BY 1",
    )
    .fetch_all(&mut store)
    .await?;
    let (free,): (i64,) = sqlx::query_as(
        "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < (SELECT \
        page_count FROM pragma_page_count)) \
         SELECT i FROM n WHERE i NOT IN (SELECT pageno FROM dbstat) LIMIT 1",
    )
    .fetch_one(&mut store)
    .await?;

    store.close().await?;
    let mut classes: BTreeMap<String, u64> =
        pages.into_iter().map(|(class, page)| (class, page.cast_unsigned())).collect();
    classes.insert("schema".to_owned(), 1);
    classes.insert("free".to_owned(), free.cast_unsigned());

    Ok(classes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_any_page_is_reported_and_left_alone() -> Result<()> {
    let victim = Victim::new(async |alice| fill(alice).await).await?;
    let classes = classes(&victim.alice).await?;
    let expected = [
        "free",
        "index internal",
        "index leaf",
        "schema",
        "table internal",
        "table leaf",
        "table overflow",
    ];

    ensure!(classes.keys().eq(expected), "the store has {:?}", classes.keys());
    for (class, page) in &classes {
        let start = (page - 1) * PAGE;
        victim.reports_flip(STORE, start + 1000, class).await?;
    }

    // The edges of a page: the salt of all keys, an initialisation vector, an authentication code.
    victim.reports_flip(STORE, 0, "salt").await?;
    victim.reports_flip(STORE, 2 * PAGE - 80, "initialisation vector").await?;
    victim.reports_flip(STORE, victim.length(STORE)? - 1, "code").await?;
    victim.restore()?;
    fs::File::options()
        .write(true)
        .open(victim.alice.profile().join(STORE))?
        .set_len(victim.length(STORE)? - PAGE)?;
    victim.reports_damage("a short file").await?;
    victim.restore()?;

    victim.opens().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_the_key_file_is_reported_as_damage() -> Result<()> {
    let victim = Victim::new(async |_| Ok(())).await?;
    for at in (0..victim.length(KEY)?).step_by(23) {
        victim.reports_flip(KEY, at, KEY).await?;
    }
    victim.restore()?;
    victim.opens().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_the_log_is_reported_a_cut_end_is_not() -> Result<()> {
    let victim = Victim::new(async |alice| {
        alice.start().await?;
        for _ in 0..5 {
            alice.invites().await?;
        }
        alice.kill().await
    })
    .await?;
    let length = victim.length(LOG)?;

    ensure!(length > LOG_HEADER + 10 * (FRAME_HEADER + PAGE), "the log has only {length} bytes");
    for at in [0, 10, 20, 30] {
        victim.reports_flip(LOG, at, "the log's header").await?;
    }

    for (at, part) in [
        (2, "page number"),
        (6, "mark"),
        (10, "salt"),
        (20, "checksum"),
        (24, "page"),
        (3000, "page"),
    ] {
        victim.reports_flip(LOG, LOG_HEADER + FRAME_HEADER + PAGE + at, part).await?;
    }

    victim.restore()?;
    victim.opens().await?;

    // As after a power failure: a page is half written, and the log has it whole; the log has a
    // tail.
    victim.restore()?;
    let log = victim.alice.profile().join(LOG);
    let page = u32::from_be_bytes(victim.files[LOG][32..36].try_into()?);
    flip(&victim.alice.profile().join(STORE), u64::from(page - 1) * PAGE + 2000)?;
    victim.opens().await.context("a page that the log has whole")?;
    victim.restore()?;
    fs::File::options().write(true).open(&log)?.set_len(length - 1000)?;
    victim.opens().await.context("a log with a cut end")?;

    Ok(())
}
