//! What a conversation stores: little with each message, and everything that it needs to go on.

use std::collections::BTreeMap;
use std::path::Path;

use minicbor::bytes::ByteVec;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};

use chive_mls::{Conversation, Draft, MAX_STATE, MlsError, Opened, PAST_EPOCHS, WINDOW};

use crate::member::{Member, RECEIPT, TEXT, next_epoch, now, pair};

/// How much one message may write.
const PER_MESSAGE: usize = 8 * 1024;

#[test]
fn a_message_writes_little_after_any_number_of_epochs() {
    let (mut alice, mut bob) = pair();
    for epochs in 0..=40 {
        for _ in 0..3 {
            let (message, written) = alice.seal();
            assert!(
                written <= PER_MESSAGE / 4,
                "{written} bytes to seal one after {epochs} epochs"
            );
            let written = bob.take(&message);
            assert!(
                written <= PER_MESSAGE / 4,
                "{written} bytes to open one after {epochs} epochs"
            );
        }
        next_epoch(&mut alice, &mut bob);
    }

    assert!(alice.size() < MAX_STATE / 4, "{} bytes in all", alice.size());
    assert_eq!(alice.size(), alice.conversation.size());
}

#[test]
fn late_messages_of_every_past_epoch_write_little() {
    let (mut alice, mut bob) = pair();
    let mut late = vec![];
    for _ in 0..=PAST_EPOCHS {
        late.extend((0..12).map(|_| alice.seal().0));
        bob.take(&alice.seal().0);
        next_epoch(&mut alice, &mut bob);
    }
    // The first epoch has been forgotten by now.
    for message in late.drain(..12) {
        assert!(matches!(
            bob.conversation.open(&message, |_| vec![]),
            Err(MlsError::Unreadable(_))
        ));
    }
    bob.reload();
    late.shuffle(&mut StdRng::from_seed([2; 32]));
    for message in late {
        let written = bob.take(&message);
        assert!(written <= PER_MESSAGE, "{written} bytes to open a late one");
    }

    let (message, _) = alice.seal();
    let written = bob.take(&message);
    assert!(written <= PER_MESSAGE / 4, "{written} bytes to open one after late ones");
    assert!(!bob.kept.keys().any(|key| key.contains("/r")), "no key of an opened message is left");
}

#[test]
fn a_message_writes_little_after_the_whole_window_was_skipped() {
    let (mut alice, mut bob) = pair();
    let mut skipped: Vec<_> = (0..WINDOW).map(|_| alice.seal().0).collect();
    bob.take(&alice.seal().0);
    assert!(bob.size() < MAX_STATE / 2, "{} bytes for {WINDOW} keys", bob.size());
    bob.reload();

    skipped.shuffle(&mut StdRng::from_seed([3; 32]));
    for message in skipped.drain(..200) {
        let written = bob.take(&message);
        assert!(written <= PER_MESSAGE, "{written} bytes to open one of the skipped");
    }

    next_epoch(&mut alice, &mut bob);
    for message in skipped.drain(..200) {
        let written = bob.take(&message);
        assert!(
            written <= PER_MESSAGE,
            "{written} bytes to open one of the skipped, of a past epoch"
        );
    }
    for _ in 0..100 {
        let written = bob.take(&alice.seal().0);
        assert!(written <= PER_MESSAGE, "{written} bytes to open the next one");
    }
}

#[test]
fn skipped_messages_do_not_make_a_state_larger_than_its_limit() {
    let (mut alice, mut bob) = pair();
    let mut late = vec![];
    for _ in 0..4 {
        late = (0..WINDOW).map(|_| alice.seal().0).collect();
        bob.take(&alice.seal().0);
        assert!(bob.size() <= MAX_STATE, "{} bytes", bob.size());
        let written = bob.take(&alice.seal().0);
        assert!(written <= PER_MESSAGE, "{written} bytes to open the next one");
        next_epoch(&mut alice, &mut bob);
        assert!(bob.size() <= MAX_STATE, "{} bytes", bob.size());
    }

    // The newest past epoch is not the one that is forgotten.
    bob.reload();
    for message in &late[2..100] {
        bob.take(message);
    }
}

#[test]
fn the_window_is_as_wide_as_it_is_said_to_be() {
    let (mut alice, mut bob) = pair();
    let mut sealed: Vec<_> = (0..WINDOW + 2).map(|_| alice.seal().0).collect();
    let (too_far, farthest) = (sealed.pop().unwrap(), sealed.pop().unwrap());
    assert!(bob.conversation.open(&too_far, |_| vec![]).is_err());
    bob.take(&farthest);
    bob.take(&too_far);
    for too_old in sealed.drain(..2) {
        assert!(bob.conversation.open(&too_old, |_| vec![]).is_err());
    }
    bob.take(&sealed[0]);
}

