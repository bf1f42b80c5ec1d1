//! MLS: key packages and welcomes of strangers, messages and commits of a contact, damaged in any
//! position. Damaged bytes do not open, and do not break the state.

use std::sync::LazyLock;

use chive::clock::Clock;
use chive_mls::{Conversation, Draft, MlsError, Opened, PairSecret, SecretBytes};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::input::Input;

/// Two people at the beginning of a conversation, and a message of one of them.
struct Fixture {
    draft: Draft,
    welcome: Vec<u8>,
    pair: PairSecret,
    inviter: Vec<(String, SecretBytes)>,
    opener: Vec<(String, SecretBytes)>,
    message: Vec<u8>,
    commit: Vec<u8>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| fixture().expect("two people talk"));

fn rng() -> StdRng {
    StdRng::from_seed([1; 32])
}

fn fixture() -> Result<Fixture, MlsError> {
    let draft = Draft::new(Clock::system().now().0.unsigned_abs() / 1000, &mut rng())?;
    let (mut inviter, welcome, pair) = Conversation::create(&draft.key_package, &mut rng())?;
    let (mut opener, _) = Conversation::join(&draft.blob, &welcome)?;
    let (message, before) = (inviter.seal(b"hello")?, opener.take_changes().put);
    let commit = opener.commit()?;
    Ok(Fixture {
        draft,
        welcome,
        pair,
        inviter: inviter.take_changes().put,
        opener: before,
        message,
        commit,
    })
}

pub(super) fn mls(data: &[u8]) {
    let mut input = Input(data);
    match input.byte() % 4 {
        0 => key_package(&mut input),
        1 => welcome(&mut input),
        2 => message(&mut input),
        _ => commit(&mut input),
    }
}

fn key_package(input: &mut Input) {
    let damaged = input.damage(&FIXTURE.draft.key_package);
    let made = Conversation::create(&damaged, &mut rng());
    assert_eq!(made.is_ok(), damaged == FIXTURE.draft.key_package, "a key package is signed whole");
}

fn welcome(input: &mut Input) {
    let damaged = input.damage(&FIXTURE.welcome);
    match Conversation::join(&FIXTURE.draft.blob, &damaged) {
        Ok((mut opener, pair)) => {
            assert_eq!(pair, FIXTURE.pair, "another group than the inviter's");
            assert!(content(&mut opener, &FIXTURE.message) == Some(b"hello".to_vec()));
        }
        Err(_) => assert!(damaged != FIXTURE.welcome),
    }
}

fn message(input: &mut Input) {
    let mut opener = Conversation::load(FIXTURE.opener.clone()).expect("a stored state");
    let damaged = input.damage(&FIXTURE.message);
    if damaged != FIXTURE.message {
        assert_eq!(content(&mut opener, &damaged), None, "a damaged message opens");
    }
    assert_eq!(
        content(&mut opener, &FIXTURE.message),
        Some(b"hello".to_vec()),
        "a damaged message breaks the state"
    );
    assert_eq!(content(&mut opener, &FIXTURE.message), None, "a message opens twice");
}

fn commit(input: &mut Input) {
    let mut inviter = Conversation::load(FIXTURE.inviter.clone()).expect("a stored state");
    let damaged = input.damage(&FIXTURE.commit);
    if damaged != FIXTURE.commit {
        assert!(inviter.open(&damaged, |_| vec![]).is_err(), "a damaged commit is merged");
    }
    let opened = inviter.open(&FIXTURE.commit, |_| vec![]);
    assert!(
        matches!(opened, Ok(Opened::Commit { epoch: 1, .. })),
        "a damaged commit breaks the state"
    );
    assert_eq!(inviter.epoch(), 2);
}

fn content(to: &mut Conversation, message: &[u8]) -> Option<Vec<u8>> {
    match to.open(message, |_| vec![]) {
        Ok(Opened::Content(content)) => Some(content),
        Ok(Opened::Commit { .. }) => panic!("a commit that was not made"),
        Err(_) => None,
    }
}
