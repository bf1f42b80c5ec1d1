//! The real command, killed; a disk that is full; and what is left lying about.

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

        // What it says later must find somebody who reads.
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

/// Some who write to a server.
struct Writers {
    all: Vec<JoinHandle<Option<Record>>>,
    /// Tells once of each that its first record was acknowledged.
    begun: UnboundedReceiver<()>,
}

impl Writers {
    fn start(to: SocketAddr, numbers: std::ops::Range<u64>, id: ServerId) -> Self {
        let (tell, begun) = unbounded_channel();
        let all = numbers.map(|number| tokio::spawn(write(to, number, id, tell.clone()))).collect();
        Self { all, begun }
    }

    /// Waits until so many have begun.
    async fn have_begun(&mut self, n: usize) {
        for _ in 0..n {
            within(self.begun.recv()).await.expect("somebody else");
        }
    }

    /// The last record of each that was acknowledged, once the server is gone.
    async fn acknowledged(self) -> Vec<Record> {
        let mut acknowledged = Vec::new();
        for writer in self.all {
            acknowledged.extend(within(writer).await.unwrap());
        }
        acknowledged
    }
}

/// Puts a person's records for as long as the server lives; gives the last that it acknowledged.
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
async fn killed_under_load_every_acknowledged_record_is_there_with_sqlite() {
    killed_under_load(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_under_load_every_acknowledged_record_is_there_with_postgres() {
    let url = database().await;
    killed_under_load(Some(url)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_replicas_one_killed_under_load_takes_nothing_acknowledged_with_it_and_holds_nobody_up()
 {
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

    // The one that lives is still written to, and shows soon what the other one had accepted.
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
            "accepted by the dead one and not on the other's board"
        );
    }

    assert!(
        staying.all.iter().all(|writer| !writer.is_finished()),
        "the living one stopped answering"
    );
    lives.kill();
    assert_eq!(staying.acknowledged().await.len(), 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_file_is_refused() {
    let world = World::sqlite().await;
    let config = chive_rendezvous::config::Config {
        listen: chive_rendezvous::config::Listen {
            tcp: Some("127.0.0.1:0".parse().unwrap()),
            unix: None,
        },
        ..world.config.clone()
    };
    let second =
        chive_rendezvous::run::Running::start(&config, chive_rendezvous::clock::Clock::system())
            .await;
    let error = second.err().expect("refused").to_string();
    assert!(error.contains("another server uses"), "{error}");
    world.put(&Person::new(1).record(world.id(), world.now())).await.ok();
}

/// As root, a tmpfs of a few megabytes; nobody else can make one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_acknowledged_and_all_goes_on_when_there_is_room() {
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: it takes root to make a small file system");
        return;
    }

    let place = tempfile::tempdir().unwrap();
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=3m", "none"])
        .arg(place.path())
        .status()
        .unwrap();
    if !mounted.success() {
        eprintln!("skipped: mounting is not allowed here");
        return;
    }

    let _unmount = Unmount(place.path().to_owned());
    let data = place.path().join("data");
    let world = World::with(None, |config| config.data_dir.clone_from(&data)).await;
    let filler = place.path().join("filler");
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
    crate::world::tells_nothing(&problem);
    assert_eq!(world.board().await.1.len(), acknowledged.len(), "what was refused is not shown");
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

/// Neither file nor dump has anything that a client did not mean for everybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_at_rest_tells_whose_a_record_is() {
    let people: Vec<Person> = (0..20).map(Person::new).collect();
    let postgres = database().await;
    for url in [None, Some(postgres)] {
        let mut world = World::with(url.clone(), |_| {}).await;
        for person in &people {
            world.put(&person.record(world.id(), NOW)).await.ok();
        }

        world.stop().await;
        let mut left = Vec::new();
        for file in std::fs::read_dir(world.dir.path()).unwrap() {
            let path = file.unwrap().path();
            if path.is_file() && path.file_name().unwrap() != "onion.key" {
                left.extend(std::fs::read(path).unwrap());
            }
        }

        if let Some(url) = url {
            left.extend(
                tokio::task::spawn_blocking(move || Postgres::dump(&url).unwrap()).await.unwrap(),
            );
        }

        assert!(left.len() > 20 * 217);
        for secret in people.iter().flat_map(Person::secrets) {
            let hex = data_encoding::HEXLOWER.encode(&secret).into_bytes();
            assert!(
                !left.windows(32).any(|part| part == secret)
                    && !left.windows(64).any(|part| part == hex)
            );
        }
    }
}
