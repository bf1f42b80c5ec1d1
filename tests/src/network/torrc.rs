//! The configuration files of the nodes.

use std::fmt::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;

use super::authority::Authority;
use super::node::Node;

/// Seconds between two consensuses.
const VOTING_INTERVAL: u64 = 20;

/// Seconds from the start of the authorities to the first consensus. Votes
/// leave 4 s before it; a relay that has not uploaded its descriptor by then
/// waits another [`VOTING_INTERVAL`].
const FIRST_CONSENSUS: u64 = 8;

/// What all nodes' configurations have in common.
pub(super) struct Scheme {
    common: String,
    authority: String,
}

impl Scheme {
    /// Authorities must be started at once: their clock for the first vote runs.
    pub(super) fn new(authorities: &[Authority], vanilla_scheduler: bool) -> Result<Self> {
        let mut common = COMMON.to_owned();
        writeln!(common, "__OwningControllerProcess {}", std::process::id())?;
        if vanilla_scheduler {
            writeln!(common, "Schedulers Vanilla")?;
        }
        for authority in authorities {
            writeln!(common, "{}", dir_authority(authority))?;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let offset = (now + FIRST_CONSENSUS) % VOTING_INTERVAL;
        let authority = format!("{AUTHORITY}TestingV3AuthVotingStartOffset {offset}\n");
        Ok(Self { common, authority })
    }

    /// The configuration of one node.
    pub(super) fn torrc(&self, node: &Node) -> String {
        let (nickname, or_port) = (node.nickname(), node.or_port());
        let directory = node.directory().display();
        let mut torrc = format!(
            "Nickname {nickname}\nDataDirectory {directory}\nORPort 127.0.0.1:{or_port}\n{}",
            self.common
        );
        if let Some(dir_port) = node.dir_port() {
            torrc.push_str(&format!("DirPort 127.0.0.1:{dir_port}\n{}", self.authority));
        }
        torrc
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
        "DirAuthority {nickname} orport={or_port} no-v2 v3ident={v3ident} 127.0.0.1:{dir_port} {fingerprint}"
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
V3AuthVotingInterval 20
V3AuthVoteDelay 2
V3AuthDistDelay 2
TestingV3AuthInitialVotingInterval 20
TestingV3AuthInitialVoteDelay 2
TestingV3AuthInitialDistDelay 2
";
