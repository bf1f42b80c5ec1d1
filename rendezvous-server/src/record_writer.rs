//! The keeper: one task that makes records last and puts them on the board. What many requests
//! bring at the same time goes into one transaction; nobody is answered before it is committed.
//!
//! Where other replicas write to the same database it also brings their changes, in their order.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use chive_shared::record::Record;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::board::{Board, Kept, Order};
use crate::clock::Clock;
use crate::limits::{CROWD, GATHER, MAX_TRANSACTION, POLL_EVERY, PURGE_EVERY, SWEEP_EVERY, Times};
use crate::metrics::Metrics;
use crate::store::{Put, Store, StoreError};

/// Why a record was not put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The address has another record.
    Order(Order),
    /// The board has no room for another address.
    Full,
    /// Too much waits to be written.
    Busy,
    /// The database could not take it; whether it did is not known.
    Unavailable,
    /// There is no room on the disk.
    DiskFull,
    /// The server is stopping.
    Stopping,
}

/// What became of a record.
pub type Verdict = Result<(), Refused>;

/// Records of one request, all checked, no two of one address.
struct Request {
    records: Vec<Record>,
    answer: oneshot::Sender<Vec<Verdict>>,
}

/// Hands records to the keeper.
#[derive(Clone)]
pub struct Keeper {
    requests: mpsc::Sender<Request>,
    /// Records that may still wait.
    room: Arc<tokio::sync::Semaphore>,
}

/// What the keeper works with.
pub struct Keeping {
    /// The database.
    pub store: Store,
    /// What readers see.
    pub board: Arc<Board>,
    /// The time.
    pub clock: Clock,
    /// How many addresses the board may have.
    pub most: usize,
    /// How long the database may take.
    pub times: Times,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Keeper {
    /// A handle, and the task to run. `queue` is how many records may wait.
    #[must_use]
    pub fn new(keeping: Keeping, queue: usize) -> (Self, Work) {
        let (sender, receiver) = mpsc::channel(queue.max(1));
        let keeper = Self { requests: sender, room: Arc::new(tokio::sync::Semaphore::new(queue)) };
        (keeper, Work { keeping, requests: receiver, behind: true, crowded: false })
    }

    /// Makes records last, and says what became of each. They were checked, but for what the board
    /// has.
    pub async fn put(&self, records: Vec<Record>) -> Vec<Verdict> {
        let count = records.len();
        let all = |refused| vec![Err(refused); count];
        let Ok(wanted) = u32::try_from(count) else { return all(Refused::Busy) };
        let Ok(_room) = self.room.try_acquire_many(wanted) else { return all(Refused::Busy) };
        let (answer, answered) = oneshot::channel();
        if self.requests.send(Request { records, answer }).await.is_err() {
            return all(Refused::Stopping);
        }
        answered.await.unwrap_or_else(|_| all(Refused::Stopping))
    }
}

/// The keeper's task.
pub struct Work {
    keeping: Keeping,
    requests: mpsc::Receiver<Request>,
    /// The database may have changes that the board does not.
    behind: bool,
    /// The last transaction was of many requests.
    crowded: bool,
}

impl Work {
    /// Brings everything from the database onto the board.
    pub async fn load(&mut self) -> Result<(), StoreError> {
        self.catch_up(None).await?;
        self.keeping.board.sweep(self.keeping.clock.now());
        Ok(())
    }

    /// Runs until it is stopped and all that was accepted is answered.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut sweep = tokio::time::interval(SWEEP_EVERY);
        let mut purge = tokio::time::interval(PURGE_EVERY);
        let mut poll = tokio::time::interval(POLL_EVERY);
        for timer in [&mut sweep, &mut purge, &mut poll] {
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        }

        let shared = self.keeping.store.is_shared();
        let news = self.keeping.store.news();
        loop {
            tokio::select! {
                biased;
                // What comes seldom first: under load there is always another request.
                () = stop.cancelled() => break,
                _ = sweep.tick() => self.keeping.board.sweep(self.keeping.clock.now()),
                _ = purge.tick() => self.purge().await,
                _ = poll.tick(), if shared => self.look_around().await,
                Some(first) = self.requests.recv() => self.put_with(first).await,
                () = told(news.as_deref()) => self.look_around().await,
            }
        }

        self.requests.close();
        while let Some(request) = self.requests.recv().await {
            self.put_with(request).await;
        }
    }

    /// Puts a request's records together with all that wait already.
    async fn put_with(&mut self, first: Request) {
        if self.crowded {
            // One transaction for twice as many costs hardly more.
            tokio::time::sleep(GATHER).await;
        }

        let mut count = first.records.len();
        let mut requests = vec![first];
        while count < MAX_TRANSACTION
            && let Ok(next) = self.requests.try_recv()
        {
            count += next.records.len();
            requests.push(next);
        }

        self.crowded = requests.len() >= CROWD;
        let mut group = Group::new(&requests);
        while group.has_more() {
            self.put_round(&mut group).await;
        }

        for (request, verdicts) in requests.into_iter().zip(group.into_verdicts()) {
            // Nobody waits any more: it lasts all the same.
            let _ = request.answer.send(verdicts);
        }
    }

    /// Puts the records of a group that can go into one transaction: no two of one address.
    async fn put_round(&mut self, group: &mut Group) {
        let round = group.next_round(&self.keeping.board, self.keeping.most);
        if round.records.is_empty() {
            return;
        }

        let began = Instant::now();
        let outcome = self.put_in_time(&round.records).await;

        self.keeping.metrics.committed(began.elapsed(), outcome.is_ok());
        match outcome {
            Ok(results) => group.done(&round, results),
            Err(error) => {
                tracing::warn!(%error, "records could not be stored");
                let refused = if matches!(error, StoreError::Full) {
                    Refused::DiskFull
                } else {
                    Refused::Unavailable
                };
                group.done(&round, vec![Err(refused); round.records.len()]);
            }
        }
    }

