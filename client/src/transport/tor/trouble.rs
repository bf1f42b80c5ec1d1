//! What can stand in the way to the network, in words for a person. None of them names an address.

use std::time::Duration;

use chive_tor::{BlockageKind, ErrorKind};

/// Without progress for this long, something is wrong.
pub(super) const NO_PROGRESS: Duration = Duration::from_secs(30);
/// What stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Offline,
    Filtered,
    Unreachable,
    /// How the clock is wrong, if known: "slow by around 3h".
    Clock(Option<String>),
    Directory,
    /// Our own files.
    Files,
    Slow,
}

impl Trouble {
    /// For a person: what is wrong, and what to do about it.
    pub(super) fn advice(&self) -> String {
        match self {
            Self::Offline => "this machine seems to be offline: check its internet connection".to_owned(),
            Self::Filtered => {
                "something between this machine and Tor filters the connection: set up bridges in the configuration"
                    .to_owned()
            }
            Self::Unreachable => {
                "no Tor relay answers: check the internet connection; where Tor is blocked, set up bridges in the \
                 configuration"
                    .to_owned()
            }
            Self::Clock(Some(how)) => {
                format!("this machine's clock seems {how}: set its date, time and time zone right")
            }
            Self::Clock(None) => {
                "this machine's clock seems to be wrong: set its date, time and time zone right".to_owned()
            }
            Self::Directory => "the Tor directory cannot be downloaded: check this machine's date and time; if they \
                 are right, wait, or set up bridges in the configuration"
                .to_owned(),
            Self::Files => {
                "Tor cannot use its files in the profile: check that the disk is not full and that they belong to \
                 this user, then start again"
                    .to_owned()
            }
            Self::Slow => format!(
                "nothing has moved for {} seconds: the connection may be slow; where Tor is blocked, set up bridges \
                 in the configuration",
                NO_PROGRESS.as_secs()
            ),
        }
    }

    pub(super) fn of_blockage(kind: &BlockageKind, skew: Option<String>) -> Option<Self> {
        match kind {
            BlockageKind::Disabled => None,
            BlockageKind::Offline => Some(Self::Offline),
            BlockageKind::Filtering => Some(Self::Filtered),
            BlockageKind::ClockSkewed => Some(Self::Clock(skew)),
            BlockageKind::CantBootstrap if skew.is_some() => Some(Self::Clock(skew)),
            BlockageKind::CantBootstrap => Some(Self::Directory),
            _ => Some(Self::Unreachable),
        }
    }

    pub(super) fn of_failure(kind: ErrorKind, skew: Option<String>) -> Self {
        match kind {
            ErrorKind::ClockSkew => Self::Clock(skew),
            ErrorKind::LocalNetworkError => Self::Offline,
            ErrorKind::FsPermissions
            | ErrorKind::PersistentStateAccessFailed
            | ErrorKind::PersistentStateCorrupted
            | ErrorKind::CacheAccessFailed
            | ErrorKind::CacheCorrupted
            | ErrorKind::LocalResourceAlreadyInUse => Self::Files,
            ErrorKind::DirectoryExpired | ErrorKind::TorDirectoryError | ErrorKind::TorDirectoryUnusable => {
                Self::Directory
            }
            _ => Self::Unreachable,
        }
    }
}

/// How the clock is wrong, from arti's own words "Clock is slow by around 3h (based on …)": it has
/// no other way to tell.
pub(super) fn skew_in(status: &str) -> Option<String> {
    let how = status.split("Clock is ").find(|rest| rest.starts_with("slow") || rest.starts_with("fast"))?;
    how.split(" (").next().map(|how| how.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_a_wrong_clock_is_told() {
        let words = "Stuck at 5%: Clock is skewed. (Clock is slow by around 3h (based on 8 recent observations, …))";
        assert_eq!(skew_in(words).as_deref(), Some("slow by around 3h"));
        let words = "Stuck at 5%: x. Clock is fast by around 2days 3h (based on 9 recent observations, with …)";
        assert_eq!(skew_in(words).as_deref(), Some("fast by around 2days 3h"));
        assert_eq!(skew_in("43%: connecting successfully; directory is fetching"), None);
    }

    #[test]
    fn every_trouble_says_what_to_do() {
        for trouble in [
            Trouble::Offline,
            Trouble::Filtered,
            Trouble::Unreachable,
            Trouble::Clock(None),
            Trouble::Clock(Some("slow by around 3h".to_owned())),
            Trouble::Directory,
            Trouble::Files,
            Trouble::Slow,
        ] {
            assert!(trouble.advice().contains(':'), "{trouble:?}");
        }
    }
}
