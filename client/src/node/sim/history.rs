//! Plays one random history: what people do, what the network does to them, and the calm at the
//! end.

use std::sync::Mutex;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use tokio::time::sleep;

use super::commit_observer::Record;
use super::network::{Network, NetworkConditions, Who};
use super::oracle::{Oracle, SentText, both};
use super::person::{LAST_WORDS, Person, TrueTime};
use crate::api::types::{
    Contact, ContactChange, ContactState, ErrorCode, MessageState, NewContact, NewInvitation,
    NewMessage, Presence, What,
};
use crate::error::NodeError;
use crate::identity::PeerId;
use crate::limits::SILENCE_LIMIT;
use crate::node::NodeHandle;

/// Once the network allows, everything is done within so long.
const SETTLE_TIME: Duration = Duration::from_mins(10);
const YEARS: i64 = 10 * 365 * 24 * 3600 * 1000;

/// How much of everything there was.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    histories: usize,
    actions: usize,
    said: usize,
    delivered: usize,
    cancelled: usize,
    expired: usize,
    deaths: usize,
    pairs: usize,
    epochs: u64,
    simulated: Duration,
}

impl Tally {
    pub(super) fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.actions += other.actions;
        self.said += other.said;
        self.delivered += other.delivered;
        self.cancelled += other.cancelled;
        self.expired += other.expired;
        self.deaths += other.deaths;
        self.pairs += other.pairs;
        self.epochs += other.epochs;
        self.simulated += other.simulated;
    }
}

/// A history that came to its end.
pub(super) struct Played {
    pub(super) log: Vec<String>,
    pub(super) tally: Tally,
}

/// Plays the history of a seed, and checks what must hold. Panics with what does not.
pub(super) fn play(seed: u64, log: &Mutex<Vec<String>>) -> Played {
    let errors = Errors::default();
    let writer = errors.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::ERROR)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let directory = scratch();
    let tally = tracing::subscriber::with_default(subscriber, || {
        runtime.block_on(async {
            let mut world = World::new(seed, directory.path(), log);
            world.live().await;
            world.restore_calm().await;
            world.end().await
        })
    });
    let errors = String::from_utf8(errors.0.lock().unwrap().clone()).unwrap();
    assert!(errors.is_empty(), "errors were logged:\n{errors}");

    Played { log: log.lock().unwrap().clone(), tally }
}

