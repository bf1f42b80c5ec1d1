//! Reads and writes times and durations as people write them.

use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A duration that a person writes: `90s`, `12h`, `7d`, `1d 6h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);

impl Period {
    pub(crate) fn seconds(self) -> u64 {
        self.0.as_secs()
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let duration =
            humantime::parse_duration(text).map_err(|e| format!("{e} (say 90s, 12h or 7d)"))?;
        if duration < Duration::from_secs(1) {
            return Err("the shortest time is 1s".to_owned());
        }
        Ok(Self(duration))
    }
}

/// A [`Period`], or `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(Option<Period>);

impl Limit {
    /// 0 is off.
    pub(crate) fn seconds(self) -> u64 {
        self.0.map_or(0, Period::seconds)
    }
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self(None)),
            _ => text
                .parse()
                .map(|period| Self(Some(period)))
                .map_err(|why: String| format!("{why}, or off")),
        }
    }
}

/// Seconds as a person says them: `7days`, `1h 30m`.
pub(crate) fn span(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

/// Milliseconds since 1970, now.
pub(crate) fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

/// A day and time of here, as `2026-11-23 14:05`.
pub(crate) fn day_and_time(at: i64) -> String {
    format(at, "%Y-%m-%d %H:%M")
}

/// A time of here, as `14:05:09`.
pub(crate) fn time_of_day(at: i64) -> String {
    format(at, "%H:%M:%S")
}

/// The time alone when it is of today, else with the day.
pub(crate) fn short(at: i64, now: i64) -> String {
    let same_day = local(at).zip(local(now)).is_some_and(|(at, now)| at.date() == now.date());
    format(at, if same_day { "%H:%M" } else { "%Y-%m-%d %H:%M" })
}

fn format(at: i64, pattern: &str) -> String {
    // A peer's clock may say anything.
    local(at).map_or_else(|| "????".to_owned(), |time| time.strftime(pattern).to_string())
}

fn local(at: i64) -> Option<Zoned> {
    Timestamp::from_millisecond(at).ok().map(|at| at.to_zoned(TimeZone::system()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_written_as_people_write_them() {
        assert_eq!("7d".parse().map(Period::seconds), Ok(604_800));
        assert_eq!("1d 6h".parse().map(Period::seconds), Ok(108_000));
        for wrong in ["", "7", "soon", "-1h", "0s", "10ms", "99999999999999999999d"] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_limit_may_be_off() {
        assert_eq!("off".parse().map(Limit::seconds), Ok(0));
        assert_eq!("1h".parse().map(Limit::seconds), Ok(3600));
        assert!("never".parse::<Limit>().is_err() && "0s".parse::<Limit>().is_err());
        assert_eq!(span(604_800), "7days");
    }

    #[test]
    fn any_number_is_a_time_or_a_question() {
        assert_eq!(day_and_time(i64::MAX), "????");
        assert_eq!(short(i64::MIN, 0), "????");
        assert_eq!(day_and_time(0).len(), "1970-01-01 00:00".len());
    }

    #[test]
    fn today_needs_no_day() {
        let now = 1_790_000_000_000;
        assert_eq!(short(now, now).len(), 5);
        assert_eq!(short(now, now + 3 * 86_400_000).len(), 16);
    }
}
