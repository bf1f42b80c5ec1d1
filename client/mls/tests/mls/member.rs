//! A member of a conversation, and what the member has stored.

use std::collections::BTreeMap;

use rand::SeedableRng as _;
use rand::rngs::StdRng;

use chive_mls::{Changes, Conversation, Draft, Opened, SecretBytes};

/// The contents of a text and of its receipt.
pub(crate) const TEXT: [u8; 400] = [7; 400];
pub(crate) const RECEIPT: [u8; 20] = [8; 20];

/// A conversation, and all that its changes left in the store.
pub(crate) struct Member {
    pub(crate) conversation: Conversation,
    pub(crate) kept: BTreeMap<String, SecretBytes>,
}

impl Member {
    pub(crate) fn new(conversation: Conversation) -> Self {
        let mut member = Self { conversation, kept: BTreeMap::new() };
        member.keep();
        member
    }

    /// Stores the changes, and returns how many bytes were written.
    pub(crate) fn keep(&mut self) -> usize {
        let Changes { put, removed } = self.conversation.take_changes();
        let written = put.iter().map(|(key, value)| key.len() + value.len()).sum();
        for key in removed {
            assert!(self.kept.remove(&key).is_some(), "{key} was not kept");
        }
        self.kept.extend(put);
        written
    }

    /// Loads the conversation again.
    pub(crate) fn reload(&mut self) {
        self.conversation = Conversation::load(self.kept.clone()).unwrap();
        assert!(self.conversation.take_changes().is_empty(), "loading changes nothing");
    }

    /// Stores the changes, and loads the conversation again.
    pub(crate) fn reload_kept(&mut self) {
        self.keep();
        self.reload();
    }

    pub(crate) fn size(&self) -> usize {
        self.kept.iter().map(|(key, value)| key.len() + value.len()).sum()
    }

    /// Seals a text, and returns the message and how many bytes were written.
    pub(crate) fn seal(&mut self) -> (Vec<u8>, usize) {
        let message = self.conversation.seal(&TEXT).unwrap();
        (message, self.keep())
    }

    /// Opens a text and seals its receipt, and returns how many bytes were written.
    pub(crate) fn take(&mut self, message: &[u8]) -> usize {
        let Opened::Content(content) = self.conversation.open(message, |_| vec![]).unwrap() else {
            panic!()
        };
        assert_eq!(content, TEXT);
        self.conversation.seal(&RECEIPT).unwrap();
        self.keep()
    }
}

pub(crate) fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn pair() -> (Member, Member) {
    let mut rng = StdRng::from_seed([1; 32]);
    let draft = Draft::new(now(), &mut rng).unwrap();
    let (alice, welcome, _) = Conversation::create(&draft.key_package, &mut rng).unwrap();
    let (bob, _) = Conversation::join(&draft.blob, &welcome).unwrap();
    (Member::new(alice), Member::new(bob))
}

/// Begins the next epoch. The commit is of the member whose turn it is.
pub(crate) fn next_epoch(one: &mut Member, other: &mut Member) {
    let (committer, other) =
        if one.conversation.may_commit() { (one, other) } else { (other, one) };
    let commit = committer.conversation.commit().unwrap();
    let Opened::Commit { epoch, receipt } =
        other.conversation.open(&commit, |_| RECEIPT.to_vec()).unwrap()
    else {
        panic!()
    };
    committer.conversation.open(&receipt, |_| vec![]).unwrap();
    assert!(committer.conversation.commit_receipted(epoch).unwrap());
    committer.keep();
    other.keep();
}
