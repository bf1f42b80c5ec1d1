//! Publishes our records at one server: renews them in time, sends changes at once, and says
//! goodbye when the node stops.

use std::sync::Arc;
use std::time::Duration;

use chive_shared::api::Code;
use chive_shared::epoch::Epoch;
use chive_shared::limits::{MINUTE, SECOND};
use chive_shared::record::Record;
use chive_shared::status::State;
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use hyper::Method;
use rand::Rng;
use rand::rngs::StdRng;
use tokio::sync::watch;

use super::http::ServerConnection;
use super::{PAUSES, ServerError, ServerRoute, work};
use crate::clock::Clock;
use crate::model::AnswerError;
use crate::presence::{Announcement, Announcer};
use crate::transport::IsolationToken;

/// Records for single contacts come up to so much later than the one for all, each at a time of its
/// own: the server must not see that they belong together.
const SPREAD: i64 = 45 * SECOND;

/// What is to be told from now on.
#[derive(Clone)]
pub struct Announcements {
    /// To all contacts first, then to single ones.
    pub announcements: Vec<Announcement>,
    /// This is the end: tell it and stop.
    pub last: bool,
}

/// What a writer has to say.
#[derive(Debug)]
pub enum WriterUpdate {
    /// The server has what contacts are to find.
    Announced,
    Failed(ServerError),
}

/// One of our records, and the circuit that it goes by.
struct Publication {
    says: Announcement,
    announcer: Announcer,
    isolation: Option<(Epoch, IsolationToken)>,
    failures: u32,
    /// The server has named a higher number of ours since it took a record last.
    overtaken: bool,
    /// It is for all contacts.
    for_all: bool,
    /// It is to be taken back.
    retired: bool,
}

pub struct PresenceWriter {
    pub route: ServerRoute,
    pub owner: SigningKey,
    pub announcements: watch::Receiver<Arc<Announcements>>,
    pub clock: Clock,
    pub rng: StdRng,
}

