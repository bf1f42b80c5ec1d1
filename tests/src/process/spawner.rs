//! The one thread that starts every child.
//!
//! A parent-death signal is tied to the thread that started the child, not to
//! the process. This thread ends only with the process.

use std::io;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use tokio::process::{Child, Command};
use tokio::runtime::Handle;

struct Job {
    /// The runtime that will wait for the child.
    runtime: Handle,
    command: Command,
    reply: Sender<io::Result<Child>>,
}

static SPAWNER: LazyLock<io::Result<Sender<Job>>> = LazyLock::new(|| {
    let (jobs, inbox) = channel();
    thread::Builder::new().name("spawner".into()).spawn(move || run(&inbox))?;
    Ok(jobs)
});

/// Starts a child on the spawning thread. Blocks for about a millisecond.
/// Must be called in a tokio runtime.
pub(super) fn spawn(command: Command) -> io::Result<Child> {
    let jobs = SPAWNER.as_ref().map_err(|error| io::Error::from(error.kind()))?;
    let (reply, answer) = channel();
    let runtime = Handle::try_current().map_err(io::Error::other)?;
    jobs.send(Job { runtime, command, reply }).map_err(|_| gone())?;
    answer.recv().map_err(|_| gone())?
}

fn run(inbox: &Receiver<Job>) {
    for mut job in inbox {
        let _context = job.runtime.enter();
        // Callers block until they have the child, so this does not fail.
        let _ = job.reply.send(job.command.spawn());
    }
}

fn gone() -> io::Error {
    io::Error::other("the spawning thread is gone")
}