#[test]
fn a_member_cannot_make_the_other_store_more_than_it_needs() {
    let mut rng = StdRng::from_seed([4; 32]);
    let large = Draft::named(now(), &[0; 4096]).unwrap();
    assert!(matches!(
        Conversation::create(&large.key_package, &mut rng),
        Err(MlsError::Unreadable(_))
    ));

    let draft = Draft::new(now(), &mut rng).unwrap();
    for (name, extension) in [(4096, 0), (16, 4096), (16, 1)] {
        let welcome = Conversation::create_large(&draft.key_package, name, extension).unwrap();
        assert!(matches!(Conversation::join(&draft.blob, &welcome), Err(MlsError::Unreadable(_))));
    }
    let welcome = Conversation::create_large(&draft.key_package, 16, 0).unwrap();
    assert!(Conversation::join(&draft.blob, &welcome).is_ok());

    for (name, allowed) in [(4096, false), (16, true)] {
        let (mut alice, mut bob) = pair();
        let commit = bob.conversation.commit_with_name(vec![0; name]).unwrap();
        assert_eq!(
            alice.conversation.open(&commit, |_| vec![]).is_ok(),
            allowed,
            "a name of {name} bytes"
        );
    }
}

#[test]
fn a_conversation_loaded_from_its_changes_is_the_same() {
    for seed in 0..20 {
        random_history(seed);
    }
}

/// Bob is loaded again at random times, from all changes up to then. Beside him, a twin does the
/// same without ever being loaded again: both must open the same messages and agree on the secrets.
/// When Bob commits, which a twin cannot do alike, a new twin takes over.
fn random_history(seed: u8) {
    let mut rng = StdRng::from_seed([seed; 32]);
    let (mut alice, mut bob) = pair();
    let mut twin = Conversation::load(bob.kept.clone()).unwrap();
    let mut waiting: Vec<Vec<u8>> = vec![];
    for step in 0..250 {
        match rng.random_range(0..10) {
            0..4 => waiting.push(alice.seal().0),
            4..7 if !waiting.is_empty() => {
                let message = waiting.swap_remove(rng.random_range(0..waiting.len()));
                let outcome = |to: &mut Conversation| match to.open(&message, |_| RECEIPT.to_vec())
                {
                    Ok(Opened::Content(content)) => Ok(content),
                    Ok(Opened::Commit { .. }) => panic!("a commit"),
                    Err(error) => Err(error.to_string()),
                };
                assert_eq!(
                    outcome(&mut bob.conversation),
                    outcome(&mut twin),
                    "seed {seed}, step {step}"
                );
            }
            7 => {
                let message = bob.conversation.seal(&TEXT).unwrap();
                twin.seal(&TEXT).unwrap();
                if rng.random() {
                    alice.take(&message);
                }
            }
            8 if alice.conversation.may_commit() => {
                let commit = alice.conversation.commit().unwrap();
                twin.open(&commit, |_| RECEIPT.to_vec()).unwrap();
                let opened = bob.conversation.open(&commit, |_| RECEIPT.to_vec()).unwrap();
                let Opened::Commit { epoch, receipt } = opened else { panic!() };
                if rng.random() {
                    alice.reload_kept();
                }
                alice.conversation.open(&receipt, |_| vec![]).unwrap();
                alice.conversation.commit_receipted(epoch).unwrap();
            }
            8 => {
                bob.keep();
                next_epoch(&mut alice, &mut bob);
                twin = Conversation::load(bob.kept.clone()).unwrap();
            }
            _ => bob.reload_kept(),
        }

        bob.keep();
        alice.keep();
        assert_eq!(bob.size(), bob.conversation.size());
    }

    bob.reload();
    alice.reload();
    let agreed = alice.conversation.agreement().unwrap();
    assert_eq!(agreed, bob.conversation.agreement().unwrap());
    assert_eq!(agreed, twin.agreement().unwrap());
    bob.take(&alice.seal().0);
    alice.take(&bob.seal().0);
}

/// What both members of a conversation keep, and a message that Bob has not opened: bytes that
/// every later version must be able to load.
#[derive(minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct Stored {
    #[n(0)]
    alice: BTreeMap<String, ByteVec>,
    #[n(1)]
    bob: BTreeMap<String, ByteVec>,
    #[n(2)]
    late: ByteVec,
}

impl Stored {
    /// In epoch 3, with skipped keys in each epoch, and a commit of Bob that Alice has not seen.
    fn make() -> Self {
        let (mut alice, mut bob) = pair();
        let late = alice.seal().0.into();
        for epoch in 1..=3 {
            bob.take(&alice.seal().0);
            alice.seal();
            bob.take(&alice.seal().0);
            if epoch < 3 {
                next_epoch(&mut alice, &mut bob);
            }
        }

        bob.conversation.commit().unwrap();
        bob.keep();
        let kept = |of: Member| {
            of.kept.into_iter().map(|(key, value)| (key, value.to_vec().into())).collect()
        };

        Self { alice: kept(alice), bob: kept(bob), late }
    }
}

