//! The configuration files of the nodes, and the times at which authorities vote. They are only
//! written here; `node` starts tor with them.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::authority::Authority;
use super::node::{Node, NodePorts};

/// When the authorities vote: the same for all, or they find no consensus.
#[derive(Clone, Copy, Debug)]
pub(super) struct Votes {
    /// Seconds from one consensus to the next.
    interval: u64,
    /// A consensus becomes valid at every multiple of the interval since the
    /// epoch, plus this many seconds.
    offset: u64,
}

impl Votes {
    /// Not in the next 5 minutes. A node that is missing in the first consensus
    /// would wait for the second.
    pub(super) fn later() -> Result<Self> {
        Self::from_now(300, 299)
    }

    /// At once, and then every 20 s.
    pub(super) fn now() -> Result<Self> {
        // Votes leave 4 s before the consensus becomes valid.
        Self::from_now(20, 5)
    }

    fn from_now(interval: u64, first_valid: u64) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        Ok(Self { interval, offset: (now + first_valid) % interval })
    }
}

/// The parts that the nodes' configurations share.
#[derive(Debug)]
pub(super) struct TorrcTemplate {
    common: String,
    authority: String,
}

impl TorrcTemplate {
    /// `bandwidths` is the path of a file that will exist when they vote.
    pub(super) fn new(
        authorities: &[Authority],
        bandwidths: &Path,
        vanilla_scheduler: bool,
    ) -> Result<Self> {
        let mut common = COMMON.to_owned();
        writeln!(common, "__OwningControllerProcess {}", std::process::id())?;
        if vanilla_scheduler {
            writeln!(common, "Schedulers Vanilla")?;
        }
        for authority in authorities {
            writeln!(common, "{}", dir_authority(authority))?;
        }
        let authority = format!("{AUTHORITY}V3BandwidthsFile {}\n", bandwidths.display());
        Ok(Self { common, authority })
    }

    /// The part that clients need, too.
    pub(super) fn common(&self) -> &str {
        &self.common
    }

    /// The configuration of one node.
    pub(super) fn torrc(&self, node: &Node, votes: Votes) -> Result<String> {
        let mut torrc = format!("{}{NODE}", self.common);
        writeln!(torrc, "Nickname {}", node.nickname())?;
        writeln!(torrc, "DataDirectory {}", node.directory().display())?;
        let NodePorts { advertised, listening, directory } = node.ports();
        if advertised == listening {
            writeln!(torrc, "ORPort 127.0.0.1:{listening}")?;
        } else {
            writeln!(torrc, "ORPort 127.0.0.1:{advertised} NoListen")?;
            writeln!(torrc, "ORPort 127.0.0.1:{listening} NoAdvertise")?;
        }

        if let Some(dir_port) = directory {
            writeln!(torrc, "DirPort 127.0.0.1:{dir_port}")?;
            torrc.push_str(&self.authority);
            let Votes { interval, offset } = votes;
            writeln!(torrc, "V3AuthVotingInterval {interval}")?;
            writeln!(torrc, "TestingV3AuthInitialVotingInterval {interval}")?;
            writeln!(torrc, "TestingV3AuthVotingStartOffset {offset}")?;
        }

        Ok(torrc)
    }
}

fn dir_authority(authority: &Authority) -> String {
    let Authority { nickname, or_port, dir_port, v3ident, fingerprint } = authority;
    format!(
        "DirAuthority {nickname} orport={or_port} no-v2 v3ident={v3ident} \
         127.0.0.1:{dir_port} {fingerprint}"
    )
}

const COMMON: &str = "\
TestingTorNetwork 1
PathsNeededToBuildCircuits 0.67
AddressDisableIPv6 1
Sandbox 0
ShutdownWaitLength 0
NumCPUs 1
GeoIPFile /dev/null
GeoIPv6File /dev/null
Log notice stdout
";

const NODE: &str = "\
AssumeReachable 1
TestingDirAuthVoteExit *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
V3AuthNIntervalsValid 2
Address 127.0.0.1
SocksPort 0
ExitRelay 1
ExitPolicyRejectPrivate 0
ContactInfo nobody@example.invalid
";

const AUTHORITY: &str = "\
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
";
