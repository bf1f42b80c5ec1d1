//! `mls`: how much of its conversation's MLS state a message writes, and how long that takes, after
//! more and more epochs.

use std::time::Instant;

use anyhow::{Result, ensure};
use chive::clock::Clock;
use chive_mls::{Changes, Conversation, Draft, Opened};
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use super::figures::{Figures, Samples, Summary};
use super::setup::Bench;

/// Numbers of past epochs at which messages are measured; no more than the last number are kept.
const EPOCHS: [u64; 3] = [1, 10, 32];
/// How many messages are measured.
const MESSAGES: usize = 100;
/// The limit of what one message writes, in bytes.
const WRITTEN: f64 = 8192.0;
/// The sizes of a text and of its receipt.
const TEXT: [u8; 400] = [0; 400];
const RECEIPT: [u8; 20] = [0; 20];

#[derive(Default)]
struct Measured {
    bytes: Samples,
    ms: Samples,
}

impl Measured {
    /// Times an action on a conversation as the node does it: the changes are taken, too.
    fn time<T>(
        &mut self,
        of: &mut Conversation,
        act: impl FnOnce(&mut Conversation) -> Result<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let done = act(of)?;
        let changes = of.take_changes();
        self.ms.push_ms(began.elapsed());
        self.bytes.push(size(&changes));
        Ok(done)
    }
}

#[allow(clippy::cast_precision_loss, reason = "some kilobytes")]
fn size(changes: &Changes) -> f64 {
    changes.put.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>() as f64
}

pub(super) fn run(bench: &Bench) -> Result<Figures> {
    let mut rng = StdRng::seed_from_u64(1);
    let draft = Draft::new(Clock::system().now().0.cast_unsigned() / 1000, &mut rng)?;
    let (mut alice, welcome, _) = Conversation::create(&draft.key_package, &mut rng)?;
    let (mut bob, _) = Conversation::join(&draft.blob, &welcome)?;

    let (mut rows, mut most) = (vec![], (0.0, 0.0));
    for epochs in EPOCHS {
        while alice.epoch() <= epochs {
            next_epoch(&mut alice, &mut bob)?;
        }

        alice.take_changes();
        bob.take_changes();

        let (mut sealed, mut opened) = (Measured::default(), Measured::default());
        for _ in 0..bench.pairs(MESSAGES) {
            let message = sealed.time(&mut alice, |alice| Ok(alice.seal(&TEXT)?))?;
            opened.time(&mut bob, |bob| {
                ensure!(
                    matches!(bob.open(&message, |_| vec![])?, Opened::Content(_)),
                    "not a content"
                );
                Ok(bob.seal(&RECEIPT)?)
            })?;
        }

        most = (sealed.bytes.percentile(100).max(most.0), opened.bytes.percentile(100).max(most.1));
        rows.push((format!("{epochs} past epochs: sealed"), sealed));
        rows.push((format!("{epochs} past epochs: opened, its receipt sealed"), opened));
    }

    let figures = Figures::new(Summary::of_several(
        "mls",
        &[("seal", most.0, WRITTEN), ("open", most.1, WRITTEN)],
        "B",
    ));
    let figures = rows.into_iter().fold(figures, |figures, (what, Measured { bytes, ms })| {
        figures.row(what.clone(), "B", bytes).row(what, "ms", ms)
    });
    Ok(figures.note(format!("of a state of {} bytes", alice.size())))
}

fn next_epoch(one: &mut Conversation, other: &mut Conversation) -> Result<()> {
    let (committer, other) = if one.may_commit() { (one, other) } else { (other, one) };
    let commit = committer.commit()?;
    let Opened::Commit { epoch, receipt } = other.open(&commit, |_| RECEIPT.to_vec())? else {
        anyhow::bail!("not a commit");
    };
    committer.open(&receipt, |_| vec![])?;
    ensure!(committer.commit_receipted(epoch)?, "the commit was not merged");
    Ok(())
}
