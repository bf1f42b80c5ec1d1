//! Judges whether others can reach a service, by the results of dialling it ourselves. arti's own
//! status is unreliable: it calls a service unreachable that everybody reaches, and the reverse. No
//! I/O.

use std::time::{Duration, Instant};

use chive_shared::backoff::Backoff;

use crate::transport::Reachability;

/// The pause between a launch and the first probe: the least that an upload takes.
pub(super) const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The pauses between probes of a service that is not reached.
const PAUSES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(30));
/// The pause between two probes of a service that is reached, on average.
const CALM_PAUSE: Duration = Duration::from_mins(10);
/// By how much that pause varies, so that probes of several services are no pattern: ± a quarter.
const CALM_JITTER: f64 = 0.25;
/// So many probes in a row must fail before a service is launched again …
const FAILURES: u32 = 4;
/// … and for so long, longer with each launch that did not help. It covers what an upload of a
/// fresh descriptor takes.
const PATIENCE: Backoff = Backoff::new(Duration::from_mins(2), Duration::from_mins(32));
/// The same, once, when the network was lost and came back: relays that have all restarted have
/// forgotten every descriptor, and nothing tells arti so.
const PATIENCE_AFTER_RETURN: Duration = Duration::from_secs(10);

/// The result of one dial to ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Probe {
    Reached,
    /// It did not, although the network is ready.
    Failed,
    /// The network is not ready: says nothing about the service.
    NoNetwork,
}

/// What follows from a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next {
    /// The state to show now.
    pub(super) state: Reachability,
    pub(super) pause: Duration,
    /// Close the service and launch it again.
    pub(super) relaunch: bool,
}

/// The judge of one service, without any I/O.
#[derive(Debug)]
pub(super) struct Watch {
    state: Reachability,
    /// Failures in a row since the last success or launch.
    failures: u32,
    /// When the first of them ended.
    failing_since: Option<Instant>,
    /// Launches since the last success that did not help.
    relaunches: u32,
    /// The network came back since the last success or launch.
    returned: bool,
}

impl Watch {
    /// For a service that has just been launched for the first time.
    pub(super) fn new() -> Self {
        Self {
            state: Reachability::Starting,
            failures: 0,
            failing_since: None,
            relaunches: 0,
            returned: false,
        }
    }

    /// How many probes have failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The network was lost, and is back.
    pub(super) fn network_returned(&mut self) {
        self.returned = true;
    }

    /// Takes a probe's result, the time, and a random number from 0 to 1.
    pub(super) fn on_result(&mut self, result: Probe, now: Instant, dice: f64) -> Next {
        match result {
            Probe::Reached => self.reached(dice),
            Probe::Failed => self.failed(now),
            Probe::NoNetwork => {
                self.start_over();
                self.next(PAUSES.longest(), false)
            }
        }
    }

    fn reached(&mut self, dice: f64) -> Next {
        self.state = Reachability::Reachable;
        self.relaunches = 0;
        self.returned = false;
        self.start_over();
        self.next(CALM_PAUSE.mul_f64(1.0 + CALM_JITTER * (2.0 * dice - 1.0)), false)
    }

    fn failed(&mut self, now: Instant) -> Next {
        let since = *self.failing_since.get_or_insert(now);
        self.failures += 1;
        let pause = PAUSES.after(self.failures - 1);
        let patience =
            if self.returned { PATIENCE_AFTER_RETURN } else { PATIENCE.after(self.relaunches) };
        if self.failures < FAILURES || now.duration_since(since) < patience {
            return self.next(pause, false);
        }
        self.state = Reachability::Unreachable;
        self.relaunches = self.relaunches.saturating_add(1);
        self.returned = false;
        self.start_over();
        self.next(PAUSES.after(0), true)
    }

    fn start_over(&mut self) {
        self.failures = 0;
        self.failing_since = None;
    }

