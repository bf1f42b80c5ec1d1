//! The bandwidths that authorities vote for, the same for every relay. Without measurements they
//! would believe what each relay has seen of itself: on a young network that is zero for some,
//! which clients then never choose.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};

use super::node::Identity;

/// The same for all, in kilobytes per second.
const BANDWIDTH: u32 = 10_000;

/// Writes a bandwidth file. Authorities use it if there are at least three.
pub(super) fn write(path: &Path, nodes: &[Identity]) -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut text = format!("{now}\n");
    for node in nodes {
        writeln!(text, "node_id=${} bw={BANDWIDTH}", node.rsa)?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