impl PresenceWriter {
    /// Runs until it has told the last, or until nobody is left to say anything. `report` hears
    /// what became of the record for all.
    pub async fn run<F: Future<Output = ()>>(mut self, report: impl Fn(WriterUpdate) -> F) {
        let (mut publications, mut price) = (vec![], 0);
        loop {
            let announcements = Arc::clone(&self.announcements.borrow_and_update());
            self.follow(&mut publications, &announcements);
            while let Some(due) = self.next_due(&publications) {
                let done = self.put(&mut publications[due], &mut price).await;
                match done {
                    Some(done) if publications[due].for_all && !publications[due].retired => {
                        report(done).await;
                    }
                    // Nobody is told of these: the log has to say why a contact does not find us.
                    Some(WriterUpdate::Failed(error)) => {
                        tracing::debug!(%error, "a server did not take another record");
                    }
                    Some(WriterUpdate::Announced) => {
                        tracing::debug!("a server took another record");
                    }
                    None => {}
                }

                publications.retain(|publication| {
                    !publication.retired || publication.announcer.is_due(self.clock.now().0)
                });

                // The last word is said whole: what was told under an older secret is taken back,
                // too.
                if !announcements.last && self.announcements.has_changed().unwrap_or(true) {
                    break;
                }
            }

            if announcements.last {
                return;
            }

            let pause = self.until_due(&publications);

            tokio::select! {
                changed = self.announcements.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What is to be taken back comes first: its circuit is there, and time may be short.
    fn next_due(&self, publications: &[Publication]) -> Option<usize> {
        let now = self.clock.now().0;
        let is_due = |publication: &Publication| publication.announcer.is_due(now);
        let retired =
            publications.iter().position(|publication| publication.retired && is_due(publication));
        retired.or_else(|| publications.iter().position(is_due))
    }

    fn until_due(&self, publications: &[Publication]) -> Duration {
        let due = publications
            .iter()
            .map(|publication| publication.announcer.due())
            .min()
            .unwrap_or(i64::MAX);
        Duration::from_millis(
            due.saturating_sub(self.clock.now().0).clamp(0, MINUTE).unsigned_abs(),
        )
    }

    /// Brings the publications in line with what is to be told.
    fn follow(&mut self, publications: &mut Vec<Publication>, announcements: &Announcements) {
        let now = self.clock.now().0;
        let mut before = std::mem::take(publications);
        for (index, says) in announcements.announcements.iter().enumerate() {
            let known =
                before.iter().position(|publication| publication.says.secret.0 == says.secret.0);
            let mut publication = known
                .map_or_else(|| self.fresh(says, index > 0), |known| before.swap_remove(known));
            if publication.says.state != says.state || publication.says.hint != says.hint {
                publication.announcer.publish_soon(now);
            }
            publication.says = says.clone();
            (publication.for_all, publication.retired) = (index == 0, false);
            publications.push(publication);
        }

        // What was told under a secret that is no longer ours is taken back.
        for mut publication in before {
            if !publication.retired {
                publication.says.state = None;
                publication.announcer.publish_soon(now);
            }
            publication.retired = true;
            publications.push(publication);
        }
    }

    fn fresh(&mut self, says: &Announcement, for_one: bool) -> Publication {
        let later = if for_one { self.rng.random_range(0..SPREAD) } else { 0 };
        let announcer = Announcer::new(self.route.server, self.clock.now().0 + later);
        Publication {
            says: says.clone(),
            announcer,
            isolation: None,
            failures: 0,
            overtaken: false,
            for_all: !for_one,
            retired: false,
        }
    }

    /// Nothing, if there is nothing to tell, or if the server knows a higher number of ours: after
    /// a start within the minute that is no failure, and the next one passes it.
    async fn put(&mut self, publication: &mut Publication, price: &mut u8) -> Option<WriterUpdate> {
        let now = self.clock.now().0;
        let Some(record) =
            publication.announcer.record(&self.owner, &publication.says, now, &mut self.rng)
        else {
            publication.announcer.taken(&publication.says, now, &mut self.rng);
            return None;
        };

        Some(match self.send(publication, &record, price).await {
            Ok(()) => {
                (publication.failures, publication.overtaken) = (0, false);
                publication.announcer.taken(&publication.says, self.clock.now().0, &mut self.rng);
                WriterUpdate::Announced
            }
            Err(error) => {
                let now = self.clock.now().0;
                if let Some(sequence) = error.overtaken_by(now)
                    && !publication.overtaken
                {
                    publication.announcer.overtaken(sequence, now);
                    publication.overtaken = true;
                    return None;
                }
                let pause = PAUSES.after(publication.failures).as_millis();
                publication.announcer.failed(now, i64::try_from(pause).unwrap_or(MINUTE));
                publication.failures = publication.failures.saturating_add(1);
                WriterUpdate::Failed(error)
            }
        })
    }

    async fn send(
        &mut self,
        publication: &mut Publication,
        record: &Record,
        price: &mut u8,
    ) -> Result<(), ServerError> {
        let isolation = self.isolation(publication);
        let mut connection =
            ServerConnection::open(&self.route, isolation, publication.failures).await?;
        for _ in 0..2 {
            let body =
                [&record.as_bytes()[..], &work(&self.route, record.as_bytes(), *price).await?]
                    .concat();
            let path = format!("/v1/records/{}", HEXLOWER.encode(&record.address().0));
            match connection.send(Method::PUT, &path, body).await {
                Err(ServerError::Refused(problem)) if problem.code == Code::WorkRequired => {
                    *price = problem.work.unwrap_or(u8::MAX);
                }
                done => return done,
            }
        }
        Err(ServerError::Protocol(AnswerError::Insatiable))
    }

    /// Another circuit in each epoch.
    fn isolation(&self, publication: &mut Publication) -> IsolationToken {
        let epoch = Epoch::at(self.clock.now().0);
        match publication.isolation {
            Some((of, isolation)) if of == epoch => isolation,
            before => {
                if let Some((_, isolation)) = before {
                    self.route.transport.forget(isolation);
                }
                let isolation = self.route.isolation.token();
                publication.isolation = Some((epoch, isolation));
                isolation
            }
        }
    }
}

impl Announcements {
    #[must_use]
    pub fn offline(&self, now: i64) -> Self {
        let announcements = self.announcements.iter().take(1).cloned();
        let gone = announcements.map(|says| Announcement {
            state: says.state.map(|_| State::Offline),
            since: now,
            ..says
        });
        Self { announcements: gone.collect(), last: true }
    }
}
