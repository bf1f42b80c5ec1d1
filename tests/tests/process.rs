//! Child processes: their input and output, and that they end with their owner.

use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive_tests::process::{Child, Launch, Output};
use tokio::io::AsyncWriteExt as _;
use tokio::time::{sleep, timeout};

const DEADLINE: Duration = Duration::from_secs(10);

/// How long a child must run on to count as not ended.
const GRACE: Duration = Duration::from_millis(100);

#[tokio::test]
async fn lines_come_as_the_child_prints_them() -> Result<()> {
    let mut cat = Launch::new("cat").with_stdin().stdout(Output::Lines).start()?;
    for line in ["one", "two"] {
        let stdin = cat.stdin().context("there is no stdin")?;
        stdin.write_all(format!("{line}\n").as_bytes()).await?;
        let stdout = cat.stdout().context("there is no stdout")?;
        assert_eq!(stdout.find(DEADLINE, |_| true).await?, line);
    }
    cat.close_stdin();
    assert_eq!(cat.stdout().context("there is no stdout")?.next().await?, None);
    assert!(cat.wait().await?.success());
    Ok(())
}

#[tokio::test]
async fn output_environment_and_directory_are_what_was_asked_for() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let log = Output::File(directory.path().join("log"));
    let mut shell = Launch::new("sh")
        .args(["-c", "echo $GREETING; pwd >&2"])
        .env("GREETING", "hello")
        .current_dir(directory.path())
        .stdout(log.clone())
        .stderr(log)
        .start()?;
    assert!(shell.wait().await?.success());
    let printed = fs::read_to_string(directory.path().join("log"))?;
    assert_eq!(printed, format!("hello\n{}\n", directory.path().canonicalize()?.display()));
    Ok(())
}

#[tokio::test]
async fn a_stopped_child_goes_on() -> Result<()> {
    let mut child = sleeper()?;
    child.stop()?;
    wait_for_state(&child, 'T').await?;
    child.cont()?;
    wait_for_state(&child, 'S').await?;
    assert!(!child.kill().await?.success());
    assert!(child.stop().is_err(), "a dead child cannot be stopped");
    assert!(!child.kill().await?.success(), "killing it again changes nothing");
    Ok(())
}

#[tokio::test]
async fn a_dropped_child_is_gone_even_if_it_was_stopped() -> Result<()> {
    let mut child = sleeper()?;
    child.stop()?;
    let id = child.id();
    drop(child);
    assert!(!exists(id));
    Ok(())
}

#[tokio::test]
async fn a_panic_ends_the_child() -> Result<()> {
    let child = sleeper()?;
    let id = child.id();
    let panicking = tokio::spawn(async move {
        let _child = child;
        resume_unwind(Box::new("a test that fails"));
    });
    assert!(panicking.await.is_err());
    assert!(!exists(id));
    Ok(())
}

#[tokio::test]
async fn a_missing_program_is_named() -> Result<()> {
    let error = Launch::new("no-such-program").start().err().context("it started")?;
    assert_eq!(error.to_string(), "there is no program no-such-program");
    Ok(())
}

#[test]
fn a_child_outlives_the_thread_that_asked_for_it() -> Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let handle = runtime.handle().clone();
    let asking = std::thread::spawn(move || {
        let _context = handle.enter();
        sleeper()
    });
    let mut child = asking.join().ok().context("the thread panicked")??;
    assert_eq!(child.try_wait()?, None);
    let waited = runtime.block_on(async { timeout(GRACE, child.wait()).await });
    assert!(waited.is_err(), "the child ended with the thread");
    Ok(())
}

fn sleeper() -> Result<Child> {
    Launch::new("sleep").arg("1000").start()
}

/// Waits until the kernel shows a process in this state (see proc(5)).
async fn wait_for_state(child: &Child, state: char) -> Result<()> {
    let shown = async {
        loop {
            let status = fs::read_to_string(format!("/proc/{}/stat", child.id()))?;
            if status.contains(&format!(") {state} ")) {
                return Ok(());
            }
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(DEADLINE, shown).await?
}

fn exists(id: u32) -> bool {
    Path::new("/proc").join(id.to_string()).exists()
}