#[test]
fn a_conversation_stored_by_an_earlier_version_goes_on() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mls/values.cbor");
    // Never written again: what profiles hold stays as it is.
    if !file.exists() && std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&file, minicbor::to_vec(Stored::make()).unwrap()).unwrap();
    }
    let Stored { alice, bob, late } = minicbor::decode(&std::fs::read(&file).unwrap()).unwrap();
    let load = |stored: BTreeMap<String, ByteVec>| {
        let kept: BTreeMap<_, _> =
            stored.into_iter().map(|(key, value)| (key, Vec::from(value).into())).collect();
        Member { conversation: Conversation::load(kept.clone()).unwrap(), kept }
    };
    let (mut alice, mut bob) = (load(alice), load(bob));
    alice.reload();
    bob.reload();
    assert!(
        bob.kept.keys().any(|key| key.starts_with("MessageSecrets/1/r")),
        "skipped keys are parts"
    );

    bob.take(&late);
    alice.take(&bob.seal().0);
    bob.take(&alice.seal().0);
    assert!(!bob.conversation.may_commit(), "Bob has committed");
    assert_eq!(alice.conversation.agreement().unwrap(), bob.conversation.agreement().unwrap());
}

/// A conversation of the version before values, with the blobs of both members.
#[derive(minicbor::Decode)]
#[cbor(map)]
struct Blobs {
    /// In epoch 4, with a commit that Bob has not seen.
    #[n(0)]
    alice: ByteVec,
    #[n(1)]
    bob: ByteVec,
    /// Messages of Alice that Bob has not opened: ten of each epoch, every seventh.
    #[n(2)]
    late: Vec<ByteVec>,
    #[n(3)]
    commit: ByteVec,
    /// The draft of another conversation, with its welcome and first message.
    #[n(4)]
    draft: ByteVec,
    #[n(5)]
    welcome: ByteVec,
    #[n(6)]
    first: ByteVec,
}

fn blobs() -> Blobs {
    minicbor::decode(include_bytes!("blobs.cbor")).unwrap()
}

#[test]
fn a_conversation_stored_as_a_blob_goes_on_as_values() {
    let blobs = blobs();
    let mut alice = Member::new(Conversation::load_blob(&blobs.alice).unwrap());
    let mut bob = Member::new(Conversation::load_blob(&blobs.bob).unwrap());
    alice.reload();
    bob.reload();
    assert!(bob.size() * 2 < blobs.bob.len(), "{} bytes, of {}", bob.size(), blobs.bob.len());

    for (at, message) in blobs.late.iter().enumerate() {
        let (epoch, number) =
            (u8::try_from(at / 10).unwrap(), u8::try_from(at % 10 * 7 + 6).unwrap());
        let Opened::Content(content) = bob.conversation.open(message, |_| vec![]).unwrap() else {
            panic!()
        };
        assert_eq!(content, [epoch, number]);
        let written = bob.keep();
        assert!(written <= PER_MESSAGE, "{written} bytes to open a late one");
    }
    assert!(
        !alice.conversation.may_commit() && !bob.conversation.may_commit(),
        "Alice has committed"
    );
    let Opened::Commit { epoch: 4, receipt } =
        bob.conversation.open(&blobs.commit, |_| RECEIPT.to_vec()).unwrap()
    else {
        panic!()
    };
    alice.conversation.open(&receipt, |_| vec![]).unwrap();
    assert!(alice.conversation.commit_receipted(4).unwrap());

    for _ in 0..4 {
        next_epoch(&mut alice, &mut bob);
        alice.reload();
        bob.reload();
        bob.take(&alice.seal().0);
        alice.take(&bob.seal().0);
    }
    assert_eq!(alice.conversation.agreement().unwrap(), bob.conversation.agreement().unwrap());
}

#[test]
fn a_draft_of_the_version_before_values_can_join() {
    let blobs = blobs();
    let (conversation, _) = Conversation::join(&blobs.draft, &blobs.welcome).unwrap();
    let mut bob = Member::new(conversation);
    bob.reload();
    let Opened::Content(content) = bob.conversation.open(&blobs.first, |_| vec![]).unwrap() else {
        panic!()
    };
    assert_eq!(content, b"hello");
}

#[test]
fn a_damaged_or_missing_value_is_an_error() {
    let (alice, _) = pair();
    for key in alice.kept.keys() {
        for length in [0, 1, alice.kept[key].len() - 1] {
            let mut kept = alice.kept.clone();
            kept.insert(key.clone(), alice.kept[key][..length].to_vec().into());
            // Only a commit reads them.
            let read_later = key.starts_with("EpochKeyPairs");
            assert_eq!(Conversation::load(kept).is_ok(), read_later, "{key}, {length} bytes");
        }
        let mut kept = alice.kept.clone();
        kept.remove(key);
        assert_eq!(
            Conversation::load(kept).is_ok(),
            key.starts_with("EpochKeyPairs"),
            "{key} is missing"
        );
    }
}
