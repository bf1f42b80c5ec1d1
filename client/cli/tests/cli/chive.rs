//! Runs the `chive` command in a home directory of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How a test ends.
pub(crate) type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

/// No command without a network takes this long.
const DEADLINE: Duration = Duration::from_secs(30);

/// A home directory, and the command to run in it.
pub(crate) struct Chive(tempfile::TempDir);

impl Chive {
    /// A home without a profile.
    pub(crate) fn new() -> Done<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    /// A home with something in the profile's place: enough for all but opening it.
    pub(crate) fn with_profile() -> Done<Self> {
        let chive = Self::new()?;
        fs::create_dir(chive.profile())?;
        fs::set_permissions(chive.profile(), fs::Permissions::from_mode(0o700))?;
        fs::write(chive.profile().join("store"), "")?;
        Ok(chive)
    }

    pub(crate) fn profile(&self) -> PathBuf {
        self.0.path().join("profile")
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// A file that everybody may read.
    pub(crate) fn file(&self, name: &str, text: &str) -> Done<String> {
        let path = self.path(name);
        fs::write(&path, text)?;
        fs::set_permissions(Path::new(&path), fs::Permissions::from_mode(0o644))?;
        Ok(path)
    }

    /// Runs to the end, without any input.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done<Ended> {
        self.typing("", arguments)
    }

    /// Runs to the end, with this input.
    pub(crate) fn typing(&self, input: &str, arguments: &[&str]) -> Done<Ended> {
        let mut running = self.start_typing(input, arguments)?;
        running.close_input();
        running.end()
    }

    /// Begins, with no more input to come.
    pub(crate) fn start(&self, arguments: &[&str]) -> Done<Running> {
        let mut running = self.start_typing("", arguments)?;
        running.close_input();
        Ok(running)
    }

    /// Begins, with this input and perhaps more.
    pub(crate) fn start_typing(&self, input: &str, arguments: &[&str]) -> Done<Running> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_chive"))
            .args(arguments)
            .env_clear()
            .env("HOME", self.0.path())
            .env("TZ", "UTC")
            .env("CHIVE_PROFILE", self.profile())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let mut stdin = child.stdin.take();
        if let Some(stdin) = &mut stdin {
            // A command that ends early does not read all of it.
            let _ = stdin.write_all(input.as_bytes());
        }

        let (said, lines) = mpsc::channel();
        let out = child.stdout.take().ok_or("no stdout")?;
        thread::spawn(move || {
            BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| said.send(line))
        });
        let mut err = child.stderr.take().ok_or("no stderr")?;
        let err = thread::spawn(move || {
            let mut text = String::new();
            let _ = err.read_to_string(&mut text);
            text
        });

        Ok(Running { child, stdin, lines, said: Vec::new(), err: Some(err) })
    }
}

/// A command that runs. It is killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    said: Vec<String>,
    err: Option<JoinHandle<String>>,
}

impl Running {
    pub(crate) fn close_input(&mut self) {
        self.stdin = None;
    }

    /// The next line of output, as JSON.
    pub(crate) fn line(&mut self) -> Done<Value> {
        let line = self.lines.recv_timeout(DEADLINE)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// Waits until a line of output holds this text.
    pub(crate) fn until_said(&mut self, text: &str, deadline: Duration) -> Done {
        loop {
            let line = self.lines.recv_timeout(deadline)?;
            let found = line.contains(text);
            self.said.push(line);
            if found {
                return Ok(());
            }
        }
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Done<Ended> {
        let begun = Instant::now();
        while let Ok(line) = self.lines.recv_timeout(DEADLINE.saturating_sub(begun.elapsed())) {
            self.said.push(line);
        }

        if begun.elapsed() >= DEADLINE {
            return Err("the command does not end".into());
        }

        let code = self.child.wait()?.code().ok_or("ended by a signal")?;
        let err = self
            .err
            .take()
            .map(JoinHandle::join)
            .transpose()
            .map_err(|_| "stderr")?
            .unwrap_or_default();

        Ok(Ended { code, out: std::mem::take(&mut self.said).join("\n"), err })
    }

    pub(crate) fn kill(mut self) -> Done {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command said, and how it ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    /// The output as JSON, one object a line.
    pub(crate) fn json(&self) -> Done<Vec<Value>> {
        Ok(self.out.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
    }

    /// The code of the error in the last line of standard error.
    pub(crate) fn error_code(&self) -> Done<String> {
        let last: Value = serde_json::from_str(self.err.lines().last().ok_or("no error")?)?;
        assert!(last["error"]["detail"].is_string(), "{last}");
        Ok(last["error"]["code"].as_str().ok_or("no code")?.to_owned())
    }
}
