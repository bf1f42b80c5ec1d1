//! Which of two links stays, and who is dialled when.

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::node::path::{Offered, Path};
use crate::transport::Address;
use crate::transport::OnionAddress;

const A: PeerId = PeerId([1; 32]);
const B: PeerId = PeerId([2; 32]);
const BOB: ContactId = ContactId(1);

fn candidate(id: u8, dialler: PeerId, theirs: &[LinkId]) -> Candidate<'_> {
    Candidate { id: [id; 8], dialler, theirs }
}

#[test]
fn both_sides_keep_the_same_of_two_simultaneous_links() {
    let (one, two) = ([[1; 8]], [[2; 8]]);
    // Alice sees her own dial first, Bob his; each listed the other in its later hello.
    let at_alice = later_survives(&candidate(1, A, &two), &candidate(2, B, &one));
    let at_bob = later_survives(&candidate(2, B, &one), &candidate(1, A, &two));
    assert!(!at_alice && at_bob, "both keep the link that A dialled");
}

#[test]
fn a_restarted_contact_replaces_its_dead_link() {
    assert!(later_survives(&candidate(1, A, &[]), &candidate(2, B, &[])));
    assert!(later_survives(&candidate(1, A, &[]), &candidate(2, A, &[])));
}

fn accepted(has_group: bool) -> Facts {
    let keys = |sender| EnvelopeKeys::new(&[9; 32], sender);
    let address = Address::Onion(OnionAddress([7; 32]));
    let accepted = Accepted { address, has_group, seal: keys(A), open: keys(B) };
    Facts { accepted: Some(accepted), ..Facts::default() }
}

fn with_bob(at: Instant) -> Sessions {
    let mut sessions = Sessions::new(A, Links::Always, true);
    sessions.set_facts(BOB, B, accepted(true), at, &mut Effects::default());
    sessions
}

fn new_link(id: u8) -> NewLink {
    NewLink { id: [id; 8], dialled: true, theirs: vec![] }
}

#[test]
fn a_new_contact_is_dialled_at_once_and_once() {
    let at = Instant::now();
    let mut sessions = with_bob(at);
    assert_eq!((sessions.next_dial(), sessions.due(at)), (Some(at), vec![BOB]));

    assert_eq!(sessions.dial_started(BOB), Some(0));
    assert_eq!((sessions.next_dial(), sessions.due(at)), (None, vec![]));
}

#[test]
fn nobody_is_dialled_before_the_network_was_ready() {
    let at = Instant::now();
    let mut sessions = Sessions::new(A, Links::Always, false);
    sessions.set_facts(BOB, B, accepted(true), at, &mut Effects::default());
    assert_eq!(sessions.next_dial(), None);

    sessions.network_changed(false, true, at, &mut Effects::default());
    assert_eq!(sessions.next_dial(), Some(at));
}

#[test]
fn contacts_are_dialled_when_needed_only_if_something_waits() {
    let at = Instant::now();
    let mut sessions = Sessions::new(A, Links::WhenNeeded, true);
    sessions.set_facts(BOB, B, accepted(true), at, &mut Effects::default());
    assert_eq!(sessions.due(at), []);

    sessions.set_waiting(BOB, true);
    assert_eq!(sessions.due(at), [BOB]);
}

#[test]
fn blocking_a_contact_stops_their_dial_and_refuses_their_link() {
    let at = Instant::now();
    let mut sessions = with_bob(at);
    sessions.dial_started(BOB);

    let mut fx = Effects::default();
    sessions.set_facts(BOB, B, Facts { blocked: true, ..Facts::default() }, at, &mut fx);
    assert!(matches!(fx.list(), [Effect::StopDial(BOB)]));
    assert_eq!(sessions.link_up(BOB, new_link(1), at), LinkAdmission::Unwanted);
}

#[test]
fn a_short_link_counts_as_a_failed_dial() {
    let (at, mut rng) = (Instant::now(), StdRng::from_seed([1; 32]));
    let mut sessions = with_bob(at);
    assert_eq!(sessions.link_up(BOB, new_link(1), at), LinkAdmission::Only);
    assert!(sessions.link_down(BOB, at, &mut rng) && !sessions.link_down(BOB, at, &mut rng));
    assert_eq!(sessions.dial_started(BOB), Some(1));

    sessions.link_up(BOB, new_link(2), at);
    assert!(sessions.link_down(BOB, at + SHORT_LIFE, &mut rng));
    assert_eq!(sessions.dial_started(BOB), Some(0));
}

#[test]
fn a_link_has_a_window_and_repeats_overdue_envelopes() {
    let at = Instant::now();
    let (mut sessions, mut fx) = (with_bob(at), Effects::default());
    sessions.link_up(BOB, new_link(1), at);
    let rows = 1..=i64::try_from(MAX_IN_FLIGHT).unwrap();
    for row in rows.clone() {
        let offered = sessions.path(BOB).unwrap().offer(OutboxId(row), vec![0; 10], &mut fx);
        assert_eq!(offered, Offered::Taken);
    }
    let offered = sessions.path(BOB).unwrap().offer(OutboxId(0), vec![0; 10], &mut fx);
    assert_eq!((offered, fx.list().len()), (Offered::Full, MAX_IN_FLIGHT));

    sessions.set_waiting(BOB, true);
    let late = at + RESEND_AFTER + Duration::from_secs(1);
    assert_eq!(sessions.deliveries_due(late), [], "the stream has not taken them yet");
    for row in rows {
        sessions.link_mut(BOB).unwrap().taken(OutboxId(row), at);
    }
    assert_eq!(sessions.deliveries_due(at), []);
    assert_eq!(sessions.deliveries_due(late), [BOB]);
    assert_eq!(sessions.link(BOB).unwrap().cursor, BEFORE_ALL);
}

#[test]
fn what_a_failed_step_gave_to_a_link_is_given_again() {
    let at = Instant::now();
    let (mut sessions, mut dropped) = (with_bob(at), Effects::default());
    sessions.link_up(BOB, new_link(1), at);
    let offered = sessions.path(BOB).unwrap().offer(OutboxId(1), vec![0; 10], &mut dropped);
    assert_eq!((offered, sessions.link(BOB).unwrap().cursor), (Offered::Taken, OutboxId(1)));
    assert!(sessions.restart_asked(BOB, at));

    sessions.recover(at, &mut StdRng::from_seed([1; 32]));
    let link = sessions.link(BOB).unwrap();
    assert_eq!((link.in_flight(), link.cursor, link.restart_asked), (0, BEFORE_ALL, None));
}

#[test]
fn a_dial_that_a_failed_step_began_is_made_later() {
    let at = Instant::now();
    let mut sessions = with_bob(at);
    assert!(sessions.dial_started(BOB).is_some());
    assert!(sessions.get(BOB).unwrap().redial.next().is_none());
    assert!(sessions.key_alarm(BOB, at));

    sessions.recover(at, &mut StdRng::from_seed([1; 32]));
    assert!(sessions.get(BOB).unwrap().redial.next().is_some_and(|next| next > at));
    assert!(sessions.key_alarm(BOB, at), "what was reported may be undone");
}

#[test]
fn no_envelope_goes_while_a_conversation_restarts() {
    let at = Instant::now();
    let mut sessions = with_bob(at);
    sessions.link_up(BOB, new_link(1), at);
    assert!(sessions.path(BOB).is_some());

    sessions.set_facts(BOB, B, accepted(false), at, &mut Effects::default());
    assert!(sessions.path(BOB).is_none());
    sessions.set_waiting(BOB, false);
    assert!(sessions.get(BOB).unwrap().waiting, "the restart itself waits");
}
