//! Conversations of two members: messages and commits arrive, and damaged, late or foreign ones are
//! refused.

// What tests share stands outside of functions that are tests, where clippy allows this.
#![allow(clippy::unwrap_used, clippy::panic)]

mod member;
mod state;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use chive_mls::{Conversation, Draft, KEY_PACKAGE_LIFE, MlsError, Opened, PAST_EPOCHS};

use member::{Member, next_epoch, now};

fn pair() -> (Conversation, Conversation) {
    let (alice, bob) = member::pair();
    (alice.conversation, bob.conversation)
}

fn open(to: &mut Conversation, message: &[u8]) -> Result<Vec<u8>, MlsError> {
    match to.open(message, |_| vec![])? {
        Opened::Content(content) => Ok(content),
        Opened::Commit { .. } => panic!("a commit"),
    }
}

#[test]
fn messages_go_both_ways_also_after_a_restart() {
    let (mut alice, mut bob) = member::pair();
    let (hello, _) = alice.seal();
    bob.take(&hello);
    alice.reload();
    bob.reload();
    let (back, _) = bob.seal();
    alice.take(&back);
    assert!(
        matches!(open(&mut alice.conversation, &back), Err(MlsError::Unreadable(_))),
        "once only"
    );
}

#[test]
fn commits_take_turns_and_wait_for_their_receipt() {
    let (mut alice, mut bob) = pair();
    assert!(matches!(alice.commit(), Err(MlsError::IllegalCommit)), "epoch 1 is leaf 1's turn");
    for _ in 0..4 {
        let commit = bob.commit().unwrap();
        let during = bob.seal(b"during").unwrap();
        let Opened::Commit { epoch, receipt } =
            alice.open(&commit, |_| b"receipt".to_vec()).unwrap()
        else {
            panic!()
        };

        let later = alice.seal(b"later").unwrap();
        assert!(matches!(open(&mut bob, &later), Err(MlsError::LaterEpoch)));
        assert!(
            matches!(alice.open(&commit, |_| vec![]), Err(MlsError::StaleCommit(e)) if e == epoch)
        );
        assert_eq!(open(&mut bob, &receipt).unwrap(), b"receipt");
        assert!(bob.commit_receipted(epoch).unwrap() && !bob.commit_receipted(epoch).unwrap());
        let mut early = alice.seal(b"early").unwrap();

        early[2 + 2 + 1 + 16 + 7] += 1;
        assert!(
            matches!(open(&mut bob, &early), Err(MlsError::Unreadable(_))),
            "nobody is two epochs ahead"
        );
        assert_eq!(open(&mut bob, &later).unwrap(), b"later");
        assert_eq!(open(&mut alice, &during).unwrap(), b"during");
        assert_eq!(alice.epoch(), bob.epoch());
        std::mem::swap(&mut alice, &mut bob);
    }
}

#[test]
fn a_damaged_message_burns_nothing() {
    let (mut alice, mut bob) = pair();
    let message = alice.seal(b"hello").unwrap();
    for at in 0..message.len() {
        let mut wrong = message.clone();
        wrong[at] ^= 1;
        assert!(open(&mut bob, &wrong).is_err());
    }
    assert_eq!(open(&mut bob, &message).unwrap(), b"hello");
}

#[test]
fn a_clock_that_is_days_off_does_not_matter() {
    let mut rng = StdRng::from_seed([1; 32]);
    for now in [now() + 20 * 24 * 3600, now() - 300 * 24 * 3600] {
        let draft = Draft::new(now, &mut rng).unwrap();
        let (_, welcome, _) = Conversation::create(&draft.key_package, &mut rng).unwrap();
        Conversation::join(&draft.blob, &welcome).unwrap();
    }
}

#[test]
fn garbage_is_no_key_package_and_no_welcome() {
    let mut rng = StdRng::from_seed([1; 32]);
    let draft = Draft::new(now(), &mut rng).unwrap();
    for garbage in [&b""[..], &[0; 10], &[0xff; 3000]] {
        assert!(Conversation::create(garbage, &mut rng).is_err());
        assert!(Conversation::join(&draft.blob, garbage).is_err());
    }
}

#[test]
fn a_message_of_0_to_20_bytes_is_refused() {
    let (mut alice, _) = pair();
    for length in 0..=20 {
        for byte in [0, 1, 2, 0xff] {
            assert!(open(&mut alice, &vec![byte; length]).is_err());
        }
    }
}

#[test]
fn a_commit_out_of_turn_is_refused_and_changes_nothing() {
    let (mut alice, mut bob) = pair();
    // Epoch 1 is Bob's, who is leaf 1.
    let forged = alice.commit_out_of_turn().unwrap();
    bob.take_changes();
    for _ in 0..100 {
        assert!(matches!(bob.open(&forged, |_| vec![]), Err(MlsError::IllegalCommit)));
    }
    assert_eq!(bob.epoch(), 1);
    assert!(bob.take_changes().is_empty());
    let commit = bob.commit().unwrap();
    assert!(!commit.is_empty());
}

#[test]
fn two_hundred_commits_in_turn_leave_a_state_of_bounded_size() {
    let (mut alice, mut bob) = pair();
    let mut after_some = 0;
    for n in 0..200 {
        let commit = bob.commit().unwrap();
        let Opened::Commit { epoch, receipt } =
            alice.open(&commit, |_| b"receipt".to_vec()).unwrap()
        else {
            panic!()
        };
        open(&mut bob, &receipt).unwrap();
        assert!(bob.commit_receipted(epoch).unwrap());
        std::mem::swap(&mut alice, &mut bob);
        if n == 2 * PAST_EPOCHS {
            after_some = alice.size();
        }
    }

    let (after_all, hello) = (alice.size(), alice.seal(b"hello").unwrap());
    assert!(after_all <= after_some + after_some / 10, "{after_some} bytes became {after_all}");
    assert_eq!(open(&mut bob, &hello).unwrap(), b"hello");
}

#[test]
fn a_key_package_is_good_for_a_year() {
    const DAY: u64 = 24 * 3600;
    let mut rng = StdRng::from_seed([1; 32]);
    for then in [now() - 366 * DAY, now() + 31 * DAY, now() - 3650 * DAY, now() + 3650 * DAY] {
        let draft = Draft::new(then, &mut rng).unwrap();
        assert!(matches!(
            Conversation::create(&draft.key_package, &mut rng),
            Err(MlsError::Unreadable(_))
        ));
    }
}

#[test]
fn a_conversation_outlives_its_key_package() {
    let mut rng = StdRng::from_seed([1; 32]);
    let draft = Draft::new(now() - KEY_PACKAGE_LIFE + 10, &mut rng).unwrap();
    let (alice, welcome, _) = Conversation::create(&draft.key_package, &mut rng).unwrap();

    // Until it is over: time itself is what is tested.
    let over = (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        Conversation::create(&draft.key_package, &mut rng).is_err()
    });
    assert!(over, "it is good for ever");

    let (bob, _) = Conversation::join(&draft.blob, &welcome).unwrap();
    let (mut alice, mut bob) = (Member::new(alice), Member::new(bob));
    for _ in 0..3 {
        bob.take(&alice.seal().0);
        next_epoch(&mut alice, &mut bob);
        alice.reload();
        bob.reload();
    }
}
