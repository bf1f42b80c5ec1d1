//! The configuration files of the nodes.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::authority::Authority;
use super::node::Node;

/// When the authorities vote.
#[derive(Clone, Copy, Debug)]
pub(super) enum Vote {
    /// Not while the network starts: who is missing in the first consensus
    /// waits for the second.
    Later,
    /// As soon as possible, and then every 20 s.
    Now,
}

/// What the configurations of a network's nodes have in common.
#[derive(Debug)]
pub(super) struct Scheme {
    common: String,
    authority: String,
}

impl Scheme {
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

    /// The configuration of one node.
    pub(super) fn torrc(&self, node: &Node, vote: Vote) -> Result<String> {
        let mut torrc = self.common.clone();
        writeln!(torrc, "Nickname {}", node.nickname())?;
        writeln!(torrc, "DataDirectory {}", node.directory().display())?;
        writeln!(torrc, "ORPort 127.0.0.1:{}", node.or_port())?;
        if let Some(dir_port) = node.dir_port() {
            writeln!(torrc, "DirPort 127.0.0.1:{dir_port}")?;
            torrc.push_str(&self.authority);
            torrc.push_str(&vote.schedule()?);
        }
        Ok(torrc)
    }
}

impl Vote {
    /// A consensus becomes valid at every multiple of the interval since the
    /// epoch, plus the offset.
    fn schedule(self) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        // Votes leave 4 s before the consensus becomes valid.
        let (interval, first_valid) = match self {
            Self::Later => (300, now + 299),
            Self::Now => (20, now + 5),
        };
        let offset = first_valid % interval;
        Ok(format!(
            "V3AuthVotingInterval {interval}\n\
             TestingV3AuthInitialVotingInterval {interval}\n\
             TestingV3AuthVotingStartOffset {offset}\n"
        ))
    }
}

fn dir_authority(authority: &Authority) -> String {
    let Authority {
        nickname,
        or_port,
        dir_port,
        v3ident,
        fingerprint,
    } = authority;
    format!(
        "DirAuthority {nickname} orport={or_port} no-v2 v3ident={v3ident} \
         127.0.0.1:{dir_port} {fingerprint}"
    )
}

const COMMON: &str = "\
TestingTorNetwork 1
AssumeReachable 1
PathsNeededToBuildCircuits 0.67
TestingDirAuthVoteExit *
TestingDirAuthVoteHSDir *
TestingDirAuthVoteGuard *
TestingMinExitFlagThreshold 0
V3AuthNIntervalsValid 2
Address 127.0.0.1
AddressDisableIPv6 1
SocksPort 0
ExitRelay 1
ExitPolicyRejectPrivate 0
ContactInfo nobody@example.invalid
Sandbox 0
ShutdownWaitLength 0
NumCPUs 1
GeoIPFile /dev/null
GeoIPv6File /dev/null
Log notice stdout
";

const AUTHORITY: &str = "\
AuthoritativeDirectory 1
V3AuthoritativeDirectory 1
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
";
