//! Records what really happened, and checks that the nodes say so.

use std::collections::{BTreeMap, BTreeSet};

use super::network::{Network, Who};
use crate::api::types::{Direction, Message, MessageState};

/// A record takes so many bytes at least.
const LEAST_RECORD: usize = 1_106;

/// A text that somebody wrote.
pub(super) struct SentText {
    pub(super) from: Who,
    pub(super) to: Who,
    pub(super) text: String,
    /// The node said that it is in the store.
    pub(super) accepted: bool,
}

/// What was done and seen, from outside of all nodes.
#[derive(Default)]
pub(super) struct Oracle {
    pub(super) said: BTreeMap<String, SentText>,
    /// The newest state that the writer's node told.
    pub(super) states: BTreeMap<String, MessageState>,
    /// Whom a message ever reached.
    pub(super) reached: BTreeSet<(Who, String)>,
    /// Who removed somebody: what they have told each other is no longer all there.
    pub(super) removed: BTreeSet<(Who, Who)>,
    /// Who went back to a backup: what it had done since is forgotten.
    pub(super) restored: BTreeSet<Who>,
    /// Who has other addresses than it once had.
    pub(super) moved: BTreeSet<Who>,
    /// Whose clock went years ahead: old addresses and invitations are forgotten.
    pub(super) jumped: BTreeSet<Who>,
}

pub(super) fn both(one: Who, other: Who) -> (Who, Who) {
    (one.min(other), one.max(other))
}

impl Oracle {
    /// A node told of a message.
    pub(super) fn told(&mut self, who: Who, message: &Message, network: &Network) {
        let said = self
            .said
            .get(&message.id)
            .unwrap_or_else(|| panic!("P{who} has a message that nobody wrote"));
        assert_eq!(said.text, message.text, "P{who} has another text");
        match message.direction {
            Direction::Received => {
                assert_eq!(said.to, who, "P{who} got what was for another");
                assert_eq!(message.state, MessageState::Received);
                self.reached.insert((who, message.id.clone()));
            }
            Direction::Sent => {
                assert_eq!(said.from, who, "P{who} sent what another wrote");
                self.told_state(message, network);
            }
        }
    }

    /// Somebody begins again with what it once knew.
    pub(super) fn go_back(&mut self, who: Who, kept: &[Message]) {
        self.restored.insert(who);
        let said = &self.said;
        self.states.retain(|id, _| said[id].from != who);
        let own = kept.iter().filter(|message| message.direction == Direction::Sent);
        self.states.extend(own.map(|message| (message.id.clone(), message.state)));
    }

    fn told_state(&mut self, message: &Message, network: &Network) {
        use MessageState::{Cancelled, Delivered, Expired, Queued, Sent};

        let (id, now) = (&message.id, message.state);
        if let Some(before) = self.states.insert(id.clone(), now) {
            let may = match before {
                Queued => true,
                Sent => !matches!(now, Queued | Cancelled),
                Expired => matches!(now, Expired | Delivered),
                last => now == last,
            };
            assert!(may, "{id} was {before:?} and is {now:?}");
        }

        let SentText { from, to, .. } = self.said[id];
        if now == Sent {
            let left = |(id, said): &(&String, &SentText)| {
                (said.from, said.to) == (from, to)
                    && matches!(self.states.get(*id), Some(Sent | Delivered))
            };
            let (count, taken) = (self.said.iter().filter(left).count(), network.taken(from, to));
            assert!(
                taken >= count * LEAST_RECORD,
                "{count} called sent or delivered, but streams took {taken} bytes"
            );
        }
    }

    /// Two people's histories of their conversation, once nothing waits between them.
    pub(super) fn compare(&self, one: (Who, &[Message]), other: (Who, &[Message]), settled: bool) {
        for ((who, history), (peer, theirs)) in [(one, other), (other, one)] {
            self.check_alone(who, peer, history);
            let here: BTreeSet<&str> = history.iter().map(|message| message.id.as_str()).collect();
            let common =
                theirs.iter().map(|message| message.id.as_str()).filter(|id| here.contains(id));
            let there: BTreeSet<&str> = theirs.iter().map(|message| message.id.as_str()).collect();
            let mine =
                history.iter().map(|message| message.id.as_str()).filter(|id| there.contains(id));
            assert!(mine.eq(common), "P{who} and P{peer} show another order");
            let whole = ![who, peer].iter().any(|who| self.restored.contains(who));
            if settled && whole && !self.removed.contains(&both(who, peer)) {
                self.check_whole(who, peer, history, &there);
            }
        }
    }

    fn check_alone(&self, who: Who, peer: Who, history: &[Message]) {
        let mut texts: Vec<&str> = history.iter().map(|message| message.text.as_str()).collect();
        texts.sort_unstable();
        assert!(
            texts.windows(2).all(|pair| pair[0] != pair[1]),
            "P{who} shows something of P{peer} twice"
        );
        for message in history {
            let told = self.states.get(&message.id);
            if message.direction == Direction::Sent {
                assert_eq!(
                    told,
                    Some(&message.state),
                    "P{who}: the events do not end where {} is",
                    message.id
                );
            } else if !self.restored.contains(&peer) {
                assert_ne!(
                    told,
                    Some(&MessageState::Cancelled),
                    "P{who} shows {}, which was taken back",
                    message.id
                );
                assert!(
                    self.reached.contains(&(who, message.id.clone())),
                    "P{who} has no event of {}",
                    message.id
                );
            }
        }
    }

    fn check_whole(&self, who: Who, peer: Who, history: &[Message], there: &BTreeSet<&str>) {
        let mut gave_up = false;
        for (id, said) in self.said.iter().filter(|(_, said)| (said.from, said.to) == (who, peer)) {
            let state = self.states.get(id);
            assert!(state.is_some() || !said.accepted, "P{who} accepted {id} and has forgotten it");
            match state {
                Some(MessageState::Delivered) => {
                    assert!(
                        there.contains(id.as_str()),
                        "{id} was delivered and is not shown by P{peer}"
                    );
                }
                Some(MessageState::Queued | MessageState::Sent) => {
                    panic!("{id} of P{who} never reached P{peer}")
                }
                Some(MessageState::Expired) => gave_up = true,
                _ => {}
            }
        }

        let missing =
            |message: &Message| message.missing_before > 0 && message.direction == Direction::Sent;
        assert!(!history.iter().any(missing), "P{who} misses something of its own");
        let _ = gave_up;
    }
}