    fn next(&self, pause: Duration, relaunch: bool) -> Next {
        Next { state: self.state, pause, relaunch }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lets probes fail until a relaunch; gives how long that took and after how many.
    fn fail_until_relaunch(watch: &mut Watch, now: &mut Instant) -> (Duration, u32) {
        let start = *now;
        for count in 1.. {
            let next = watch.on_result(Probe::Failed, *now, 0.5);
            if next.relaunch {
                return (now.duration_since(start), count);
            }
            *now += next.pause;
        }
        unreachable!()
    }

    #[test]
    fn it_looks_often_until_the_first_success() {
        let mut watch = Watch::new();
        let now = Instant::now();
        let pauses: Vec<u64> =
            (0..6).map(|_| watch.on_result(Probe::Failed, now, 0.5).pause.as_secs()).collect();
        assert_eq!(pauses, [2, 4, 8, 16, 30, 30]);
        let next = watch.on_result(Probe::Reached, now, 0.5);
        assert_eq!(
            next,
            Next { state: Reachability::Reachable, pause: CALM_PAUSE, relaunch: false }
        );
    }

    #[test]
    fn calm_pauses_vary_by_a_quarter() {
        let pause = |dice| Watch::new().on_result(Probe::Reached, Instant::now(), dice).pause;
        assert_eq!(pause(0.0), CALM_PAUSE * 3 / 4);
        assert_eq!(pause(1.0), CALM_PAUSE * 5 / 4);
    }

    #[test]
    fn one_failure_changes_no_verdict() {
        let mut watch = Watch::new();
        let now = Instant::now();
        watch.on_result(Probe::Reached, now, 0.5);
        let next = watch.on_result(Probe::Failed, now, 0.5);
        assert_eq!(
            next,
            Next { state: Reachability::Reachable, pause: PAUSES.after(0), relaunch: false }
        );
    }

    #[test]
    fn lasting_failure_relaunches_with_growing_patience() {
        let mut watch = Watch::new();
        let mut now = Instant::now();
        let (took, count) = fail_until_relaunch(&mut watch, &mut now);

        assert!(
            took >= PATIENCE.after(0) && took < PATIENCE.after(0) + PAUSES.longest(),
            "{took:?}"
        );
        assert!(count >= FAILURES);
        let (took, _) = fail_until_relaunch(&mut watch, &mut now);
        assert!(
            took >= 2 * PATIENCE.after(0) && took < 2 * PATIENCE.after(0) + PAUSES.longest(),
            "{took:?}"
        );
        let next = watch.on_result(Probe::Failed, now, 0.5);
        assert_eq!(next.state, Reachability::Unreachable, "until it is reached again");
        watch.on_result(Probe::Reached, now, 0.5);
        let (took, _) = fail_until_relaunch(&mut watch, &mut now);
        assert!(
            took < PATIENCE.after(0) + PAUSES.longest(),
            "a success makes it eager again: {took:?}"
        );
    }

    #[test]
    fn a_network_that_came_back_gets_new_descriptors_soon_and_once() {
        let mut watch = Watch::new();
        let mut now = Instant::now();
        watch.on_result(Probe::Reached, now, 0.5);
        watch.network_returned();
        let (took, count) = fail_until_relaunch(&mut watch, &mut now);
        assert!(took < Duration::from_secs(15) && count >= FAILURES, "{took:?}, {count}");
        let (took, _) = fail_until_relaunch(&mut watch, &mut now);
        assert!(took >= PATIENCE.after(0), "{took:?}");
    }

    #[test]
    fn quick_failures_alone_do_not_relaunch() {
        let mut watch = Watch::new();
        let now = Instant::now();
        assert!((0..100).all(|_| !watch.on_result(Probe::Failed, now, 0.5).relaunch));
    }

    #[test]
    fn patience_has_an_end() {
        let mut watch = Watch::new();
        let mut now = Instant::now();
        let longest = (0..40).map(|_| fail_until_relaunch(&mut watch, &mut now).0).max();
        assert!(longest < Some(PATIENCE.longest() + PAUSES.longest()));
    }

    #[test]
    fn without_a_network_nothing_is_judged() {
        let mut watch = Watch::new();
        let mut now = Instant::now();
        watch.on_result(Probe::Reached, now, 0.5);
        for _ in 0..50 {
            watch.on_result(Probe::Failed, now, 0.5);
            let next = watch.on_result(Probe::NoNetwork, now, 0.5);
            assert_eq!((next.state, next.relaunch), (Reachability::Reachable, false));
            now += next.pause;
        }
    }
}