/// Memory, where there is a file system in it.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// What the nodes logged as errors: there must be none.
#[derive(Clone, Default)]
struct Errors(std::sync::Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Errors {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

struct World<'a> {
    rng: StdRng,
    time: TrueTime,
    network: Network,
    people: Vec<Person>,
    links: Vec<(Who, String)>,
    envelopes: Vec<(Who, Who, Vec<u8>)>,
    backups: Vec<(Who, usize)>,
    oracle: Oracle,
    record: Record,
    update_after: u32,
    log: &'a Mutex<Vec<String>>,
    /// One history is played alone: what happens is said when it does.
    aloud: bool,
    tally: Tally,
}

impl<'a> World<'a> {
    fn new(seed: u64, directory: &std::path::Path, log: &'a Mutex<Vec<String>>) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let (network, time) = (Network::new(StdRng::from_rng(&mut rng)), TrueTime::begin());
        let count = *[2, 2, 2, 2, 2, 2, 3, 3, 3, 4, 5].choose(&mut rng).unwrap();
        let record = Record::default();
        let person = |who| {
            Person::new(
                who,
                directory,
                time,
                network.clone(),
                record.clone(),
                StdRng::from_rng(&mut rng),
            )
        };
        let people = (0..count).map(person).collect();
        let update_after = *[2, 5, 20].choose(&mut rng).unwrap();
        let (links, envelopes, backups, oracle) = (vec![], vec![], vec![], Oracle::default());
        let tally = Tally { histories: 1, ..Tally::default() };
        let aloud = number("CHIVE_SIM_SEED").is_some();

        Self {
            rng,
            time,
            network,
            people,
            links,
            envelopes,
            backups,
            oracle,
            record,
            update_after,
            log,
            aloud,
            tally,
        }
    }

    fn note(&self, what: &str) {
        let line = format!("{:10.3} {what}", self.time.elapsed().as_secs_f64());
        if self.aloud {
            eprintln!("{line}");
        }
        self.log.lock().unwrap().push(line);
    }

    /// People do things, and things are done to them.
    async fn live(&mut self) {
        for who in 0..self.people.len() {
            self.people[who].wake(self.update_after);
        }

        if self.rng.random_bool(0.7) {
            for who in 1..self.people.len() {
                self.befriend(who, who - 1).await;
            }
            let pause = self.rng.random_range(0..20);
            self.pass(Duration::from_secs(pause)).await;
        }

        // Most are short, so that there are many; what takes many steps to go wrong has the others.
        let actions = if self.rng.random_bool(0.85) { 2..15 } else { 15..60 };
        for _ in 0..self.rng.random_range(actions) {
            self.tally.actions += 1;
            self.act().await;
            let pause = [0, 0, 0, 10, 100, 500, 1_000, 5_000, 20_000, 70_000]
                .choose(&mut self.rng)
                .copied()
                .unwrap();
            let pause = if pause == 0 { 0 } else { self.rng.random_range(0..=pause) };
            self.pass(Duration::from_millis(pause)).await;
        }
    }

    async fn act(&mut self) {
        let (a, b) = self.two();
        match self.rng.random_range(0..100) {
            0..8 => self.befriend(a, b).await,
            8..10 => {
                self.befriend(a, b).await;
                self.befriend(b, a).await;
            }
            10..34 => self.say(a).await,
            34..40 => {
                for _ in 0..self.rng.random_range(3..15) {
                    self.say(a).await;
                }
            }
            40..46 => self.take_back(a).await,
            46..49 => self.block(a, true).await,
            49..53 => self.block(a, false).await,
            53..55 => self.remove(a).await,
            55..56 => self.revoke(a).await,
            56..60 => self.sleep(a).await,
            60..64 => self.die(a).await,
            64..72 => self.crash_at_next_commit(a),
            72..78 => {
                let conditions = NetworkConditions::any(&mut self.rng);
                self.note(&format!("{conditions:?}"));
                self.network.set_conditions(conditions);
            }
            78..81 => self.part(a, b, true),
            81..84 => self.part(a, b, false),
            84..88 => self.network.break_one(),
            88..91 => self.network.play_again(),
            91..93 => self.lose_network(a),
            93..95 => self.set_clock(a),
            95..96 => self.copy_envelopes(a, b),
            96..97 => self.back_up(a),
            97..98 => self.restore().await,
            _ => self.play_envelopes().await,
        }

        for who in 0..self.people.len() {
            if !self.people[who].is_awake() && self.rng.random_bool(0.4) {
                self.wake(who);
            }
        }
    }

    fn two(&mut self) -> (Who, Who) {
        let a = self.rng.random_range(0..self.people.len());
        let b = (a + self.rng.random_range(1..self.people.len())) % self.people.len();
        (a, b)
    }

    /// Time goes by; whatever is told is written down.
    async fn pass(&mut self, pause: Duration) {
        sleep(pause).await;
        self.record.check();
        for who in 0..self.people.len() {
            self.hear(who).await;
            if self.people[who].has_died().await {
                self.tally.deaths += 1;
                self.note(&format!("P{who} has died"));
            }
        }
    }

    async fn hear(&mut self, who: Who) {
        for event in self.people[who].new_events().await {
            match &event.what {
                What::Message { message } => {
                    self.note(&format!(
                        "P{who}: {:?} {} {:?}",
                        message.direction, message.id, message.state
                    ));
                    self.oracle.told(who, message, &self.network);
                }
                What::Contact { contact } => {
                    self.note(&format!("P{who}: {} {:?}", contact.name, contact.state));
                }
                What::Presence { name, presence, .. } => {
                    self.note(&format!("P{who}: {name} {presence:?}"));
                }
                What::KeyChanged { .. } => panic!("P{who} believes that a key has changed"),
                _ => {}
            }
        }
    }

    /// What a node answers may be a refusal, or nothing if it died; never a fault of its own.
    fn sane<T>(answer: Result<T, NodeError>) -> Option<T> {
        if let Err(error) = &answer {
            assert_ne!(error.code, ErrorCode::Internal, "{error:?}");
        }
        answer.ok()
    }

    fn handle(&self, who: Who) -> Option<NodeHandle> {
        self.people[who].handle()
    }

    async fn contacts(&self, who: Who) -> Vec<Contact> {
        match self.handle(who) {
            Some(handle) => Self::sane(handle.contacts().await).unwrap_or_default(),
            None => vec![],
        }
    }

    async fn contact(&mut self, who: Who) -> Option<Contact> {
        self.contacts(who).await.choose(&mut self.rng).cloned()
    }

    fn number(&self, id: &str) -> Who {
        self.people.iter().position(|person| person.hex() == id).unwrap()
    }

    async fn befriend(&mut self, asker: Who, owner: Who) {
        match self.people[asker].regards(self.people[owner].id).await {
            // A second request that overtakes the first is not part of these histories.
            Some(ContactState::Requested | ContactState::Blocked) => return,
            // An existing contact rarely gets another request, and refuses it while there is a link.
            Some(ContactState::Accepted) if self.rng.random_bool(0.6) => return,
            _ => {}
        }

        let old = self.links.iter().filter(|(who, _)| *who == owner).map(|(_, link)| link.clone());
        let old: Vec<String> = old.collect();
        let link = match old.choose(&mut self.rng) {
            Some(link) if self.rng.random_bool(0.4) => link.clone(),
            _ => {
                let Some(handle) = self.handle(owner) else { return };
                let new =
                    NewInvitation { uses: Some(self.rng.random_range(1..3)), expires_in: None };
                let Some(invitation) = Self::sane(handle.invite(new).await) else { return };
                let link = invitation.link.unwrap();
                self.links.push((owner, link.clone()));
                link
            }
        };
        let Some(handle) = self.handle(asker) else { return };

        self.note(&format!("P{asker} asks P{owner}"));
        Self::sane(handle.add_contact(NewContact { link, name: None, message: None }).await);
    }

    async fn say(&mut self, from: Who) {
        let Some(contact) = self.contact(from).await else { return };
        let Some(handle) = self.handle(from) else { return };
        let to = self.number(&contact.id);
        let mut id = [0; 16];

        self.rng.fill_bytes(&mut id);
        let id = data_encoding::HEXLOWER.encode(&id);
        let length = match self.rng.random_range(0..30) {
            0 => 60_000,
            1 => 20_000,
            2..6 => 2_000,
            _ => 0,
        };
        let text = format!("{}{}", self.oracle.said.len(), ".".repeat(length));
        let expires_in = self.rng.random_bool(0.1).then(|| self.rng.random_range(1..60));
        self.note(&format!("P{from} says {id} to P{to}"));
        let new = NewMessage { text: text.clone(), id: Some(id.clone()), expires_in };
        self.oracle.said.insert(id.clone(), SentText { from, to, text, accepted: false });
        let answer = handle.send(&contact.id, new.clone()).await;
        let is_refused = answer.as_ref().is_err_and(|error| error.code != ErrorCode::Stopping);
        if Self::sane(answer).is_some() {
            self.oracle.said.get_mut(&id).unwrap().accepted = true;
            if self.rng.random_bool(0.05) {
                Self::sane(handle.send(&contact.id, new).await);
            }
        } else if is_refused {
            self.oracle.said.remove(&id);
        }
    }

    async fn take_back(&mut self, who: Who) {
        let waits = |said: &SentText, id: &String| {
            said.from == who
                && matches!(
                    self.oracle.states.get(id),
                    Some(MessageState::Queued | MessageState::Sent) | None
                )
        };
        let waiting: Vec<String> = self
            .oracle
            .said
            .iter()
            .filter(|(id, said)| waits(said, id))
            .map(|(id, _)| id.clone())
            .collect();
        let (Some(id), Some(handle)) = (waiting.choose(&mut self.rng), self.handle(who)) else {
            return;
        };

        self.note(&format!("P{who} takes {id} back"));
        Self::sane(handle.cancel(id).await);
    }

    async fn block(&mut self, who: Who, blocked: bool) {
        let wanted = |contact: &Contact| (contact.state == ContactState::Blocked) != blocked;
        let all = self.contacts(who).await;
        let contacts: Vec<&Contact> = all.iter().filter(|contact| wanted(contact)).collect();
        let (Some(contact), Some(handle)) = (contacts.choose(&mut self.rng), self.handle(who))
        else {
            return;
        };
        self.note(&format!("P{who} blocks {}: {blocked}", contact.name));
        if blocked {
            self.oracle.moved.insert(who);
        }
        let change = ContactChange { blocked: Some(blocked), ..ContactChange::default() };
        Self::sane(handle.change_contact(&contact.id, change).await);
    }

    async fn remove(&mut self, who: Who) {
        let (Some(contact), Some(handle)) = (self.contact(who).await, self.handle(who)) else {
            return;
        };
        self.note(&format!("P{who} removes {}", contact.name));
        // What it told until now is not told again.
        self.hear(who).await;
        self.oracle.removed.insert(both(who, self.number(&contact.id)));
        self.oracle.moved.insert(who);
        Self::sane(handle.remove_contact(&contact.id).await);
    }

    async fn revoke(&mut self, who: Who) {
        let Some(handle) = self.handle(who) else { return };
        let all = Self::sane(handle.invitations().await).unwrap_or_default();
        let Some(invitation) = all.choose(&mut self.rng) else { return };
        self.note(&format!("P{who} revokes {}", invitation.id));
        Self::sane(handle.revoke(&invitation.id).await);
    }

    async fn sleep(&mut self, who: Who) {
        self.note(&format!("P{who} stops"));
        self.hear(who).await;
        self.people[who].sleep().await;
    }

    async fn die(&mut self, who: Who) {
        self.note(&format!("P{who} is killed"));
        self.people[who].die().await;
    }

    fn back_up(&mut self, who: Who) {
        if let Some(number) = self.people[who].back_up() {
            self.note(&format!("P{who} makes backup {number}"));
            self.backups.push((who, number));
        }
    }

    async fn restore(&mut self) {
        let Some((who, number)) = self.backups.choose(&mut self.rng).copied() else { return };
        self.note(&format!("P{who} goes back to backup {number}"));
        let kept = self.people[who].restore(number).await;
        self.oracle.go_back(who, &kept);
    }

    fn crash_at_next_commit(&mut self, who: Who) {
        let chances = self.rng.random_range(1..12);
        self.note(&format!("P{who} dies after {chances}"));
        self.people[who].crash_at_next_commit(chances);
    }

    fn wake(&mut self, who: Who) {
        self.note(&format!("P{who} starts"));
        self.people[who].wake(self.update_after);
    }

    fn part(&mut self, one: Who, other: Who, apart: bool) {
        self.note(&format!("P{one} and P{other} are apart: {apart}"));
        self.network.part(one, other, apart);
    }

    fn lose_network(&mut self, who: Who) {
        let ready = self.rng.random_bool(0.5);
        if let Some(life) = &self.people[who].life {
            life.transport.seems_ready(ready);
        }
    }

    fn set_clock(&mut self, who: Who) {
        let minutes = self.rng.random_range(-10..=10) * 60_000;
        let skew = *[0, minutes, minutes, YEARS, -YEARS].choose(&mut self.rng).unwrap();
        self.note(&format!("the clock of P{who} is off by {skew}"));
        if skew.abs() == YEARS {
            self.oracle.jumped.insert(who);
        }
        self.people[who].set_skew(skew);
    }

    fn copy_envelopes(&mut self, from: Who, to: Who) {
        let copied = self.people[from].envelopes(self.people[to].id);
        self.envelopes.extend(copied.into_iter().map(|envelope| (from, to, envelope)));
    }

    async fn play_envelopes(&mut self) {
        for _ in 0..self.rng.random_range(1..10) {
            let Some((from, to, envelope)) = self.envelopes.choose(&mut self.rng).cloned() else {
                return;
            };
            self.note(&format!("an envelope of P{from} comes to P{to}"));
            let from: PeerId = self.people[from].id;
            self.people[to].receive(from, envelope).await;
        }
    }

    /// The network allows everything again, everybody is awake, and nobody is blocked.
    async fn restore_calm(&mut self) {
        self.note("calm");
        self.network.calm();
        for who in 0..self.people.len() {
            self.people[who].spare();
            // Who dies just now is dead then.
            self.pass(2 * LAST_WORDS).await;
            if !self.people[who].is_awake() {
                self.wake(who);
            }
            self.people[who].life.as_ref().unwrap().transport.seems_ready(true);
            // Whose clock is off by years cannot begin a conversation, not even a new one with
            // somebody it has.
            self.people[who].set_clock_right();
        }

        if self.rng.random_bool(0.8) {
            for who in 0..self.people.len() {
                while self
                    .contacts(who)
                    .await
                    .iter()
                    .any(|contact| contact.state == ContactState::Blocked)
                {
                    self.block(who, false).await;
                }
            }
        }

        self.settle().await;
        for (one, other) in self.pairs().await {
            self.greet(one, other).await;
            self.greet(other, one).await;
        }

        self.settle().await;
    }

    async fn greet(&mut self, from: Who, to: Who) {
        let (mut id, contact) = ([0; 16], self.people[to].hex());
        self.rng.fill_bytes(&mut id);
        let (id, text) =
            (data_encoding::HEXLOWER.encode(&id), format!("{} calm", self.oracle.said.len()));
        let new = NewMessage { text: text.clone(), id: Some(id.clone()), expires_in: None };
        self.note(&format!("P{from} says {id} to P{to}, at last"));
        self.oracle.said.insert(id, SentText { from, to, text, accepted: true });
        self.handle(from).unwrap().send(&contact, new).await.unwrap();
    }

    /// Those who have each other, and can find each other.
    async fn pairs(&self) -> Vec<(Who, Who)> {
        let mut pairs = vec![];
        for one in 0..self.people.len() {
            for other in one + 1..self.people.len() {
                let (a, b) = (&self.people[one], &self.people[other]);
                let accepted = Some(ContactState::Accepted);
                let back = |who| self.oracle.restored.contains(&who);
                let lost = |who| {
                    let forgets = self.oracle.jumped.contains(&who) || back(one) || back(other);
                    self.oracle.moved.contains(&who) && forgets
                };
                if (back(one) || back(other)) && self.oracle.removed.contains(&(one, other)) {
                    continue;
                }

                if a.regards(b.id).await == accepted
                    && b.regards(a.id).await == accepted
                    && !(lost(one) && lost(other))
                {
                    pairs.push((one, other));
                }
            }
        }

        pairs
    }

    /// Waits until nothing waits between those who have each other.
    async fn settle(&mut self) {
        let (latest, mut quiet) = (self.time.elapsed() + SETTLE_TIME, 0);
        while quiet < 3 {
            self.pass(Duration::from_secs(5)).await;
            let waiting = self.waiting(quiet == 2).await;
            quiet = if waiting.is_empty() { quiet + 1 } else { 0 };
            assert!(
                waiting.is_empty() || self.time.elapsed() < latest,
                "in calm, these wait in vain: {waiting:#?}"
            );
        }
    }

    /// What waits, or goes through groups that do not agree, if they are asked.
    async fn waiting(&self, ask_groups: bool) -> Vec<String> {
        let mut waiting = vec![];
        for (one, other) in self.pairs().await {
            let (a, b) = (&self.people[one], &self.people[other]);
            let (here, there) = (a.kept(b.id), b.kept(a.id));
            if here.waits()
                || there.waits()
                || (ask_groups && here.agreement() != there.agreement())
            {
                waiting.push(format!("P{one} {}\nP{other} {}", here.tell(), there.tell()));
            }
        }
        waiting
    }

    async fn end(&mut self) -> Tally {
        let pairs = self.pairs().await;
        for one in 0..self.people.len() {
            for other in one + 1..self.people.len() {
                let (a, b) = (self.history(one, other).await, self.history(other, one).await);
                self.oracle.compare((one, &a), (other, &b), pairs.contains(&(one, other)));
            }
        }

        for (one, other) in &pairs {
            self.check_pair(*one, *other);
        }

        for who in 0..self.people.len() {
            self.check_weight(who).await;
            self.people[who].sleep().await;
        }

        self.count(pairs.len())
    }

    fn count(&mut self, pairs: usize) -> Tally {
        let states = |state| self.oracle.states.values().filter(|other| **other == state).count();
        Tally {
            said: self.oracle.said.len(),
            delivered: states(MessageState::Delivered),
            cancelled: states(MessageState::Cancelled),
            expired: states(MessageState::Expired),
            pairs,
            simulated: self.time.elapsed(),
            ..self.tally.clone()
        }
    }

    async fn history(&self, who: Who, with: Who) -> Vec<crate::api::types::Message> {
        let id = self.people[with].hex();
        self.handle(who).unwrap().history(&id, 10_000, None).await.unwrap_or_default()
    }

    fn check_pair(&mut self, one: Who, other: Who) {
        let (a, b) = (&self.people[one], &self.people[other]);
        let (here, there) = (a.kept(b.id), b.kept(a.id));
        let agreement = here.agreement();

        assert_eq!(agreement, there.agreement());
        self.tally.epochs += agreement.unwrap().0;
        let written = self
            .oracle
            .said
            .values()
            .filter(|said| both(said.from, said.to) == (one, other))
            .count();
        for kept in [here, there] {
            let size = kept.state.map_or(0, |state| state.size());
            assert!(size < 300_000, "a conversation of {size} bytes");
            assert!(
                usize::try_from(kept.received).unwrap() <= written + self.tally.actions,
                "{} received",
                kept.received
            );
        }
    }

    /// Dead links and handshakes end in their time, and then nobody holds more than it needs.
    async fn check_weight(&mut self, who: Who) {
        let latest = self.time.elapsed() + 2 * SILENCE_LIMIT;
        while let Some(heavy) = self.too_heavy(who).await {
            assert!(self.time.elapsed() < latest, "P{who}: {heavy}");
            self.pass(Duration::from_secs(5)).await;
        }
    }

    async fn too_heavy(&self, who: Who) -> Option<String> {
        let (weight, tasks) = self.people[who].weigh().await.unwrap();
        let contacts = self.contacts(who).await;
        let accepted =
            contacts.iter().filter(|contact| contact.state == ContactState::Accepted).count();
        let online = contacts.iter().filter(|contact| contact.presence == Presence::Online).count();
        let is_right = weight.links == online
            && weight.admitted == accepted
            && weight.in_flight == 0
            && weight.held <= weight.links + contacts.len()
            && tasks <= 4 * contacts.len() + 2;

        (!is_right).then(|| {
            format!(
                "{weight:?}, {tasks} tasks, {accepted} accepted, {online} online, {} in all",
                contacts.len()
            )
        })
    }
}

pub(super) fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect(variable))
}
