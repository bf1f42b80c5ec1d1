//! What a figure depends on besides the code: the machine's load, and its disk.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use super::figures::Samples;

/// How often the disk is tried.
const WRITES: usize = 50;

/// The machine at one time.
#[derive(Clone, Debug)]
pub struct Machine {
    load: String,
    sync: Samples,
}

impl Machine {
    /// Looks at the load, and at how long the disk under a directory takes to keep 4 KiB for good.
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

    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let (median, p99) = (self.sync.median(), self.sync.percentile(99));
        format!("load {}; the disk keeps 4 KiB after {median:.2} ms (p99 {p99:.2} ms)", self.load)
    }
}
