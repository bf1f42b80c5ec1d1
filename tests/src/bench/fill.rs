//! Fills a profile as years of use would: through the store's own functions, with real MLS groups.
//! No node runs meanwhile.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::clock::Clock;
use chive::identity::{Identity, RootSecret};
use chive::model::{Member, OutboxId, UnixMillis};
use chive::profile::{self, Passphrase};
use chive::store::contacts::{self, Naming};
use chive::store::messages::{self, NewRow};
use chive::store::{Tx, delivery, groups, outbox};
use chive::text::skeleton;
use chive::transport::ServiceKey;
use chive::wire::card::Card;
use chive::wire::message::{MessageId, Text};
use chive_mls::{Conversation, Draft};
use rand::rngs::StdRng;
use rand::{Rng as _, RngCore as _, SeedableRng as _};

/// The passphrase of a filled profile.
pub(super) const PASSPHRASE: &str = "correct horse";
/// Messages written in one transaction.
const BATCH: usize = 1_000;
/// The number of different words.
const VOCABULARY: usize = 8_000;
/// The shortest and the longest message, in words.
const WORDS: std::ops::RangeInclusive<usize> = 1..=30;
/// The time between two messages.
const STEP: Duration = Duration::from_mins(1);

/// Makes a profile with this many contacts and messages. Half of the messages are ours, and
/// delivered; the first contacts have more of them than the last.
pub(super) async fn fill(
    directory: &Path,
    name: &str,
    people: usize,
    total: usize,
) -> Result<Vocabulary> {
    let passphrase = Passphrase::new(PASSPHRASE.into());
    profile::create(directory, name, &passphrase).await?;

    let profile = profile::open(directory, &passphrase).await?;
    let began = Clock::system().now() - STEP * u32::try_from(total)?;
    let mut writer =
        Writer { rng: StdRng::seed_from_u64(1), vocabulary: Vocabulary::new(), now: began };
    let mut contacts = Vec::with_capacity(people);
    let mut tx = profile.store.begin().await?;
    for number in 0..people {
        contacts.push(Chat {
            with: writer.befriend(&mut tx, number).await?,
            clock: 0,
            theirs: 0,
            ours: 0,
        });
    }

    tx.commit().await?;
    for batch in 0..total.div_ceil(BATCH) {
        let mut tx = profile.store.begin().await?;
        for _ in 0..BATCH.min(total - batch * BATCH) {
            let chat = writer.rng.random_range(0.0_f64..1.0).powi(2);
            let chat = pick(&mut contacts, chat).context("no contact to write to")?;
            writer.write(&mut tx, chat).await?;
        }
        tx.commit().await?;
    }

    profile.store.close().await;

    Ok(writer.vocabulary)
}

/// The element at a fraction of a list, from 0 to below 1.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "an index"
)]
fn pick<T>(list: &mut [T], part: f64) -> Option<&mut T> {
    let at = (part * list.len() as f64) as usize;
    list.get_mut(at)
}

/// Made-up words, the most common first.
pub(super) struct Vocabulary(Vec<String>);

impl Vocabulary {
    fn new() -> Self {
        let syllables = [
            "ka", "lo", "mi", "ren", "ta", "su", "vel", "no", "dar", "ish", "po", "gu", "wen",
            "fe", "ra", "tor", "zi", "ly",
        ];
        let n = syllables.len();
        let word = |number: usize| {
            [number % n, number / n % n, number / n / n].map(|at| syllables[at % n]).concat()
        };
        Self((0..VOCABULARY).map(|number| word(number * 7 + 1)).collect())
    }

    /// The word with this rank of frequency; 0 is the most common.
    #[must_use]
    pub(super) fn word(&self, rank: usize) -> &str {
        self.0.get(rank).map_or("", String::as_str)
    }

    fn text(&self, rng: &mut StdRng) -> String {
        let words = (0..rng.random_range(WORDS)).map(|_| {
            // As in a language: the higher the rank, the rarer the word.
            let rank = 8_000_f64.powf(rng.random_range(0.0..1.0)) - 1.0;
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rank")]
            self.word(rank as usize)
        });
        words.collect::<Vec<_>>().join(" ")
    }
}

struct Chat {
    with: Member,
    clock: i64,
    theirs: u64,
    ours: i64,
}

struct Writer {
    rng: StdRng,
    vocabulary: Vocabulary,
    now: UnixMillis,
}

impl Writer {
    /// Adds an accepted contact whose onion service is not hosted anywhere.
    async fn befriend(&mut self, tx: &mut Tx, number: usize) -> Result<Member> {
        let peer = Identity::new(&RootSecret(self.random())).public();
        let name = format!("Contact {number}");
        let naming = Naming { name: &name, skeleton: &skeleton(&name), named: true };
        let contact = contacts::add(tx, peer.peer_id(), &naming, self.now).await?;
        let draft = Draft::new(Clock::system().now().0.cast_unsigned() / 1000, &mut self.rng)?;
        let (mut conversation, _, pair) = Conversation::create(&draft.key_package, &mut self.rng)?;

        conversation.seal(b"the first of many")?;
        contacts::accept(tx, contact, &peer, &pair).await?;
        let card = Card {
            revision: 1,
            name: name.clone(),
            addresses: vec![ServiceKey(self.random()).onion_address().into()],
            presence_secret: self.random(),
            servers: vec![],
        };
        contacts::take_card(tx, contact, &card).await?;
        let with = contacts::direct(tx, contact).await?;
        groups::create(tx, with.conversation, &conversation.take_changes(), None, self.now).await?;

        Ok(with)
    }

    async fn write(&mut self, tx: &mut Tx, chat: &mut Chat) -> Result<()> {
        self.now = self.now + STEP;
        chat.clock += 1;

        let (id, text) = (MessageId(self.random()), self.vocabulary.text(&mut self.rng));
        if self.rng.random_bool(0.5) {
            chat.ours += 1;
            self.is_delivered(tx, chat, id, &text).await
        } else {
            chat.theirs += 1;
            let (counter, clock) = (chat.theirs, chat.clock.cast_unsigned());
            let text = Text {
                id,
                counter,
                clock,
                created_at: self.now.0,
                seen: vec![],
                text,
                disappear_after: None,
            };
            messages::add_theirs(tx, chat.with, &text, None, self.now).await?;
            Ok(())
        }
    }

    async fn is_delivered(
        &mut self,
        tx: &mut Tx,
        chat: &Chat,
        id: MessageId,
        text: &str,
    ) -> Result<()> {
        let (Member { conversation, contact }, clock) = (chat.with, chat.clock);
        let new = NewRow {
            conversation,
            id,
            text,
            clock,
            created_at: self.now,
            expires_at: None,
            disappear_after: None,
        };
        let row = messages::add_ours(tx, &new).await?;

        messages::number(tx, row, conversation, chat.ours).await?;
        let waiting =
            outbox::rows(tx, contact, OutboxId(0), 1).await?.pop().context("an empty outbox")?;
        outbox::set_envelope(tx, waiting.id, &[0; 1024]).await?;
        delivery::receipt(tx, chat.with, id, self.now).await?;

        Ok(())
    }

    fn random<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.rng.fill_bytes(&mut bytes);
        bytes
    }
}
