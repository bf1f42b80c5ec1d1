//! The demo program, run as people run it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive_tests::person::Answer;
use chive_tests::process::{Child, Launch, Output, Signal};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::stage::Stage;

/// How long the demo may take on a busy machine.
const DEMO_DEADLINE: Duration = Duration::from_mins(10);
/// How long processes may take to vanish.
const VANISH_DEADLINE: Duration = Duration::from_secs(10);

pub(crate) async fn the_demo_explains_itself(_: Stage) -> Result<()> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/demo");
    let help = Answer::of(Launch::new(&script).arg("--help"), None).await?.text()?;
    for word in ["--keep", "--live", "cold_start_ms", "first_delivery_ms", "duplicated"] {
        ensure!(help.contains(word), "the help does not say {word}");
    }
    let wrong = Answer::of(Launch::new(&script).arg("--kepe"), None).await?;
    ensure!(wrong.code == 2 && wrong.stderr.contains("Usage"), "a wrong option: {wrong:?}");
    Ok(())
}

pub(crate) async fn the_demo_ends_well_and_leaves_nothing_when_killed(stage: Stage) -> Result<()> {
    let mut demo = start_demo(&stage, Some("--keep"))?;
    let line = demo.stdout().context("no output")?.find(DEMO_DEADLINE, |_| true).await?;
    let report: Value = serde_json::from_str(&line)?;
    let narrated = fs::read_to_string(stage.home.join("narrated"))?;
    ensure!(report["ok"] == true, "{report}\n{narrated}");
    ensure!(report["sent"] == report["delivered"] && report["sent"].as_u64() > Some(5), "{report}");
    ensure!(report["lost"] == 0 && report["duplicated"] == 0, "{report}");
    ensure!(
        report["cold_start_ms"].as_u64() > Some(100)
            && report["first_delivery_ms"].as_u64() > Some(1),
        "{report}"
    );

    let processes = descendants(demo.id())?;
    // Eight nodes of Tor, two of Chive, two that follow events.
    ensure!(processes.len() >= 12, "only {processes:?} run\n{narrated}");
    demo.kill().await?;
    all_vanish(&processes).await
}

pub(crate) async fn an_interrupted_demo_cleans_up(stage: Stage) -> Result<()> {
    let mut demo = start_demo(&stage, None)?;
    let narrated = stage.home.join("narrated");

    until(|| fs::read_to_string(&narrated).is_ok_and(|text| text.contains("chive add"))).await?;
    let processes = descendants(demo.id())?;
    demo.signal(Signal::INT)?;
    let line = demo.stdout().context("no output")?.find(DEMO_DEADLINE, |_| true).await?;
    let report: Value = serde_json::from_str(&line)?;
    ensure!(report["ok"] == false, "{report}");
    let status = timeout(DEMO_DEADLINE, demo.wait()).await.context("the demo does not end")??;
    ensure!(status.code() == Some(1), "the demo ended with {status}");
    all_vanish(&processes).await?;
    let left: Vec<_> =
        fs::read_dir(stage.home.join("tmp"))?.flatten().map(|entry| entry.file_name()).collect();
    ensure!(left.is_empty(), "the demo left {left:?}");

    Ok(())
}

fn start_demo(stage: &Stage, argument: Option<&str>) -> Result<Child> {
    let temporary = stage.home.join("tmp");
    fs::create_dir(&temporary)?;
    Launch::new(env!("CARGO_BIN_EXE_demo"))
        .args(argument)
        .env("TMPDIR", temporary)
        .env("CHIVE_BIN", &stage.env.program)
        .stdout(Output::Lines)
        .stderr(Output::File(stage.home.join("narrated")))
        .start()
}

/// All processes that a process started, and those that these started.
fn descendants(ancestor: u32) -> Result<Vec<u32>> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // After the name, which may hold anything: the state, then the parent (see proc(5)).
        let parent = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.split(' ').nth(1))
            .and_then(|id| id.parse().ok());
        parents.extend(parent.map(|parent: u32| (id, parent)));
    }

    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| id));
        next += 1;
    }

    Ok(found.split_off(1))
}

async fn all_vanish(processes: &[u32]) -> Result<()> {
    let exist =
        || processes.iter().copied().filter(|id| Path::new("/proc").join(id.to_string()).exists());
    let vanished = timeout(VANISH_DEADLINE, until(|| exist().next().is_none())).await;
    vanished.ok().with_context(|| format!("processes {:?} remain", exist().collect::<Vec<_>>()))?
}

async fn until(happened: impl Fn() -> bool) -> Result<()> {
    let happened = async {
        while !happened() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(DEMO_DEADLINE, happened).await.context("it did not happen")
}
