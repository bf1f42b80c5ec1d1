//! Connects to the Tor network, retrying forever, and reports progress and what blocks it. Restarts
//! arti when it stalls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use chive_shared::backoff::Backoff;
use chive_tor::{BootstrapStatus, ErrorKind, Tor};
use futures::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::arti::Arti;
use super::problem::{NO_PROGRESS, blockage, failure, skew_in};
use crate::model::Reason;
use crate::transport::NetworkStatus;

const RETRIES: Backoff = Backoff::new(Duration::from_secs(2), Duration::from_mins(1));
/// How long arti may stand still before it is restarted; longer each time until it works, because
/// a slow bridge needs its time. arti itself waits ever longer, for hours in the end.
const PATIENCE: Backoff = Backoff::new(Duration::from_mins(1), Duration::from_mins(4));
/// How often the status is looked at when nothing seems to happen: it also changes with time.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
/// After so many dials in a row that did not get into the network at all, it is gone. arti itself
/// never takes back that it is connected.
const LOST_AFTER: u32 = 3;

/// What the other parts know of the network, and what they find out about it.
pub(super) struct Network {
    status: watch::Sender<NetworkStatus>,
    /// Set when the directory has arrived.
    bootstrapped: AtomicBool,
    /// Dials in a row that did not get into the network.
    lost_dials: AtomicU32,
}

impl Network {
    pub(super) fn new() -> Self {
        let starting =
            NetworkStatus { ready: false, percent: 0, summary: Reason::TorStarting, stalled: None };
        Self {
            status: watch::Sender::new(starting),
            bootstrapped: AtomicBool::new(false),
            lost_dials: AtomicU32::new(0),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<NetworkStatus> {
        self.status.subscribe()
    }

    /// True once the directory has arrived. Dials make sense from then on, even when the network
    /// seems gone: they are what finds it again.
    pub(super) fn bootstrapped(&self) -> bool {
        self.bootstrapped.load(Ordering::Acquire)
    }

    /// True while dials can be expected to work.
    pub(super) fn ready(&self) -> bool {
        self.status.borrow().ready
    }

    /// A dial got into the network, whether or not somebody answered.
    pub(super) fn dial_succeeded(&self) {
        self.lost_dials.store(0, Ordering::Release);
    }

    /// A dial failed; None when it took too long.
    pub(super) fn dial_failed(&self, kind: Option<ErrorKind>) {
        if matches!(kind, Some(ErrorKind::TorAccessFailed | ErrorKind::LocalNetworkError)) {
            self.lost_dials.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// arti is being restarted.
    fn restarting(&self) {
        self.bootstrapped.store(false, Ordering::Release);
        self.lost_dials.store(0, Ordering::Release);
    }

    pub(super) fn closed(&self) {
        self.publish(NetworkStatus {
            ready: false,
            percent: 0,
            summary: Reason::TorStopped,
            stalled: None,
        });
    }

    fn lost(&self) -> bool {
        self.lost_dials.load(Ordering::Acquire) >= LOST_AFTER
    }

    fn publish(&self, status: NetworkStatus) {
        self.status.send_if_modified(|current| {
            let changed = *current != status;
            *current = status;
            changed
        });
    }
}

/// Brings arti into the network and reports, until it is stopped.
pub(super) async fn run(arti: Arc<Arti>, network: Arc<Network>, stop: CancellationToken) {
    let mut course = ProgressTracker::new(Instant::now());
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = follow(&arti, &network, &mut course) => {}
        }
        tracing::info!("arti finds no way into the network: restarting it");
        network.restarting();
        arti.restart().await;
        course.restarting(Instant::now());
    }
}

/// Bootstraps and reports until arti should be restarted.
async fn follow(arti: &Arti, network: &Network, course: &mut ProgressTracker) {
    let Some(run) = arti.run() else {
        return tokio::time::sleep(RETRIES.after(0)).await;
    };

    let failure = watch::Sender::new(None);
    let mut events = run.tor.status_changes();
    let mut tick = tokio::time::interval(LOOK_AGAIN);
    let bootstrap = bootstrap(&run.tor, network, &failure);

    tokio::pin!(bootstrap);
    while !course.is_hopeless(Instant::now()) {
        tokio::select! {
            () = &mut bootstrap, if !network.bootstrapped() => {}
            Some(_) = events.next() => {}
            _ = tick.tick() => {}
        }
        let seen = BootstrapView::of(&run.tor.status(), network, *failure.borrow());
        network.publish(course.describe(&seen, Instant::now()));
    }
}

async fn bootstrap(tor: &Tor, network: &Network, failure: &watch::Sender<Option<ErrorKind>>) {
    let mut pauses = RETRIES.pauses();
    while let Err(kind) = tor.bootstrap().await {
        tracing::debug!(?kind, "could not bootstrap");
        failure.send_replace(Some(kind));
        tokio::time::sleep(pauses.after_failure()).await;
    }
    failure.send_replace(None);
    network.bootstrapped.store(true, Ordering::Release);
}

/// What can be seen of the network at one moment.
#[derive(Clone, Debug)]
struct BootstrapView {
    usable: bool,
    percent: u8,
    bootstrapped: bool,
    problem: Option<Reason>,
}

impl BootstrapView {
    fn of(status: &BootstrapStatus, network: &Network, failed: Option<ErrorKind>) -> Self {
        let skew = skew_in(&status.to_string());
        let blocked = status.blocked().and_then(|blocked| blockage(&blocked.kind(), skew));
        let lost = network.lost().then_some(Reason::TorNoRelay);
        Self {
            usable: status.ready_for_traffic() && !network.lost(),
            percent: percent(status.as_frac()),
            bootstrapped: network.bootstrapped(),
            problem: lost.or(blocked).or_else(|| failed.map(|kind| failure(kind, skew))),
        }
    }
}

/// 0 to 100 for a fraction of 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn percent(fraction: f32) -> u8 {
    (fraction.clamp(0.0, 1.0) * 100.0) as u8
}

/// The course of a bootstrap, over several runs of arti: how far it has ever come, when it last
/// moved.
struct ProgressTracker {
    /// The most since it last was usable.
    percent: u8,
    moved: Instant,
    /// When this run of arti began.
    begun: Instant,
    /// The runs that were given up since arti last was usable.
    restarts: u32,
    arrived: bool,
}

impl ProgressTracker {
    fn new(now: Instant) -> Self {
        Self { percent: 0, moved: now, begun: now, restarts: 0, arrived: false }
    }

