//! A real `PostgreSQL` from Debian's packages, in a directory of its own, for all tests of this process: it takes no port, and
//! ends when the process does.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

/// Debian's `nobody`: `PostgreSQL` refuses to be run by root.
const NOBODY: u32 = 65_534;
const START: Duration = Duration::from_secs(30);

/// One cluster.
pub(crate) struct Cluster {
    dir: tempfile::TempDir,
}

impl Cluster {
    /// The one that tests share, who do not harm it.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// A new one.
    pub(crate) fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
        let cluster = Self { dir };
        let data = cluster.data();
        let mut initdb = unprivileged(&program("initdb"));
        initdb.arg("-D").arg(&data).args(["-A", "trust", "-U", "chive", "--no-sync", "-E", "UTF8", "--locale=C"]);
        assert!(initdb.stdout(Stdio::null()).status().unwrap().success(), "initdb");
        cluster.resume();
        cluster
    }

    /// Starts the server, and waits until it answers.
    pub(crate) fn resume(&self) {
        let mut server = unprivileged(&program("postgres"));
        server.arg("-D").arg(self.data()).arg("-k").arg(self.dir.path()).args(["-h", "", "-c", "max_connections=200"]);
        let (started, ready) = mpsc::channel();
        // A child ends with the thread that made it, so that one lives as long as the child.
        std::thread::spawn(move || {
            let child = server.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
            started.send(child.is_ok()).unwrap();
            child.unwrap().wait().unwrap();
        });
        assert!(ready.recv().unwrap());
        let deadline = Instant::now() + START;
        while !self.psql("postgres", "SELECT 1") {
            assert!(Instant::now() < deadline, "PostgreSQL does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Stops the server at once, as a crash does.
    pub(crate) fn stop(&self) {
        let mut stop = unprivileged(&program("pg_ctl"));
        stop.arg("-D").arg(self.data()).args(["stop", "-m", "immediate", "-w"]);
        assert!(stop.stdout(Stdio::null()).status().unwrap().success(), "pg_ctl stop");
    }

    /// A new, empty database: its URL.
    pub(crate) fn database(&self) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("chive_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        assert!(self.psql("postgres", &format!("CREATE DATABASE {name}")), "no database");
        format!("postgres://chive@localhost/{name}?host={}", self.dir.path().display())
    }

    /// All that is in a database, as text.
    pub(crate) fn dump(url: &str) -> Vec<u8> {
        Command::new(program("pg_dump")).arg(url).output().unwrap().stdout
    }

    fn psql(&self, database: &str, statement: &str) -> bool {
        let mut psql = Command::new(program("psql"));
        psql.arg("-h").arg(self.dir.path()).args(["-U", "chive", "-q", "-d", database, "-c", statement]);
        psql.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success()
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

/// What Debian keeps in a directory for each version.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("apt-get install postgresql");
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).max();
    newest.map(|bin| bin.join(name)).filter(|path| path.exists()).expect("apt-get install postgresql")
}

/// Not as root, and dead when we are.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::getuid().is_root() {
        command.arg(format!("--reuid={NOBODY}")).arg(format!("--regid={NOBODY}")).arg("--clear-groups");
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program).current_dir("/");
    command
}
