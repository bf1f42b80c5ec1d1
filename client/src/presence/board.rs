//! What one server shows of our contacts. The server is not trusted: every record is checked, none
//! is replaced by an older one, and expired ones are forgotten. No I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chive_shared::blinding::{Address, PresenceKey, PresenceSecret};
use chive_shared::epoch::Epoch;
use chive_shared::limits::MAX_BUCKET_BITS;
use chive_shared::record::{Record, RecordReader};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{State, Status};

use crate::model::ContactId;

/// A contact to look for.
#[derive(Clone)]
pub struct Subject {
    pub contact: ContactId,
    /// What its records are signed with, before blinding.
    pub key: PresenceKey,
    /// What blinds and seals them.
    pub secret: PresenceSecret,
}

#[derive(Clone, Copy, Debug)]
pub struct PresenceUpdate {
    pub contact: ContactId,
    pub status: Status,
    /// When it was written, to the minute, Unix milliseconds.
    pub written: i64,
    /// When it dies, Unix milliseconds.
    pub dies: i64,
}

/// What an honest server never does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehavior {
    /// A record that is older than one that it showed before.
    #[error("it showed an older record after a newer one")]
    Older,
    /// Two records with one number.
    #[error("it showed two different records with one number")]
    Contradiction,
    /// A cursor below one that it gave before.
    #[error("its board goes back in time")]
    Cursor,
    /// A record at a contact's address that the contact has not signed.
    #[error("it showed a record that its owner did not sign")]
    Forged,
}

/// A contact's address in one epoch, and the newest record seen there.
struct BoardEntry {
    subject: usize,
    reader: RecordReader,
    newest: Option<(Record, PresenceUpdate)>,
}

/// The part of a server's board that concerns us.
pub struct Board {
    server: ServerId,
    subjects: Vec<Subject>,
    entries: HashMap<Address, BoardEntry>,
    epoch: Option<Epoch>,
}

impl Board {
    #[must_use]
    pub fn new(server: ServerId) -> Self {
        Self { server, subjects: vec![], entries: HashMap::new(), epoch: None }
    }

    /// Looks for these contacts from now on. What was seen at addresses that stay is kept.
    pub fn look_for(&mut self, subjects: Vec<Subject>, now: i64) {
        self.subjects = subjects;
        self.epoch = None;
        self.turn(now);
    }

    /// Whether anybody is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// Computes the addresses again when an epoch begins; true if there are others now.
    pub fn turn(&mut self, now: i64) -> bool {
        let epoch = Epoch::at(now);
        if self.epoch == Some(epoch) {
            return false;
        }

        self.epoch = Some(epoch);
        let mut before = std::mem::take(&mut self.entries);
        for (index, subject) in self.subjects.iter().enumerate() {
            for epoch in Epoch::candidates(now) {
                let reader = RecordReader::new(&subject.key, &subject.secret, epoch, self.server);
                let address = reader.address();
                let newest = before.remove(&address).and_then(|entry| entry.newest);
                self.entries.insert(address, BoardEntry { subject: index, reader, newest });
            }
        }

        true
    }

    /// Takes one record of the board or of its changes, and says what is known of its contact now.
    /// `None`: it is a stranger's, or nothing new.
    pub fn take(
        &mut self,
        record: &Record,
        now: i64,
    ) -> Result<Option<PresenceUpdate>, Misbehavior> {
        let Some(entry) = self.entries.get_mut(&record.address()) else { return Ok(None) };
        let Some(subject) = self.subjects.get(entry.subject) else { return Ok(None) };
        if let Some((newest, _)) = &entry.newest {
            if newest == record {
                return Ok(None);
            }
            // Only what the contact has signed can accuse the server.
            if record.sequence() <= newest.sequence() && record.verify(&self.server).is_ok() {
                let same = record.sequence() == newest.sequence();
                return Err(if same { Misbehavior::Contradiction } else { Misbehavior::Older });
            }
        }

        let status = match entry.reader.read(record, now) {
            Ok(status) => status,
            Err(chive_shared::record::ReadError::Record(_)) => return Err(Misbehavior::Forged),
            // Dead or of the future by our clock, or of a later version: nothing is known.
            Err(_) => return Ok(None),
        };
        let (contact, written) = (subject.contact, record.sequence().written_at());
        entry.newest = Some((
            *record,
            PresenceUpdate { contact, status, written, dies: record.effective_expiry(now) },
        ));

        Ok(self.known_of(contact, now))
    }

