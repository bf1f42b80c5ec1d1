//! Puts our records on one server: fresh ones in their time, changed ones at once, and a last word
//! at a clean end.

use std::sync::Arc;
use std::time::Duration;

use chive_shared::api::Code;
use chive_shared::epoch::Epoch;
use chive_shared::limits::{MINUTE, SECOND};
use chive_shared::record::Record;
use chive_shared::sequence::Sequence;
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
use crate::model::AnswerFault;
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
        let (mut posts, mut price) = (vec![], 0);
        loop {
            let announcements = Arc::clone(&self.announcements.borrow_and_update());
            self.follow(&mut posts, &announcements);
            while let Some(due) = self.next_due(&posts) {
                let done = self.put(&mut posts[due], &mut price).await;
                match done {
                    Some(done) if posts[due].for_all && !posts[due].retired => report(done).await,
                    // Nobody is told of these: the log has to say why a contact does not find us.
                    Some(WriterUpdate::Failed(error)) => {
                        tracing::debug!(%error, "a server did not take another record");
                    }
                    Some(WriterUpdate::Announced) => {
                        tracing::debug!("a server took another record");
                    }
                    None => {}
                }

                posts.retain(|post| !(post.retired && post.announcer.due() > self.clock.now().0));

                // The last word is said whole: what was told under an older secret is taken back,
                // too.
                if !announcements.last && self.announcements.has_changed().unwrap_or(true) {
                    break;
                }
            }

            if announcements.last {
                return;
            }

            let pause = self.until_due(&posts);

            tokio::select! {
                changed = self.announcements.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// What is to be taken back comes first: its circuit is there, and time may be short.
    fn next_due(&self, posts: &[Publication]) -> Option<usize> {
        let now = self.clock.now().0;
        let is_due = |post: &Publication| post.announcer.due() <= now;
        let retired = posts.iter().position(|post| post.retired && is_due(post));
        retired.or_else(|| posts.iter().position(is_due))
    }

    fn until_due(&self, posts: &[Publication]) -> Duration {
        let due = posts.iter().map(|post| post.announcer.due()).min().unwrap_or(i64::MAX);
        Duration::from_millis(
            due.saturating_sub(self.clock.now().0).clamp(0, MINUTE).unsigned_abs(),
        )
    }

    /// Brings the posts in line with what is to be told.
    fn follow(&mut self, posts: &mut Vec<Publication>, announcements: &Announcements) {
        let now = self.clock.now().0;
        let mut before = std::mem::take(posts);
        for (place, says) in announcements.announcements.iter().enumerate() {
            let known = before.iter().position(|post| post.says.secret.0 == says.secret.0);
            let mut post = known
                .map_or_else(|| self.fresh(says, place > 0), |known| before.swap_remove(known));
            if post.says.state != says.state || post.says.hint != says.hint {
                post.announcer.publish_soon(now);
            }
            post.says = says.clone();
            (post.for_all, post.retired) = (place == 0, false);
            posts.push(post);
        }

        // What was told under a secret that is no longer ours is taken back.
        for mut post in before {
            if !post.retired {
                post.says.state = None;
                post.announcer.publish_soon(now);
            }
            post.retired = true;
            posts.push(post);
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
    async fn put(&mut self, post: &mut Publication, price: &mut u8) -> Option<WriterUpdate> {
        let now = self.clock.now().0;
        let Some(record) = post.announcer.record(&self.owner, &post.says, now, &mut self.rng)
        else {
            post.announcer.taken(&post.says, now, &mut self.rng);
            return None;
        };

        Some(match self.send(post, &record, price).await {
            Ok(()) => {
                (post.failures, post.overtaken) = (0, false);
                post.announcer.taken(&post.says, self.clock.now().0, &mut self.rng);
                WriterUpdate::Announced
            }
            Err(error) => {
                let now = self.clock.now().0;
                if let ServerError::Refused(problem) = &error
                    && let Some(sequence) = problem.sequence
                    && !post.overtaken
                {
                    post.announcer.overtaken(Sequence(sequence), now);
                    post.overtaken = true;
                    return None;
                }
                let pause = PAUSES.after(post.failures).as_millis();
                post.announcer.failed(now, i64::try_from(pause).unwrap_or(MINUTE));
                post.failures = post.failures.saturating_add(1);
                WriterUpdate::Failed(error)
            }
        })
    }

    async fn send(
        &mut self,
        post: &mut Publication,
        record: &Record,
        price: &mut u8,
    ) -> Result<(), ServerError> {
        let isolation = self.isolation(post);
        let mut connection = ServerConnection::open(&self.route, isolation, post.failures).await?;
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
        Err(ServerError::Protocol(AnswerFault::Insatiable))
    }

    /// Another circuit in each epoch.
    fn isolation(&self, post: &mut Publication) -> IsolationToken {
        let epoch = Epoch::at(self.clock.now().0);
        match post.isolation {
            Some((of, isolation)) if of == epoch => isolation,
            before => {
                if let Some((_, isolation)) = before {
                    self.route.transport.forget(isolation);
                }
                let isolation = self.route.isolation.token();
                post.isolation = Some((epoch, isolation));
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
