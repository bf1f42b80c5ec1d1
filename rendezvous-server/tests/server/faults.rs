//! Faults: the real command is killed, the disk is full, and stored data is searched for secrets.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chive_rendezvous::identity::OnionSeed;
use chive_shared::board;
use chive_shared::record::Record;
use chive_shared::server::ServerId;
use chive_tests::postgres::Postgres;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::client::{Client, within};
use crate::world::{NOW, Person, World, database, path};

/// A server as its own process.
struct Process {
    child: Child,
    tcp: SocketAddr,
}

impl Process {
    fn start(dir: &Path, url: Option<&str>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chive-rendezvous"));
        command
            .env("CHIVE_RENDEZVOUS_DATA_DIR", dir)
            .env("CHIVE_RENDEZVOUS_LISTEN__TCP", "127.0.0.1:0");
        command
            .env("CHIVE_RENDEZVOUS_ONION__ENABLED", "false")
            .env("CHIVE_RENDEZVOUS_WORK__RECORD", "0");
        if let Some(url) = url {
            command.env("CHIVE_RENDEZVOUS_DATABASE__URL", url);
        }

        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let tcp = lines
            .find_map(|line| Some(line.unwrap().split_once("listening on ")?.1.trim().to_owned()));

        // The pipe must not fill up, or the server would block.
        std::thread::spawn(move || lines.for_each(drop));

        Self { child, tcp: tcp.expect("an address").parse().unwrap() }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Clients that write to a server.
struct Writers {
    tasks: Vec<JoinHandle<Option<Record>>>,
    /// Gets a value from each writer when its first record is acknowledged.
    begun: UnboundedReceiver<()>,
}

impl Writers {
    fn start(to: SocketAddr, numbers: std::ops::Range<u64>, id: ServerId) -> Self {
        let (tell, begun) = unbounded_channel();
        let tasks =
            numbers.map(|number| tokio::spawn(write(to, number, id, tell.clone()))).collect();
        Self { tasks, begun }
    }

    /// Waits until `n` more writers have begun.
    async fn have_begun(&mut self, n: usize) {
        for _ in 0..n {
            within(self.begun.recv()).await.expect("another writer");
        }
    }

    /// The last acknowledged record of each writer, once the server is gone.
    async fn acknowledged(self) -> Vec<Record> {
        let mut acknowledged = Vec::new();
        for writer in self.tasks {
            acknowledged.extend(within(writer).await.unwrap());
        }
        acknowledged
    }
}

/// Puts a person's records while the server lives; gives the last that it acknowledged.
async fn write(
    to: SocketAddr,
    writer: u64,
    id: ServerId,
    begun: UnboundedSender<()>,
) -> Option<Record> {
    let stream = tokio::net::TcpStream::connect(to).await.ok()?;
    let io = hyper_util::rt::TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.ok()?;

    tokio::spawn(connection);
    let (mut last, since) = (None, now());
    for turn in 0.. {
        let record = Person::new(writer).record_of(id, since, turn);
        let body = [&record.as_bytes()[..], &[0; 8]].concat();
        let request = hyper::Request::put(path(&record)).header("host", "server");
        let request = request.body(http_body_util::Full::new(bytes::Bytes::from(body))).unwrap();
        if sender.ready().await.is_err() {
            break;
        }

        match sender.send_request(request).await {
            Ok(answer) if answer.status().is_success() => {
                if last.replace(record).is_none() {
                    let _ = begun.send(());
                }
            }
            _ => break,
        }
    }

    last
}

async fn killed_under_load(url: Option<String>) {
    let dir = tempfile::tempdir().unwrap();
    let id = OnionSeed::open(dir.path()).unwrap().server();
    for round in 0..3 {
        let server = Process::start(dir.path(), url.as_deref());
        let mut writers = Writers::start(server.tcp, 100 * round..100 * round + 16, id);

        writers.have_begun(8).await;
        server.kill();
        let acknowledged = writers.acknowledged().await;
        assert!(acknowledged.len() >= 8, "{}", acknowledged.len());
        let server = Process::start(dir.path(), url.as_deref());
        let answer = Client::connect(server.tcp).await.get("/v1/board").await.ok();
        let (_, records) = board::parse(&answer.body, 1_000).unwrap();
        for record in acknowledged {
            let there = records
                .iter()
                .find(|other| other.address() == record.address())
                .expect("the address");
            assert!(there.sequence() >= record.sequence(), "an acknowledged record is gone");
        }

        server.kill();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_records_survive_a_kill_with_sqlite() {
    killed_under_load(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_records_survive_a_kill_with_postgres() {
    let url = database().await;
    killed_under_load(Some(url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_replica_loses_nothing_and_blocks_no_one() {
    let url = database().await;
    let (dir, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let id = OnionSeed::open(dir.path()).unwrap().server();

    std::fs::copy(dir.path().join("onion.key"), second.path().join("onion.key")).unwrap();
    let (lives, dies) =
        (Process::start(dir.path(), Some(&url)), Process::start(second.path(), Some(&url)));
    let to_living = lives.tcp;
    let (mut staying, mut leaving) =
        (Writers::start(to_living, 0..8, id), Writers::start(dies.tcp, 100..108, id));
    staying.have_begun(8).await;
    leaving.have_begun(4).await;
    dies.kill();
    let acknowledged = leaving.acknowledged().await;
    assert!(acknowledged.len() >= 4, "{}", acknowledged.len());

    // The living one still accepts records, and soon shows what the other had accepted.
    let deadline = std::time::Instant::now() + Duration::from_secs(30);
    loop {
        let answer = Client::connect(to_living).await.get("/v1/board").await.ok();
        let (_, records) = board::parse(&answer.body, 1_000).unwrap();
        let newest = |record: &Record| {
            let found = records.iter().find(|other| other.address() == record.address());
            found.is_some_and(|found| found.sequence() >= record.sequence())
        };
        if acknowledged.iter().all(newest) {
            break;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "accepted by the dead replica, but not on the living one's board"
        );
    }

    assert!(
        staying.tasks.iter().all(|writer| !writer.is_finished()),
        "the living replica stopped answering"
    );
    lives.kill();
    assert_eq!(staying.acknowledged().await.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_file_is_refused() {
    let world = World::sqlite().await;
    let config = chive_rendezvous::config::Config {
        listen: chive_rendezvous::config::ListenSettings {
            tcp: Some("127.0.0.1:0".parse().unwrap()),
            unix: None,
        },
        ..world.config.clone()
    };
    let second = chive_rendezvous::run::RunningServer::start(
        &config,
        chive_rendezvous::clock::Clock::system(),
    )
    .await;
    let error = second.err().expect("refused").to_string();
    assert!(error.contains("another server uses"), "{error}");
    world.put(&Person::new(1).record(world.id(), world.now())).await.ok();
}

/// Needs root, to mount a tmpfs of a few megabytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_acknowledges_nothing_until_there_is_room() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: it takes root to make a small file system");
        return;
    }

    let mount_point = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "none"])
        .arg(mount_point.path())
        .status()
        .unwrap();
    if !mounted.success() {
        eprintln!("skipped: mounting is not allowed here");
        return;
    }

    let _unmount = Unmount(mount_point.path().to_owned());
    let data = mount_point.path().join("data");
    let world = World::with(None, |config| config.data_dir.clone_from(&data)).await;
    let filler = mount_point.path().join("filler");
    let first = Person::new(0).record(world.id(), world.now());

    world.put(&first).await.ok();
    fill(&filler);
    let mut acknowledged = vec![first];
    let refused = loop {
        let person = Person::new(acknowledged.len() as u64);
        let record = person.record(world.id(), world.now());
        let answer = world.put(&record).await;
        if !answer.status.is_success() {
            break answer;
        }
        acknowledged.push(record);
    };
    let problem = refused.is(chive_shared::api::Code::StorageUnavailable);
    crate::world::hides_internals(&problem);
    assert_eq!(world.board().await.1.len(), acknowledged.len(), "a refused record is not shown");
    std::fs::remove_file(&filler).unwrap();
    let last = Person::new(9_999).record(world.id(), world.now());
    world.put(&last).await.ok();
    assert_eq!(world.board().await.1.len(), acknowledged.len() + 1);
}

struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn fill(path: &Path) {
    use std::io::Write as _;
    let mut file = std::fs::File::create(path).unwrap();
    let block = [7; 4096];
    while file.write_all(&block).is_ok() {}
}

/// Neither the files nor a dump have anything that was not published.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stored_data_does_not_show_whose_a_record_is() {
    let people: Vec<Person> = (0..20).map(Person::new).collect();
    let postgres = database().await;
    for url in [None, Some(postgres)] {
        let mut world = World::with(url.clone(), |_| {}).await;
        for person in &people {
            world.put(&person.record(world.id(), NOW)).await.ok();
        }

        world.stop().await;
        let mut stored = Vec::new();
        for file in std::fs::read_dir(world.dir.path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && path.file_name().unwrap() != "onion.key" {
                stored.extend(std::fs::read(path).unwrap());
            }
        }

        if let Some(url) = url {
            stored.extend(
                tokio::task::spawn_blocking(move || Postgres::dump(&url).unwrap()).await.unwrap(),
            );
        }

        assert!(stored.len() > 20 * 217);
        for secret in people.iter().flat_map(Person::secrets) {
            let hex = data_encoding::HEXLOWER.encode(&secret).into_bytes();
            assert!(
                !stored.windows(32).any(|part| part == secret)
                    && !stored.windows(64).any(|part| part == hex)
            );
        }
    }
}
