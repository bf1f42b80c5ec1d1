//! Decides which presence records we publish at one server, and when. A pure state machine: the
//! caller passes the time and sends the records.

use chive_shared::blinding::{PresenceSecret, Signer};
use chive_shared::epoch::Epoch;
use chive_shared::limits::{MAX_RECORD_LIFE, MINUTE, REFRESH};
use chive_shared::record::{Record, RecordDraft};
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;
use chive_shared::status::{Hint, State, Status};
use ed25519_dalek::SigningKey;
use rand::{CryptoRng, Rng};

/// What contacts are to find.
#[derive(Clone)]
pub struct Announcement {
    /// What blinds and seals it.
    pub secret: PresenceSecret,
    /// `None` for nothing at all.
    pub state: Option<State>,
    /// Since when, Unix milliseconds.
    pub since: i64,
    pub hint: Option<Hint>,
}

/// One server's records of ours. Under one secret: a renewed one begins with another announcer.
pub struct Announcer {
    server: ServerId,
    /// The last record that was made.
    last: Option<(Epoch, Sequence)>,
    /// When the next is due, Unix milliseconds.
    due: i64,
}

impl Announcer {
    #[must_use]
    pub fn new(server: ServerId, now: i64) -> Self {
        Self { server, last: None, due: now }
    }

    /// When the next record is due, Unix milliseconds.
    #[must_use]
    pub fn due(&self) -> i64 {
        self.due
    }

    /// Whether the next record is due. A time further ahead than any pause is of a clock that has
    /// been set back since.
    #[must_use]
    pub fn is_due(&self, now: i64) -> bool {
        self.due <= now || self.due > now.saturating_add(*REFRESH.end() + MINUTE)
    }

    /// Something changed: tell it at once.
    pub fn publish_soon(&mut self, now: i64) {
        self.due = self.due.min(now);
    }

    /// The epoch of a record that is made now.
    #[must_use]
    pub fn epoch(now: i64) -> Epoch {
        Epoch::at(now)
    }

    /// The next record. `None` if nothing is to be told and nothing was.
    pub fn record(
        &mut self,
        owner: &SigningKey,
        says: &Announcement,
        now: i64,
        rng: &mut dyn CryptoRng,
    ) -> Option<Record> {
        // Who becomes invisible takes back what it has said.
        let state = says.state.or_else(|| self.last.map(|_| State::Offline))?;
        let epoch = Epoch::at(now);
        // A number of the future was made by a clock that ran ahead; no server has taken it.
        let before = self.last.filter(|(of, last)| *of == epoch && !last.is_in_future(now));
        let before = before.map(|(_, sequence)| sequence);
        let sequence = Sequence::next(now, before);
        self.last = Some((epoch, sequence));
        let mut nonce = [0; 24];
        rng.fill_bytes(&mut nonce);
        let status = Status { state, since: says.since, hint: says.hint };
        let draft = RecordDraft { epoch, sequence, expires: now + MAX_RECORD_LIFE, status };
        let signer = Signer::new(owner, &says.secret, epoch, &self.server);
        Some(Record::make(&signer, &says.secret, &self.server, draft, nonce))
    }

    /// The server has taken the last record.
    pub fn taken(&mut self, says: &Announcement, now: i64, rng: &mut dyn CryptoRng) {
        if says.state.is_none() {
            self.last = None;
        }
        self.due = now + rng.random_range(REFRESH);
    }

    /// The server knows a higher number of ours: our clock was ahead, or another copy of the
    /// profile ran.
    pub fn overtaken(&mut self, by: Sequence, now: i64) {
        self.last = Some((Epoch::at(now), by));
        self.due = now;
    }

    /// The server did not take it; `pause` milliseconds later we try again.
    pub fn failed(&mut self, now: i64, pause: i64) {
        self.due = now + pause;
    }
}

#[cfg(test)]
mod tests {
    use chive_shared::blinding::PresenceKey;
    use chive_shared::limits::EPOCH;
    use chive_shared::record::RecordReader;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    const SERVER: ServerId = ServerId([9; 32]);
    const NOW: i64 = 490_000 * EPOCH + 7;

    fn owner() -> SigningKey {
        SigningKey::from_bytes(&[1; 32])
    }

    fn says(state: Option<State>) -> Announcement {
        let hint = Some(Hint { revision: 3, endpoint: [4; 32] });
        Announcement { secret: PresenceSecret([2; 32]), state, since: NOW, hint }
    }

    fn reads(record: &Record, now: i64) -> Status {
        let key = PresenceKey::from_bytes(owner().verifying_key().as_bytes()).unwrap();
        RecordReader::new(&key, &PresenceSecret([2; 32]), Epoch::at(now), SERVER)
            .read(record, now)
            .unwrap()
    }

    #[test]
    fn contacts_read_records_and_sequences_rise_across_epochs() {
        let (mut announcer, mut rng) = (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
        assert_eq!(announcer.due(), NOW);

        let mut last = None;
        for now in [NOW, NOW + 1, NOW + EPOCH] {
            let record =
                announcer.record(&owner(), &says(Some(State::Online)), now, &mut rng).unwrap();
            assert_eq!(
                reads(&record, now),
                Status { state: State::Online, since: NOW, hint: says(None).hint }
            );
            assert!(last < Some(record.sequence()));
            last = Some(record.sequence());
            announcer.taken(&says(Some(State::Online)), now, &mut rng);
            assert!(REFRESH.contains(&(announcer.due() - now)));
        }
    }

    #[test]
    fn who_is_invisible_takes_back_what_it_said_and_says_no_more() {
        let (mut announcer, mut rng) = (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
        assert!(announcer.record(&owner(), &says(None), NOW, &mut rng).is_none());
        announcer.record(&owner(), &says(Some(State::Away)), NOW, &mut rng).unwrap();
        let record = announcer.record(&owner(), &says(None), NOW, &mut rng).unwrap();
        assert_eq!(reads(&record, NOW).state, State::Offline);
        announcer.taken(&says(None), NOW, &mut rng);
        assert!(announcer.record(&owner(), &says(None), NOW, &mut rng).is_none());
    }

    #[test]
    fn a_higher_number_at_the_server_is_passed() {
        let (mut announcer, mut rng) = (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
        let ahead = Sequence::next(NOW + 5 * 60_000, None);
        announcer.overtaken(ahead, NOW);
        let record = announcer.record(&owner(), &says(Some(State::Online)), NOW, &mut rng).unwrap();
        assert!(record.sequence() > ahead && announcer.due() == NOW);
    }

    #[test]
    fn a_clock_that_ran_ahead_delays_no_later_record() {
        let (mut announcer, mut rng) = (Announcer::new(SERVER, NOW), StdRng::from_seed([0; 32]));
        let says = says(Some(State::Online));
        let ahead = NOW + EPOCH / 2;
        announcer.record(&owner(), &says, ahead, &mut rng).unwrap();
        announcer.taken(&says, ahead, &mut rng);
        assert!(!announcer.is_due(ahead + 1) && announcer.is_due(ahead + 8 * MINUTE));

        assert!(announcer.is_due(NOW));
        let record = announcer.record(&owner(), &says, NOW, &mut rng).unwrap();
        assert_eq!(record.check_time(NOW), Ok(()));
    }
}
