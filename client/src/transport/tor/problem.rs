//! Maps arti's errors and blockages to `Reason`.

use std::time::Duration;

use chive_tor::{BlockageKind, ErrorKind};

use crate::model::Reason;

/// Without progress for this long, something is wrong.
pub(super) const NO_PROGRESS: Duration = Duration::from_secs(30);

/// Why arti calls itself blocked.
pub(super) fn blockage(kind: &BlockageKind, skew_seconds: Option<i64>) -> Option<Reason> {
    match kind {
        BlockageKind::Disabled => None,
        BlockageKind::Offline => Some(Reason::TorOffline),
        BlockageKind::Filtering => Some(Reason::TorFiltered),
        BlockageKind::ClockSkewed => Some(Reason::TorClock { skew_seconds }),
        BlockageKind::CantBootstrap if skew_seconds.is_some() => {
            Some(Reason::TorClock { skew_seconds })
        }
        BlockageKind::CantBootstrap => Some(Reason::TorDirectory),
        _ => Some(Reason::TorNoRelay),
    }
}

pub(super) fn failure(kind: ErrorKind, skew_seconds: Option<i64>) -> Reason {
    match kind {
        ErrorKind::ClockSkew => Reason::TorClock { skew_seconds },
        ErrorKind::LocalNetworkError => Reason::TorOffline,
        ErrorKind::FsPermissions
        | ErrorKind::PersistentStateAccessFailed
        | ErrorKind::PersistentStateCorrupted
        | ErrorKind::CacheAccessFailed
        | ErrorKind::CacheCorrupted
        | ErrorKind::LocalResourceAlreadyInUse => Reason::TorFiles,
        ErrorKind::DirectoryExpired
        | ErrorKind::TorDirectoryError
        | ErrorKind::TorDirectoryUnusable => Reason::TorDirectory,
        _ => Reason::TorNoRelay,
    }
}

/// How wrong the clock is, in seconds, below 0 if it is slow. It is read from arti's own words,
/// "Clock is slow by around 3h (based on …)": arti has no other way to tell.
pub(super) fn skew_in(status: &str) -> Option<i64> {
    status.split("Clock is ").find_map(|words| {
        let (direction, rest) = words.split_once(" by around ")?;
        let (amount, _) = rest.split_once(" (")?;
        let seconds = i64::try_from(humantime::parse_duration(amount).ok()?.as_secs()).ok()?;

        match direction {
            "slow" => Some(-seconds),
            "fast" => Some(seconds),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_direction_of_a_wrong_clock_is_told() {
        let words = "Stuck at 5%: Clock is skewed. (Clock is slow by around 3h (based on 8 recent \
                    observations, …))";
        assert_eq!(skew_in(words), Some(-3 * 3600));
        let words = "Stuck at 5%: x. Clock is fast by around 2days 3h (based on 9 recent \
                    observations, with …)";
        assert_eq!(skew_in(words), Some(51 * 3600));
        assert_eq!(skew_in("43%: connecting successfully; directory is fetching"), None);
    }

    #[test]
    fn a_known_skew_explains_what_arti_cannot_name() {
        let clock = Reason::TorClock { skew_seconds: Some(-60) };
        assert_eq!(blockage(&BlockageKind::CantBootstrap, Some(-60)), Some(clock));
        assert_eq!(blockage(&BlockageKind::CantBootstrap, None), Some(Reason::TorDirectory));
    }
}
