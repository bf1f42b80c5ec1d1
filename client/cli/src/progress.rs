//! The lines that `chive run` prints: one whenever something changed that a person wants to know.
//!
//! Compares two states of the node; no I/O.

use chive::api::types::{ServiceState, Status, TorStatus};

use crate::show;
use crate::time::time_of_day;

/// A step of the bootstrap that is worth a line of its own, in percent.
const STEP: u8 = 10;

/// What was said so far.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    said: Option<Status>,
    ready_once: bool,
}

impl Progress {
    /// The lines for a new state; none when nothing changed that a person would want to know.
    pub(crate) fn lines(&mut self, status: &Status, now: i64) -> Vec<String> {
        let before = self.said.as_ref();
        let mut lines = Vec::new();
        if before.is_none() {
            lines.push(format!(
                "Running as {}. Ctrl-C stops it.",
                chive::text::for_one_line(&status.name)
            ));
            lines.push(
                "Commands work from now on, in another terminal; what needs Tor waits for it."
                    .to_owned(),
            );
        }

        let tor_is_news = before.is_none_or(|before| is_news(&before.tor, &status.tor));
        if tor_is_news {
            lines.push(format!("Tor: {}", show::tor(&status.tor)));
        }

        for (name, was, is) in changed_services(before, status) {
            if was != Some(is) {
                lines.push(format!("{name}: {}", show::service_state(is)));
            }
        }

        if let Some(hint) = self.hint(status) {
            lines.push(hint);
        }

        self.remember(status, tor_is_news);

        lines.into_iter().map(|line| format!("{}  {line}", time_of_day(now))).collect()
    }

    /// What to type next, once others can reach us.
    fn hint(&mut self, status: &Status) -> Option<String> {
        let reachable = status.tor.ready && status.endpoint == ServiceState::Reachable;
        if self.ready_once || !reachable {
            return None;
        }

        self.ready_once = true;
        Some(
            match status.contacts {
                0 => {
                    "Ready. Next, in another terminal: `chive invite` makes a link for somebody, \
                 `chive add LINK` opens theirs."
                }
                _ => "Ready. Next, in another terminal: `chive contacts`, `chive chat NAME`.",
            }
            .to_owned(),
        )
    }

    /// A state of Tor that was not worth a line stays news, so that small steps add up.
    fn remember(&mut self, status: &Status, tor_said: bool) {
        let tor = match self.said.take() {
            Some(before) if !tor_said => before.tor,
            _ => status.tor.clone(),
        };
        self.said = Some(Status { tor, ..status.clone() });
    }
}

fn is_news(was: &TorStatus, is: &TorStatus) -> bool {
    was.ready != is.ready
        || was.stalled != is.stalled
        || (!is.ready
            && (is.percent >= was.percent.saturating_add(STEP) || is.percent < was.percent))
        || (!is.ready && was.summary != is.summary && is.percent != was.percent)
}

fn changed_services(
    before: Option<&Status>,
    now: &Status,
) -> [(&'static str, Option<ServiceState>, ServiceState); 2] {
    [
        // Before the first word, closed is what everybody expects.
        (
            "Front door (for invitations)",
            Some(before.map_or(ServiceState::Closed, |b| b.front_door)),
            now.front_door,
        ),
        ("Endpoint (for contacts)", before.map(|b| b.endpoint), now.endpoint),
    ]
}

#[cfg(test)]
mod tests {
    use chive::api::types::Reason;

    use super::*;

    fn status(percent: u8, summary: Reason) -> Status {
        Status {
            version: "0.1.0".to_owned(),
            name: "Alice".to_owned(),
            started_at: 0,
            tor: TorStatus { ready: percent == 100, percent, summary, stalled: None },
            front_door: ServiceState::Closed,
            endpoint: ServiceState::Starting,
            contacts: 0,
            online: 0,
            waiting: 0,
            presence: chive::api::types::OwnPresence::On,
            servers: 0,
            servers_reachable: 0,
            requests: 0,
            last_event: 0,
        }
    }

    fn said(progress: &mut Progress, status: &Status) -> String {
        progress.lines(status, 0).join("\n")
    }

    #[test]
    fn the_first_state_is_always_told() {
        let first = said(&mut Progress::default(), &status(0, Reason::TorStarting));
        assert!(first.contains("Alice") && first.contains("Tor: 0 %: starting Tor"), "{first}");
    }

    #[test]
    fn the_same_again_is_silence() {
        let mut progress = Progress::default();
        said(&mut progress, &status(5, Reason::TorConnecting));
        assert_eq!(said(&mut progress, &status(5, Reason::TorConnecting)), "");
        assert_eq!(
            said(&mut progress, &Status { online: 1, ..status(5, Reason::TorConnecting) }),
            ""
        );
    }

    #[test]
    fn small_steps_add_up_to_a_line() {
        let mut progress = Progress::default();
        said(&mut progress, &status(5, Reason::TorLost));
        let told = (6..=30)
            .filter(|&percent| !said(&mut progress, &status(percent, Reason::TorLost)).is_empty())
            .count();
        assert_eq!(told, 2);
    }

    #[test]
    fn a_stall_says_why_and_its_end_is_told() {
        let mut progress = Progress::default();
        said(&mut progress, &status(15, Reason::TorConnecting));
        let mut stalled = status(15, Reason::TorConnecting);
        stalled.tor.stalled = Some(Reason::TorOffline);
        assert!(
            said(&mut progress, &stalled).contains("stalled: this machine seems to be offline")
        );
        assert!(!said(&mut progress, &status(15, Reason::TorConnecting)).is_empty());
    }

    #[test]
    fn what_to_type_next_comes_once() {
        let mut progress = Progress::default();
        let ready =
            Status { endpoint: ServiceState::Reachable, ..status(100, Reason::TorConnected) };
        let first = said(&mut progress, &ready);
        assert!(first.contains("chive invite") && first.contains("Tor: connected"), "{first}");
        said(&mut progress, &Status { endpoint: ServiceState::Unreachable, ..ready.clone() });
        let again = said(&mut progress, &ready);
        assert!(again.contains("reachable") && !again.contains("chive invite"), "{again}");
    }
}
