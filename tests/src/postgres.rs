//! A real `PostgreSQL` from Debian's packages, in a directory of its own: it takes no port, ends
//! when this process does, and never touches the machine's own cluster.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Debian's `nobody`: `PostgreSQL` refuses to be run by root.
const NOBODY: u32 = 65_534;
const START: Duration = Duration::from_secs(30);
/// The pause between two checks whether it answers.
const LOOK: Duration = Duration::from_millis(50);

/// A cluster of its own. Dropping it removes its files.
pub struct Postgres {
    dir: tempfile::TempDir,
}

impl Postgres {
    /// Creates and starts one. Blocks until it answers.
    pub fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777))?;
        let cluster = Self { dir };
        let mut initdb = unprivileged(&program("initdb")?);
        initdb.arg("-D").arg(cluster.data());
        initdb.args(["-A", "trust", "-U", "chive", "--no-sync", "-E", "UTF8", "--locale=C"]);
        ensure!(initdb.stdout(Stdio::null()).status()?.success(), "initdb failed");
        cluster.resume()?;
        Ok(cluster)
    }

    /// Starts the server, and waits until it answers.
    pub fn resume(&self) -> Result<()> {
        let mut server = unprivileged(&program("postgres")?);
        server.arg("-D").arg(self.data()).arg("-k").arg(self.dir.path()).args([
            "-h",
            "",
            "-c",
            "max_connections=200",
        ]);
        let (started, ready) = mpsc::channel();

        // A child ends with the thread that made it, so that one lives as long as the child.
        std::thread::spawn(move || {
            match server.stdout(Stdio::null()).stderr(Stdio::null()).spawn() {
                Ok(mut child) => {
                    let _ = started.send(Ok(()));
                    let _ = child.wait();
                }
                Err(error) => drop(started.send(Err(error))),
            }
        });
        ready.recv()?.context("PostgreSQL does not start")?;

        let deadline = Instant::now() + START;
        while !self.psql("postgres", "SELECT 1")? {
            ensure!(Instant::now() < deadline, "PostgreSQL does not answer");
            std::thread::sleep(LOOK);
        }

        Ok(())
    }

    /// Stops the server at once, as a crash does.
    pub fn stop(&self) -> Result<()> {
        let mut stop = unprivileged(&program("pg_ctl")?);
        stop.arg("-D").arg(self.data()).args(["stop", "-m", "immediate", "-w"]);
        ensure!(stop.stdout(Stdio::null()).status()?.success(), "pg_ctl stop failed");
        Ok(())
    }

    /// Creates an empty database; gives its URL.
    pub fn database(&self) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("chive_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        ensure!(
            self.psql("postgres", &format!("CREATE DATABASE {name}"))?,
            "the database was not created"
        );
        Ok(format!("postgres://chive@localhost/{name}?host={}", self.dir.path().display()))
    }

    /// The whole content of a database, as SQL.
    pub fn dump(url: &str) -> Result<Vec<u8>> {
        Ok(Command::new(program("pg_dump")?).arg(url).output()?.stdout)
    }

    fn psql(&self, database: &str, statement: &str) -> Result<bool> {
        let mut psql = Command::new(program("psql")?);
        psql.arg("-h")
            .arg(self.dir.path())
            .args(["-U", "chive", "-q", "-d", database, "-c", statement]);
        Ok(psql.stdout(Stdio::null()).stderr(Stdio::null()).status()?.success())
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

/// A program of the newest version; Debian keeps each version in a directory of its own.
fn program(name: &str) -> Result<PathBuf> {
    let missing = "PostgreSQL is missing: apt-get install postgresql";
    let versions = std::fs::read_dir("/usr/lib/postgresql").context(missing)?;
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin"))).max();
    newest.map(|bin| bin.join(name)).filter(|path| path.exists()).context(missing)
}

/// A command that does not run as root, and dies with this process.
fn unprivileged(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if rustix::process::getuid().is_root() {
        command
            .arg(format!("--reuid={NOBODY}"))
            .arg(format!("--regid={NOBODY}"))
            .arg("--clear-groups");
    }
    command.args(["--pdeathsig", "INT", "--"]).arg(program).current_dir("/");
    command
}
