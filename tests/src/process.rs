//! Child processes that never outlive this one.
//!
//! A child ends when its [`Child`] is dropped, and even when this process is
//! killed: it runs under `setpriv --pdeathsig KILL`. Children are in process
//! groups of their own, so that Ctrl-C in a terminal reaches this process only.

mod lines;
mod spawner;

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::process::{ChildStdin, Command};

pub use lines::Lines;
pub use rustix::process::Signal;

/// The destination of a child's output.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// The output is discarded.
    #[default]
    Discard,
    /// To the end of this file, which is created where it does not exist.
    File(PathBuf),
    /// To this process, line by line. A child whose lines are not read blocks
    /// once 64 KiB are waiting.
    Lines,
}

impl Output {
    fn stdio(&self) -> Result<Stdio> {
        Ok(match self {
            Self::Discard => Stdio::null(),
            Self::File(path) => append_to(path)?.into(),
            Self::Lines => Stdio::piped(),
        })
    }
}

/// A program about to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    directory: Option<PathBuf>,
    stdin: bool,
    stdout: Output,
    stderr: Output,
}

impl Launch {
    /// Prepares to start `program`: a path, or a name to look up in `PATH`.
    /// It starts with an empty standard input and its output discarded.
    #[must_use]
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            directory: None,
            stdin: false,
            stdout: Output::Discard,
            stderr: Output::Discard,
        }
    }

    /// Adds an argument, after those that were added before.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Sets an environment variable, on top of those of this process.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        let variable = (name.as_ref().to_owned(), value.as_ref().to_owned());
        self.environment.push(variable);
        self
    }

    /// Starts the program in this directory instead of this process's own.
    #[must_use]
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Connects the program's standard input to [`Child::stdin`].
    #[must_use]
    pub fn with_stdin(mut self) -> Self {
        self.stdin = true;
        self
    }

    /// Says where standard output goes.
    #[must_use]
    pub fn stdout(mut self, output: Output) -> Self {
        self.stdout = output;
        self
    }

    /// Says where standard error goes.
    #[must_use]
    pub fn stderr(mut self, output: Output) -> Self {
        self.stderr = output;
        self
    }

    /// Starts the program. Must be called in a tokio runtime.
    pub fn start(self) -> Result<Child> {
        let name = self.program.to_string_lossy().into_owned();
        let program =
            find_program(&self.program).with_context(|| format!("there is no program {name}"))?;
        let mut process = spawner::spawn(self.command(&program)?).map_err(explain_spawn_error)?;
        let pid = process.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        let pid = pid.with_context(|| format!("{name} has no process id"))?;
        let (stdin, stdout, stderr) =
            (process.stdin.take(), process.stdout.take(), process.stderr.take());
        // From here on, an error drops the child, which kills it.
        let mut child =
            Child { name, pid, process, status: None, stdin, stdout: None, stderr: None };
        child.stdout = stdout.map(|pipe| Lines::new(pipe.into_owned_fd()?)).transpose()?;
        child.stderr = stderr.map(|pipe| Lines::new(pipe.into_owned_fd()?)).transpose()?;
        Ok(child)
    }

    fn command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(program)
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .process_group(0)
            .stdin(if self.stdin { Stdio::piped() } else { Stdio::null() })
            .stdout(self.stdout.stdio()?)
            .stderr(self.stderr.stdio()?);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        Ok(command)
    }
}

/// A running program. Dropping it kills the program and waits for its end.
#[derive(Debug)]
pub struct Child {
    name: String,
    pid: Pid,
    process: tokio::process::Child,
    status: Option<ExitStatus>,
    stdin: Option<ChildStdin>,
    stdout: Option<Lines>,
    stderr: Option<Lines>,
}

impl Child {
    /// The process id, to signal the child or to read about it in `/proc`.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.pid.as_raw_pid().cast_unsigned()
    }

    /// Standard input, if [`Launch::with_stdin`] asked for it.
    pub fn stdin(&mut self) -> Option<&mut ChildStdin> {
        self.stdin.as_mut()
    }

    /// Closes standard input: the program reads the end of the file.
    pub fn close_stdin(&mut self) {
        self.stdin = None;
    }

    /// Standard output, if it is [`Output::Lines`].
    pub fn stdout(&mut self) -> Option<&mut Lines> {
        self.stdout.as_mut()
    }

    /// Standard output, to be read elsewhere.
    pub fn take_stdout(&mut self) -> Option<Lines> {
        self.stdout.take()
    }

    /// Standard error, to be read elsewhere.
    pub fn take_stderr(&mut self) -> Option<Lines> {
        self.stderr.take()
    }

    /// Standard error, if it is [`Output::Lines`].
    pub fn stderr(&mut self) -> Option<&mut Lines> {
        self.stderr.as_mut()
    }

    /// Sends a signal. Fails if the program has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // Only we reap this child: until then its id cannot name another process.
        if let Some(status) = self.try_wait()? {
            bail!("{} has ended: {status}", self.name);
        }
        kill_process(self.pid, signal)
            .with_context(|| format!("cannot send {signal:?} to {}", self.name))
    }

    /// Freezes the program (SIGSTOP): it keeps its connections and does nothing.
    pub fn stop(&mut self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a stopped program continue (SIGCONT).
    pub fn cont(&mut self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// Kills the program (SIGKILL) and waits for its end. Killing a program
    /// that has ended does nothing.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        if self.try_wait()?.is_none() {
            self.signal(Signal::KILL)?;
        }
        self.wait().await
    }

    /// Waits for the program's end.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.process.wait().await;
        let status = status.with_context(|| format!("cannot wait for {}", self.name))?;
        self.status = Some(status);
        Ok(status)
    }

    /// How the program ended, or `None` while it runs.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        if self.status.is_none() {
            let status = self.process.try_wait();
            self.status = status.with_context(|| format!("cannot wait for {}", self.name))?;
        }
        Ok(self.status)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.signal(Signal::KILL).is_ok() {
            // Both fail only for a process that is gone already. The first waits,
            // the second reaps.
            let _ = waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
            let _ = self.try_wait();
        }
    }
}

/// Finds a program by its path, or by its name in `PATH` and in the `sbin`
/// directories, which are often not in `PATH`.
#[must_use]
pub fn find_program(name: impl AsRef<OsStr>) -> Option<PathBuf> {
    let name = Path::new(name.as_ref());
    if name.components().count() > 1 {
        return name.is_file().then(|| std::path::absolute(name).ok()).flatten();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/local/sbin", "/usr/sbin"].map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

fn append_to(path: &Path) -> Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.with_context(|| format!("cannot write {}", path.display()))
}

fn explain_spawn_error(error: io::Error) -> anyhow::Error {
    match error.kind() {
        io::ErrorKind::NotFound => {
            anyhow::Error::new(error).context("cannot start setpriv: apt-get install util-linux")
        }
        _ => anyhow::Error::new(error).context("cannot start a process"),
    }
}