    fn restarting(&mut self, now: Instant) {
        self.begun = now;
        self.restarts = self.restarts.saturating_add(1);
    }

    /// This run of arti has stood still for so long that a fresh one has better chances.
    fn is_hopeless(&self, now: Instant) -> bool {
        now.duration_since(self.moved.max(self.begun)) >= PATIENCE.after(self.restarts)
    }

    fn describe(&mut self, seen: &BootstrapView, now: Instant) -> NetworkStatus {
        if seen.usable || seen.percent > self.percent {
            self.percent = seen.percent;
            self.moved = now;
        }

        if seen.usable {
            self.arrived = true;
            self.restarts = 0;
            return NetworkStatus {
                ready: true,
                percent: 100,
                summary: Reason::TorConnected,
                stalled: None,
            };
        }

        let stuck = now.duration_since(self.moved) >= NO_PROGRESS;
        let stalled = seen.problem.clone().or(stuck.then(|| self.guess()));

        NetworkStatus {
            ready: false,
            percent: seen.percent.min(99),
            summary: self.summary(seen),
            stalled,
        }
    }

    /// What is probably wrong when nothing tells.
    fn guess(&self) -> Reason {
        if self.arrived {
            Reason::TorNoRelay
        } else {
            Reason::TorNoProgress { seconds: NO_PROGRESS.as_secs() }
        }
    }

    fn summary(&self, seen: &BootstrapView) -> Reason {
        /// Below this, arti has no relay to ask for the directory.
        const CONNECTED: u8 = 15;
        if self.arrived {
            Reason::TorLost
        } else if seen.bootstrapped || seen.percent < CONNECTED {
            Reason::TorConnecting
        } else {
            Reason::TorDownloading { percent: seen.percent.min(99) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(percent: u8) -> BootstrapView {
        BootstrapView { usable: false, percent, bootstrapped: false, problem: None }
    }

    fn usable() -> BootstrapView {
        BootstrapView { usable: true, percent: 100, bootstrapped: true, problem: None }
    }

    #[test]
    fn there_is_something_to_say_from_the_first_moment() {
        let status = Network::new().subscribe().borrow().clone();
        assert_eq!((status.ready, status.percent, status.summary), (false, 0, Reason::TorStarting));
    }

    #[test]
    fn a_bootstrap_is_told_in_order() {
        let now = Instant::now();
        let mut course = ProgressTracker::new(now);
        assert_eq!(course.describe(&seen(0), now).summary, Reason::TorConnecting);
        assert_eq!(course.describe(&seen(43), now).summary, Reason::TorDownloading { percent: 43 });
        let last = course.describe(&usable(), now);
        assert_eq!((last.ready, last.percent, last.summary), (true, 100, Reason::TorConnected));
    }

    #[test]
    fn standing_still_is_told() {
        let now = Instant::now();
        let mut course = ProgressTracker::new(now);
        assert_eq!(course.describe(&seen(20), now).stalled, None);
        let later = course.describe(&seen(20), now + NO_PROGRESS);
        assert_eq!(later.stalled, Some(Reason::TorNoProgress { seconds: 30 }));
        assert_eq!(course.describe(&seen(21), now + 2 * NO_PROGRESS).stalled, None);
    }

    #[test]
    fn a_run_that_stands_still_is_given_up_with_growing_patience() {
        let start = Instant::now();
        let mut course = ProgressTracker::new(start);

        course.describe(&seen(20), start);
        assert!(!course.is_hopeless(start + PATIENCE.after(0) / 2));
        let mut now = start + PATIENCE.after(0);
        assert!(course.is_hopeless(now));
        course.restarting(now);
        now += PATIENCE.after(0);
        course.describe(&seen(20), now);
        assert!(
            !course.is_hopeless(now),
            "as far as the last run is no progress, but it gets more time"
        );
        assert!(course.is_hopeless(now + PATIENCE.after(0)));
        (0..9).for_each(|_| course.restarting(now));
        assert!(course.is_hopeless(now + PATIENCE.longest()));
        course.describe(&usable(), now);
        assert!(course.is_hopeless(now + PATIENCE.after(0)), "eager again after it worked");
    }

    #[test]
    fn trouble_is_told_at_once_and_only_while_it_lasts() {
        let now = Instant::now();
        let mut course = ProgressTracker::new(now);
        let offline = BootstrapView { problem: Some(Reason::TorOffline), ..seen(0) };
        assert_eq!(course.describe(&offline, now).stalled, Some(Reason::TorOffline));
        assert_eq!(course.describe(&usable(), now).stalled, None);
    }

    #[test]
    fn a_lost_connection_is_told() {
        let now = Instant::now();
        let mut course = ProgressTracker::new(now);
        course.describe(&usable(), now);
        let lost = course.describe(&seen(100), now);
        assert!(!lost.ready);
        assert_eq!(lost.summary, Reason::TorLost);
        assert_eq!(lost.percent, 99);
    }
}