    async fn put_in_time(&mut self, records: &[Record]) -> Result<Vec<Verdict>, StoreError> {
        let limit = self.keeping.times.storage;
        let put = async {
            if self.behind {
                self.catch_up(None).await?;
            }
            // Should this fail or be given up, it may have been done all the same.
            self.behind = true;
            let now = self.keeping.clock.now();
            let newest = self.keeping.board.cursor().change;
            let put = self.keeping.store.put(records, newest, now).await?;
            if put.before > newest {
                self.catch_up(Some(put.before)).await?;
            }
            self.behind = false;
            Ok(self.show(records, put, now))
        };
        match tokio::time::timeout(limit, put).await {
            Ok(outcome) => outcome,
            Err(_) => Err(StoreError::Database("it takes too long".into())),
        }
    }

    /// Puts on the board what is in the database.
    fn show(&self, records: &[Record], put: Put, now: i64) -> Vec<Verdict> {
        let kept: Vec<Kept> = records
            .iter()
            .zip(&put.results)
            .filter_map(|(record, result)| {
                result.ok().map(|change| Kept { record: *record, change, taken: now })
            })
            .collect();
        self.keeping.board.apply(&kept, now);
        let verdict = |result| match result {
            Ok(_) | Err(Order::Same) => Ok(()),
            Err(order) => Err(Refused::Order(order)),
        };
        put.results.into_iter().map(verdict).collect()
    }

    /// Brings what the database has and the board does not, up to a change or to the last.
    async fn catch_up(&mut self, up_to: Option<u64>) -> Result<(), StoreError> {
        loop {
            let newest = self.keeping.board.cursor().change;
            if up_to.is_some_and(|up_to| newest >= up_to) {
                return Ok(());
            }
            let mut kept = self.keeping.store.since(newest, MAX_TRANSACTION).await?;
            let read = kept.len();
            kept.retain(|kept| up_to.is_none_or(|up_to| kept.change <= up_to));
            self.keeping.board.apply(&kept, self.keeping.clock.now());
            if read < MAX_TRANSACTION || kept.len() < read {
                self.behind = false;
                return Ok(());
            }
        }
    }

    /// Brings what other replicas wrote.
    async fn look_around(&mut self) {
        let limit = self.keeping.times.storage;
        let outcome = tokio::time::timeout(limit, self.catch_up(None)).await;
        self.keeping.metrics.looked(matches!(outcome, Ok(Ok(()))));
        if let Ok(Err(error)) = outcome {
            tracing::debug!(%error, "the database could not be read");
        }
    }

    async fn purge(&mut self) {
        let purge = self.keeping.store.purge(self.keeping.clock.now());
        match tokio::time::timeout(self.keeping.times.storage, purge).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "what is dead could not be deleted"),
            Err(_) => tracing::warn!("what is dead could not be deleted in time"),
        }
        if let Ok(handles) = self.keeping.store.handles().await {
            self.keeping.metrics.handles(handles);
        }
    }
}

async fn told(news: Option<&Notify>) {
    match news {
        Some(news) => news.notified().await,
        None => std::future::pending().await,
    }
}

/// Records of several requests, on their way into the database.
struct Group {
    records: Vec<Record>,
    verdicts: Vec<Option<Verdict>>,
    /// The number of records of each request.
    sizes: Vec<usize>,
}

/// What goes into one transaction, and where in the group it stands.
struct Round {
    records: Vec<Record>,
    places: Vec<usize>,
}

impl Group {
    fn new(requests: &[Request]) -> Self {
        let records: Vec<Record> =
            requests.iter().flat_map(|request| &request.records).copied().collect();
        let sizes = requests.iter().map(|request| request.records.len()).collect();
        Self { verdicts: vec![None; records.len()], records, sizes }
    }

    fn has_more(&self) -> bool {
        self.verdicts.iter().any(Option::is_none)
    }

    /// The next records that may be put together; those that the board refuses are judged at once.
    fn next_round(&mut self, board: &Board, most: usize) -> Round {
        let mut round = Round { records: Vec::new(), places: Vec::new() };
        let mut addresses = HashSet::new();
        let mut room = most.saturating_sub(board.known());
        for (place, record) in self.records.iter().enumerate() {
            if self.verdicts[place].is_some() || !addresses.insert(record.address()) {
                continue;
            }

            match board.order(record) {
                Order::Same => self.verdicts[place] = Some(Ok(())),
                Order::Newer if room == 0 && !board.has(&record.address()) => {
                    self.verdicts[place] = Some(Err(Refused::Full));
                }
                Order::Newer => {
                    room = room.saturating_sub(usize::from(!board.has(&record.address())));
                    round.records.push(*record);
                    round.places.push(place);
                }
                order => self.verdicts[place] = Some(Err(Refused::Order(order))),
            }
        }

        round
    }

    fn done(&mut self, round: &Round, verdicts: Vec<Verdict>) {
        for (place, verdict) in round.places.iter().zip(verdicts) {
            self.verdicts[*place] = Some(verdict);
        }
    }

    fn into_verdicts(self) -> Vec<Vec<Verdict>> {
        let mut all =
            self.verdicts.into_iter().map(|verdict| verdict.unwrap_or(Err(Refused::Unavailable)));
        self.sizes.into_iter().map(|size| all.by_ref().take(size).collect()).collect()
    }
}