    /// A contact may have a record for all and one for us alone. Under one secret the last number
    /// counts. Between the two, the later card does; then that it is there, for the other was only
    /// taken back.
    fn known_of(&self, contact: ContactId, now: i64) -> Option<PresenceUpdate> {
        let mut last: BTreeMap<usize, (Sequence, &PresenceUpdate)> = BTreeMap::new();
        for entry in self.entries.values() {
            let Some((record, update)) =
                entry.newest.as_ref().filter(|(_, update)| update.contact == contact)
            else {
                continue;
            };
            let other = last.entry(entry.subject).or_insert((record.sequence(), update));
            *other = std::cmp::max_by_key((record.sequence(), update), *other, |(sequence, _)| {
                *sequence
            });
        }

        let living =
            last.into_values().map(|(_, update)| update).filter(|update| update.dies > now);
        let weight = |update: &&PresenceUpdate| {
            let revision = update.status.hint.map(|hint| hint.revision);
            (revision, update.status.state != State::Offline, update.written)
        };

        living.max_by_key(weight).copied()
    }

    /// The highest number seen of each contact.
    #[must_use]
    pub fn newest(&self) -> BTreeMap<ContactId, Sequence> {
        let mut all = BTreeMap::new();
        for entry in self.entries.values() {
            if let Some((record, update)) = &entry.newest {
                let highest = all.entry(update.contact).or_insert(record.sequence());
                *highest = record.sequence().max(*highest);
            }
        }
        all
    }

    /// The buckets with our contacts' addresses, among so many that the number of contacts does not
    /// show: as many again are taken by chance, at least eight together.
    pub fn buckets(&self, bits: u8, mut dice: impl FnMut() -> u8) -> BTreeSet<u8> {
        let bits = bits.min(MAX_BUCKET_BITS);
        let all = 1_usize << bits;
        let mut chosen: BTreeSet<u8> =
            self.entries.keys().map(|address| address.bucket(bits)).collect();
        let wanted = (2 * chosen.len()).max(LEAST_BUCKETS).next_power_of_two().min(all);
        while chosen.len() < wanted {
            chosen.insert(if bits == 0 { 0 } else { dice() >> (8 - bits) });
        }
        chosen
    }
}

/// The fewest buckets that are asked for, where there are so many.
pub(super) const LEAST_BUCKETS: usize = 8;

#[cfg(test)]
mod tests {
    use chive_shared::blinding::Signer;
    use chive_shared::limits::{EPOCH, MINUTE};
    use chive_shared::record::RecordDraft;
    use chive_shared::status::Hint;
    use ed25519_dalek::SigningKey;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::super::{Announcement, Announcer};
    use super::*;

    const SERVER: ServerId = ServerId([9; 32]);
    const NOW: i64 = 490_000 * EPOCH + 20 * MINUTE;

    fn bob() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn says(state: State) -> Announcement {
        Announcement { secret: PresenceSecret([2; 32]), state: Some(state), since: NOW, hint: None }
    }

