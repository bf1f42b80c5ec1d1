//! Decides when to dial a contact again. A pure state machine: the caller passes the time and the
//! random numbers.

use std::time::Duration;

use chive_shared::backoff::Backoff;
use rand::{CryptoRng, Rng};
use tokio::time::Instant;

/// A dial that fails at once, because nobody has heard of the service yet, soon works.
const FIRST: Duration = Duration::from_millis(250);
/// The pauses while something waits for the contact.
const WAITING: Backoff = Backoff::new(FIRST, Duration::from_mins(1));
/// The pauses while nothing does.
const IDLE: Backoff = Backoff::new(FIRST, Duration::from_mins(10));
/// The pause after a contact said that it stops.
const STOPPED: Duration = Duration::from_secs(30);
/// How long the session of a request gets to become the link, before the contact is dialled.
const SESSION: Duration = Duration::from_secs(5);
/// A reason to dial soon does not dial sooner than this after a failure.
const LEAST: Duration = Duration::from_secs(2);

/// The schedule for one contact.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Redial {
    failures: u32,
    failed_at: Option<Instant>,
    next: Option<Instant>,
}

impl Redial {
    #[must_use]
    pub(crate) fn at_once(now: Instant) -> Self {
        Self { failures: 0, failed_at: None, next: Some(now) }
    }

    /// Tries since the last success.
    #[must_use]
    pub(crate) fn attempt(&self) -> u32 {
        self.failures
    }

    /// When to dial next; `None` while a link is up or a dial is on its way.
    #[must_use]
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next
    }

    pub(crate) fn started(&mut self) {
        self.next = None;
    }

    /// A link is up. Whether that was a success shows when it ends.
    pub(crate) fn linked(&mut self) {
        self.next = None;
    }

    /// The link is down: the first try comes almost at once, a little apart from the other side's.
    pub(crate) fn link_lost(&mut self, now: Instant, rng: &mut dyn CryptoRng) {
        *self = Self {
            failures: 0,
            failed_at: None,
            next: Some(now + Duration::from_millis(rng.random_range(50..500))),
        };
    }

    /// The contact says that it stops. It dials when it starts again: nothing is urgent.
    pub(crate) fn contact_stopped(&mut self, now: Instant, rng: &mut dyn CryptoRng) {
        *self = Self {
            failures: 0,
            failed_at: Some(now),
            next: Some(now + STOPPED.mul_f64(rng.random_range(0.75..1.25))),
        };
    }

    /// We have become contacts, and the session in which we did goes on: dialling would make a
    /// second link.
    pub(crate) fn session_goes_on(&mut self, now: Instant, rng: &mut dyn CryptoRng) {
        *self = Self {
            failures: 0,
            failed_at: None,
            next: Some(now + SESSION.mul_f64(rng.random_range(0.75..1.25))),
        };
    }

    /// A dial failed. `waiting`: something waits for the contact.
    pub(crate) fn failed(&mut self, now: Instant, waiting: bool, rng: &mut dyn CryptoRng) {
        let pause = if waiting { WAITING } else { IDLE }.after(self.failures);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
        self.next = Some(now + pause.mul_f64(rng.random_range(0.75..1.25)));
    }

    /// There is a reason to dial soon: a message waits, or the network came back.
    pub(crate) fn start_now(&mut self, now: Instant) {
        if let Some(next) = self.next {
            let soonest = self.failed_at.map_or(now, |failed| (failed + LEAST).max(now));
            self.next = Some(next.min(soonest));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    proptest! {
        #[test]
        fn a_waiting_message_is_tried_every_75_seconds(seed: [u8; 32], failures in 1u32..100) {
            let (mut rng, start) = (StdRng::from_seed(seed), Instant::now());
            let mut redial = Redial::at_once(start);
            for _ in 0..failures {
                redial.started();
                redial.failed(start, true, &mut rng);
            }
            let pause = redial.next().unwrap() - start;
            prop_assert!(pause <= Duration::from_secs(75) && pause >= FIRST.mul_f64(0.75));
        }
    }

    #[test]
    fn a_reason_to_dial_soon_shortens_a_pause_within_a_limit() {
        let (mut rng, start) = (StdRng::from_seed([1; 32]), Instant::now());
        let mut redial = Redial::at_once(start);
        for _ in 0..20 {
            redial.failed(start, false, &mut rng);
        }
        assert!(redial.next().unwrap() - start > Duration::from_secs(400));
        redial.start_now(start);
        assert_eq!(redial.next().unwrap(), start + LEAST);
        redial.start_now(start + Duration::from_secs(1));
        assert_eq!(redial.next().unwrap(), start + LEAST);
    }

    #[test]
    fn a_running_dial_is_not_started_twice() {
        let mut redial = Redial::at_once(Instant::now());
        redial.started();
        redial.start_now(Instant::now());
        assert_eq!(redial.next(), None);
    }
}
