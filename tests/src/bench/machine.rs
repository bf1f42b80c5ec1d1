//! The machine, which figures depend on besides the code: its load, its disk, its cores.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::figures::Samples;
use crate::process::Launch;

/// The core of a process that is measured, and the core of this process.
pub(super) const MEASURED_CORE: usize = 0;
const OWN_CORE: usize = 1;

/// The number of writes to the disk.
const WRITES: usize = 50;
/// The pause between two overwrites, long enough not to slow down the node.
const BETWEEN_OVERWRITES: Duration = Duration::from_millis(50);

/// The state of the machine at one time.
#[derive(Clone, Debug)]
pub struct Machine {
    load: String,
    sync: Samples,
}

impl Machine {
    /// Measures the load, and how long the disk under a directory takes to make 4 KiB durable.
    pub fn look(directory: &Path) -> Result<Self> {
        let load = fs::read_to_string("/proc/loadavg")?.split(' ').take(1).collect();
        let path = directory.join("sync");
        let mut file = File::create(&path)?;
        let mut sync = Samples::default();
        for _ in 0..WRITES {
            file.write_all(&[7; 4096])?;
            let began = Instant::now();
            file.sync_data()?;
            sync.push_ms(began.elapsed());
        }
        fs::remove_file(path)?;
        Ok(Self { load, sync })
    }

    /// The state in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let (median, p99) = (self.sync.median(), self.sync.percentile(99));
        format!("load {}; the disk keeps 4 KiB after {median:.2} ms (p99 {p99:.2} ms)", self.load)
    }
}

/// Overwrites 4 KiB under a directory again and again until a time, as a store's commits do: how
/// long the disk takes each time, in milliseconds. Blocks.
pub(super) fn overwrites(directory: &Path, until: Instant) -> Result<Samples> {
    let path = directory.join("overwritten");
    let file = File::create(&path)?;
    let mut took = Samples::new();
    while Instant::now() < until {
        file.write_all_at(&[7; 4096], 0)?;
        let began = Instant::now();
        file.sync_all()?;
        took.push_ms(began.elapsed());
        sleep(BETWEEN_OVERWRITES);
    }
    fs::remove_file(path)?;
    Ok(took)
}

/// Moves this process to its own core, from now on.
pub(super) async fn keep_to_own_core() -> Result<()> {
    let (core, process) = (OWN_CORE.to_string(), std::process::id().to_string());
    let keep = Launch::new("taskset").args(["-a", "-p", "-c", &core, &process]);
    ensure!(keep.start()?.wait().await?.success(), "this machine has no two cores");
    Ok(())
}