    /// Records of Bob, each later than the one before.
    fn records(states: &[State]) -> Vec<Record> {
        let (mut announcer, mut rng) = (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
        states
            .iter()
            .map(|state| announcer.record(&bob(), &says(*state), NOW, &mut rng).unwrap())
            .collect()
    }

    fn board() -> Board {
        let key = PresenceKey::from_bytes(bob().verifying_key().as_bytes()).unwrap();
        let mut board = Board::new(SERVER);
        board.look_for(
            vec![Subject { contact: ContactId(7), key, secret: PresenceSecret([2; 32]) }],
            NOW,
        );
        board
    }

    #[test]
    fn a_contacts_record_is_news_once() {
        let (mut board, records) = (board(), records(&[State::Online, State::Away]));
        let update = board.take(&records[0], NOW).unwrap().unwrap();
        assert_eq!((update.contact, update.status.state), (ContactId(7), State::Online));
        assert!(board.take(&records[0], NOW).unwrap().is_none());
        assert_eq!(board.take(&records[1], NOW).unwrap().unwrap().status.state, State::Away);
    }

    #[test]
    fn a_server_that_goes_back_contradicts_or_forges_is_caught() {
        let (mut board, mut records) = (board(), records(&[State::Online, State::Offline]));
        board.take(&records[1], NOW).unwrap();
        assert_eq!(board.take(&records[0], NOW).unwrap_err(), Misbehavior::Older);
        let other = self::records(&[State::Away, State::Away]).remove(1);
        assert_ne!(other, records[1]);
        assert_eq!(board.take(&other, NOW).unwrap_err(), Misbehavior::Contradiction);
        let mut bytes = *records.remove(0).as_bytes();
        bytes[200] ^= 1;
        let forged = Record::from_bytes(&bytes).unwrap();
        assert_eq!(self::board().take(&forged, NOW).unwrap_err(), Misbehavior::Forged);
        assert_eq!(board.take(&forged, NOW).unwrap_err(), Misbehavior::Forged);
    }

    #[test]
    fn a_withdrawn_forwarded_record_hides_nobody() {
        let secrets = [PresenceSecret([2; 32]), PresenceSecret([3; 32])];
        let [all, alone] = secrets.clone().map(|secret| {
            let (mut announcer, mut rng) =
                (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
            move |state, revision, now| {
                let hint = Some(Hint { revision, endpoint: [4; 32] });
                let says =
                    Announcement { secret: secret.clone(), state: Some(state), since: NOW, hint };
                announcer.record(&bob(), &says, now, &mut rng).unwrap()
            }
        });
        let (mut all, mut alone) = (all, alone);
        let key = PresenceKey::from_bytes(bob().verifying_key().as_bytes()).unwrap();
        let mut board = Board::new(SERVER);

        board.look_for(
            secrets.map(|secret| Subject { contact: ContactId(7), key, secret }).into(),
            NOW,
        );
        let mut sees =
            |record: Record, now| board.take(&record, now).unwrap().unwrap().status.state;
        assert_eq!(sees(all(State::Offline, 1, NOW), NOW), State::Offline);

        // The one for all is under a secret that we do not know yet.
        assert_eq!(sees(alone(State::Online, 2, NOW), NOW), State::Online);
        assert_eq!(sees(all(State::Offline, 1, NOW + MINUTE), NOW + MINUTE), State::Online);

        // We know it, and are spoken to alone no more.
        assert_eq!(sees(all(State::Online, 2, NOW + MINUTE), NOW + MINUTE), State::Online);
        assert_eq!(
            sees(alone(State::Offline, 2, NOW + 2 * MINUTE), NOW + 2 * MINUTE),
            State::Online
        );
        assert_eq!(
            sees(all(State::Offline, 2, NOW + 3 * MINUTE), NOW + 3 * MINUTE),
            State::Offline
        );
    }

    #[test]
    fn in_a_new_epoch_the_last_word_counts() {
        let mut board = board();
        let (mut announcer, mut rng) = (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
        let mut sees = |state, now| {
            let record = announcer.record(&bob(), &says(state), now, &mut rng).unwrap();
            board.turn(now);
            board.take(&record, now).unwrap().unwrap().status.state
        };
        let turn = NOW - NOW % EPOCH + EPOCH;
        assert_eq!(sees(State::Online, turn - 1), State::Online);
        assert_eq!(sees(State::Offline, turn), State::Offline);
    }

    #[test]
    fn strangers_and_the_dead_are_nothing() {
        let record = records(&[State::Online]).remove(0);
        let mut empty = Board::new(SERVER);
        empty.look_for(vec![], NOW);
        assert!(empty.take(&record, NOW).unwrap().is_none());
        assert!(board().take(&record, NOW + 40 * MINUTE).unwrap().is_none());
    }

    #[test]
    fn a_record_of_the_far_future_outweighs_nothing() {
        let (epoch, secret) = (Epoch::at(NOW), PresenceSecret([2; 32]));
        let status = Status { state: State::Away, since: NOW, hint: None };
        let (sequence, expires) = (Sequence(u64::MAX), NOW + MINUTE);
        let draft = RecordDraft { epoch, sequence, expires, status };
        let signer = Signer::new(&bob(), &secret, epoch, &SERVER);
        let future = Record::make(&signer, &secret, &SERVER, draft, [4; 24]);

        let (mut board, honest) = (board(), records(&[State::Online]).remove(0));
        assert!(board.take(&future, NOW).unwrap().is_none());
        assert_eq!(board.take(&honest, NOW).unwrap().unwrap().status.state, State::Online);
        assert_eq!(board.newest().into_values().max(), Some(honest.sequence()));
    }

    #[test]
    fn what_was_seen_survives_the_turn_of_an_epoch() {
        let (mut board, records) = (board(), records(&[State::Online, State::Away]));
        board.take(&records[1], NOW).unwrap();
        assert!(!board.turn(NOW + 1) && board.turn(NOW + EPOCH));
        assert_eq!(board.take(&records[0], NOW + EPOCH).unwrap_err(), Misbehavior::Older);
    }

    #[test]
    fn buckets_hide_how_many_contacts_there_are() {
        let mut number = 0_u8;
        let mut dice = || {
            number = number.wrapping_add(37);
            number
        };
        let (board, empty) = (board(), Board::new(SERVER));

        assert_eq!(board.buckets(0, &mut dice).len(), 1);
        assert_eq!(board.buckets(2, &mut dice).len(), 4);
        for bits in 4..=8 {
            assert_eq!(board.buckets(bits, &mut dice).len(), LEAST_BUCKETS);
            assert_eq!(empty.buckets(bits, &mut dice).len(), LEAST_BUCKETS);
            let ours = board.entries.keys().map(|address| address.bucket(bits));
            let chosen = board.buckets(bits, &mut dice);
            assert!(ours.into_iter().all(|bucket| chosen.contains(&bucket)));
        }
    }
}
