//! A server, its clock, and people who use it. Nothing here asserts what a server must do.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use chive_rendezvous::clock::Clock;
use chive_rendezvous::config::Config;
use chive_rendezvous::run::RunningServer;
use chive_shared::api::{Info, Problem};
use chive_shared::blinding::{PresenceKey, PresenceSecret, Signer};
use chive_shared::board::{self, Head};
use chive_shared::epoch::Epoch;
use chive_shared::limits::MAX_RECORD_LIFE;
use chive_shared::proof_of_work::Challenge;
use chive_shared::record::{Record, RecordDraft, RecordReader};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{State, Status};
use chive_tests::postgres::Postgres;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;

use crate::client::{Answer, Client};

/// The middle of an epoch, 2025.
pub(crate) const NOW: i64 = 1_764_001_800_000;

/// A running server, with its settings and the time that it believes.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) dir: tempfile::TempDir,
    running: Option<RunningServer>,
    now: Arc<AtomicI64>,
}

/// Settings for tests: a TCP port, no onion service, and no work to do.
pub(crate) fn config(dir: &std::path::Path, database: Option<String>) -> Config {
    let mut config = Config { data_dir: dir.to_owned(), ..Config::default() };
    config.onion.enabled = false;
    config.listen.tcp = Some("127.0.0.1:0".parse().unwrap());
    config.admin.tcp = Some("127.0.0.1:0".parse().unwrap());
    config.database.url = database;
    (config.work.record, config.work.record_full, config.work.claim) = (0, 0, 0);
    config
}

/// A new database in the `PostgreSQL` that tests share unless they stop it.
pub(crate) async fn database() -> String {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    let made = tokio::task::spawn_blocking(|| {
        SHARED.get_or_init(|| Postgres::start().unwrap()).database()
    });
    made.await.unwrap().unwrap()
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self::with(None, |_| {}).await
    }

    pub(crate) async fn postgres() -> Self {
        Self::with(Some(database().await), |_| {}).await
    }

    pub(crate) async fn with(database: Option<String>, change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path(), database);
        change(&mut config);
        let mut world = Self { config, dir, running: None, now: Arc::new(AtomicI64::new(NOW)) };
        world.start().await;
        world
    }

    /// Another server on the same database, with a clock of its own that shows the same.
    pub(crate) async fn replica(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Replicas share a key, as behind one onion address: a record for one is valid for the
        // other.
        std::fs::copy(self.dir.path().join("onion.key"), dir.path().join("onion.key")).unwrap();
        let config = Config { data_dir: dir.path().to_owned(), ..self.config.clone() };
        let mut world =
            Self { config, dir, running: None, now: Arc::new(AtomicI64::new(self.now())) };
        world.start().await;
        world
    }

    pub(crate) async fn start(&mut self) {
        let now = Arc::clone(&self.now);
        let clock = Clock::new(move || now.load(Ordering::Relaxed));
        self.running = Some(RunningServer::start(&self.config, clock).await.unwrap());
    }

    pub(crate) async fn stop(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    pub(crate) fn running(&self) -> &RunningServer {
        self.running.as_ref().unwrap()
    }

    pub(crate) fn id(&self) -> ServerId {
        self.running().id()
    }

    pub(crate) fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    pub(crate) fn advance(&self, by: i64) {
        self.now.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.running().tcp().unwrap()).await
    }

    pub(crate) async fn admin(&self) -> Client {
        Client::connect(self.running().admin_tcp().unwrap()).await
    }

    pub(crate) async fn info(&self) -> Info {
        self.client().await.get("/v1/info").await.ok().json()
    }

    pub(crate) async fn board(&self) -> (Head, Vec<Record>) {
        let answer = self.client().await.get("/v1/board").await.ok();
        board::parse(&answer.body, 1_000_000).unwrap()
    }

    pub(crate) async fn put(&self, record: &Record) -> Answer {
        self.put_with_work(record, 0).await
    }

    /// Puts a record with a proof of work of this many bits.
    pub(crate) async fn put_with_work(&self, record: &Record, bits: u8) -> Answer {
        let body = self.submission(record, bits);
        self.client().await.ask("PUT", &path(record), &[], body).await
    }

    pub(crate) fn submission(&self, record: &Record, bits: u8) -> Vec<u8> {
        let work = Challenge::new(&self.id(), record.as_bytes()).solve(bits, 0, u64::MAX).unwrap();
        [&record.as_bytes()[..], &work.0.to_be_bytes()].concat()
    }
}

pub(crate) fn path(record: &Record) -> String {
    format!("/v1/records/{}", HEXLOWER.encode(&record.address().0))
}

/// Checks that a problem shows a client nothing of the server's inside.
pub(crate) fn hides_internals(problem: &Problem) {
    let text = serde_json::to_string(problem).unwrap().to_lowercase();
    for word in ["sql", "postgres", "panic", ".rs", "/tmp", "database is"] {
        assert!(!text.contains(word), "{text}");
    }
}

/// A person with a key and a secret for contacts.
pub(crate) struct Person {
    key: SigningKey,
    secret: PresenceSecret,
}

impl Person {
    pub(crate) fn new(number: u64) -> Self {
        let mut seed = [7; 32];
        seed[..8].copy_from_slice(&number.to_be_bytes());
        Self {
            key: SigningKey::from_bytes(&seed),
            secret: PresenceSecret(seed.map(|byte| byte ^ 0x55)),
        }
    }

    /// A record as a client makes it, after a change to its content.
    pub(crate) fn record_with(
        &self,
        server: ServerId,
        now: i64,
        change: impl FnOnce(&mut RecordDraft),
    ) -> Record {
        let status = Status { state: State::Online, since: now, hint: None };
        let mut draft = RecordDraft {
            epoch: Epoch::at(now),
            sequence: Sequence::next(now, None),
            expires: now + MAX_RECORD_LIFE,
            status,
        };
        change(&mut draft);
        let signer = Signer::new(&self.key, &self.secret, draft.epoch, &server);
        Record::make(&signer, &self.secret, &server, draft, rand::random())
    }

    pub(crate) fn record(&self, server: ServerId, now: i64) -> Record {
        self.record_with(server, now, |_| {})
    }

    /// The n-th record of this minute.
    pub(crate) fn record_of(&self, server: ServerId, now: i64, number: u64) -> Record {
        self.record_with(server, now, |draft| {
            draft.sequence = Sequence(Sequence::next(now, None).0 + number);
        })
    }

    /// The reader with which a contact opens this person's records.
    pub(crate) fn reader(&self, server: ServerId, now: i64) -> RecordReader {
        let key = PresenceKey::from_bytes(self.key.verifying_key().as_bytes()).unwrap();
        RecordReader::new(&key, &self.secret, Epoch::at(now), server)
    }

    /// Bytes that the server must never have.
    pub(crate) fn secrets(&self) -> Vec<Vec<u8>> {
        vec![
            self.key.to_bytes().to_vec(),
            self.key.verifying_key().to_bytes().to_vec(),
            self.secret.0.to_vec(),
        ]
    }
}
