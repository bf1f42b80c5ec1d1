//! Reads one server's board, and follows its changes: all of it, or whole buckets, so that it does
//! not learn whom we look for.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chive_shared::api::Info;
use chive_shared::board::{self, Bucket, Cursor, Parser};
use chive_shared::limits::RECORD;
use chive_shared::record::Record;
use data_encoding::BASE64;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use http_body_util::BodyExt;
use hyper::Method;
use hyper::body::{Bytes, Incoming};
use rand::RngCore;
use rand::rngs::StdRng;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::http::ServerConnection;
use super::{ANSWER_DEADLINE, PAUSES, ServerError, ServerRoute};
use crate::clock::Clock;
use crate::model::AnswerError;
use crate::presence::{Board, Misbehavior, PresenceUpdate, Subject};
use crate::transport::IsolationToken;

/// The most records of one bucket, or of a board that is not cut: 7 MB. An honest server cuts its
/// board long before.
const MAX_RECORDS: usize = 32 * 1024;
/// From the head of a board, or of a bucket, to its last byte.
const BOARD_DEADLINE: Duration = Duration::from_mins(5);
/// The most records of one answer about changes, or of one event of the stream.
const MAX_CHANGES: usize = 16 * 1024;
/// A stream on which nothing came for so long is dead: a server says something every half minute.
const SILENCE: Duration = Duration::from_mins(2);

/// What a reader has to say.
#[derive(Debug)]
pub enum ReaderUpdate {
    /// The board was read to its end, and its changes follow; the server says that so many records
    /// live.
    Read(u64),
    Seen(PresenceUpdate),
    /// Nothing is known for now.
    Failed(ServerError),
}

pub struct BoardReader {
    pub route: ServerRoute,
    pub subjects: watch::Receiver<Arc<Vec<Subject>>>,
    pub clock: Clock,
    pub rng: StdRng,
}

impl BoardReader {
    /// Runs until nobody is left to say whom to look for.
    pub async fn run<F: Future<Output = ()>>(mut self, report: impl Fn(ReaderUpdate) -> F) {
        let (mut board, isolation) = (Board::new(self.route.server), self.route.isolation.token());
        let mut failures = 0_u32;
        loop {
            let subjects = Arc::clone(&self.subjects.borrow_and_update());
            board.look_for(subjects.to_vec(), self.clock.now().0);

            let following =
                Following { route: &self.route, clock: &self.clock, isolation, attempt: failures };
            let mut since = None;
            let error = tokio::select! {
                changed = self.subjects.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return,
                },
                error = following.follow(&mut board, &mut self.rng, &report, &mut since) => error,
            };

            // A server that is good for a moment only is not asked more often than one that never
            // is.
            if since.is_some_and(|since: Instant| since.elapsed() >= PAUSES.longest()) {
                failures = 0;
            }

            let lied = matches!(error, ServerError::Misbehavior(_));
            report(ReaderUpdate::Failed(error)).await;
            if lied {
                return;
            }

            let pause = PAUSES.after(failures);
            failures = failures.saturating_add(1);

            tokio::select! {
                changed = self.subjects.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }
}

/// One connection's life, or that of several, where the board is cut.
struct Following<'a> {
    route: &'a ServerRoute,
    clock: &'a Clock,
    isolation: IsolationToken,
    attempt: u32,
}

impl Following<'_> {
    /// Reads and follows until something is wrong, and says what. `since`: when all was read.
    async fn follow<F: Future<Output = ()>>(
        &self,
        board: &mut Board,
        rng: &mut StdRng,
        report: &impl Fn(ReaderUpdate) -> F,
        since: &mut Option<Instant>,
    ) -> ServerError {
        let (info, connection) = match self.begin().await {
            Ok(begun) => begun,
            Err(error) => return error,
        };
        let bits = info.bucket_bits;
        let chosen: BTreeSet<u8> = board.buckets(bits, || rng.next_u32().to_le_bytes()[0]);
        let (found, mut pieces) = tokio::sync::mpsc::channel(1);
        let mut first = Some(connection);
        let mut buckets: FuturesUnordered<_> = chosen
            .into_iter()
            .filter_map(|number| Bucket::new(bits, number))
            .map(|bucket| self.follow_bucket(bucket, first.take(), found.clone()))
            .collect();

        drop(found);
        let mut unread = buckets.len();
        loop {
            tokio::select! {
                Some(piece) = pieces.recv() => match piece {
                    Piece::Records(records) => {
                        if let Err(misbehavior) = self.take(&records, board, report).await {
                            return misbehavior.into();
                        }
                    }
                    Piece::End => {
                        unread -= 1;
                        if unread == 0 {
                            *since = Some(Instant::now());
                            report(ReaderUpdate::Read(info.records)).await;
                        }
                    }
                },
                Some(ended) = buckets.next() => return ended,
                else => return ServerError::Broken,
            }
        }
    }

    async fn take<F: Future<Output = ()>>(
        &self,
        records: &[Record],
        board: &mut Board,
        report: &impl Fn(ReaderUpdate) -> F,
    ) -> Result<(), Misbehavior> {
        let now = self.clock.now().0;
        board.turn(now);
        for record in records {
            if let Some(update) = board.take(record, now)? {
                report(ReaderUpdate::Seen(update)).await;
            }
        }
        Ok(())
    }

    async fn begin(&self) -> Result<(Info, ServerConnection), ServerError> {
        let mut connection =
            ServerConnection::open(self.route, self.isolation, self.attempt).await?;
        let info: Info = connection.get("/v1/info").await?;
        if info.server != self.route.server.to_address() {
            return Err(ServerError::Protocol(AnswerError::OffTopic));
        }
        Ok((info, connection))
    }

    async fn follow_bucket(
        &self,
        bucket: Bucket,
        connection: Option<ServerConnection>,
        found: PieceSender,
    ) -> ServerError {
        match self.try_follow_bucket(bucket, connection, found).await {
            Ok(()) => ServerError::Broken,
            Err(error) => error,
        }
    }

    async fn try_follow_bucket(
        &self,
        bucket: Bucket,
        connection: Option<ServerConnection>,
        found: PieceSender,
    ) -> Result<(), ServerError> {
        let mut connection = match connection {
            Some(connection) => connection,
            None => ServerConnection::open(self.route, self.isolation, 0).await?,
        };
        let part = format!("bits={}&bucket={}", bucket.bits(), bucket.number());
        let answer = connection.ask(Method::GET, &format!("/v1/board?{part}"), vec![]).await?;
        let read = timeout(BOARD_DEADLINE, read_board(answer.into_body(), bucket, &found)).await;
        let cursor = read.map_err(|_| ServerError::TimedOut)??;
        let answer = connection
            .ask(Method::GET, &format!("/v1/stream?after={cursor}&{part}"), vec![])
            .await?;
        found.send(Piece::End).await.map_err(|_| ServerError::Broken)?;
        follow_stream(answer.into_body(), bucket, cursor, &found).await
    }
}

/// What comes of a bucket.
enum Piece {
    /// Some of its records, or changed ones.
    Records(Vec<Record>),
    /// All that it had has come; changes follow.
    End,
}

/// Where pieces go, as they come.
type PieceSender = tokio::sync::mpsc::Sender<Piece>;

/// Reads a board as it comes, and holds no more of it than one piece.
async fn read_board(
    mut body: Incoming,
    bucket: Bucket,
    found: &PieceSender,
) -> Result<Cursor, ServerError> {
    let mut parser = Parser::new(MAX_RECORDS);
    while let Some(bytes) = next(&mut body, ANSWER_DEADLINE).await? {
        let mut records = vec![];
        parser.push(&bytes, |record| records.push(record))?;
        hand_on(records, bucket, found).await?;
    }
    let head = parser.finish()?;
    if head.bucket == bucket {
        Ok(head.cursor)
    } else {
        Err(ServerError::Protocol(AnswerError::OffTopic))
    }
}

async fn follow_stream(
    mut body: Incoming,
    bucket: Bucket,
    mut cursor: Cursor,
    found: &PieceSender,
) -> Result<(), ServerError> {
    /// In base64, and a little more.
    const MAX_EVENT: usize = MAX_CHANGES * RECORD / 3 * 4 + 1024;

    let mut events = crate::sse::Parser::new(MAX_EVENT);
    while let Some(bytes) = next(&mut body, SILENCE).await? {
        let complete =
            events.push(&bytes).map_err(|_| ServerError::Protocol(AnswerError::Event))?;
        for sent in complete {
            if sent.kind != "changes" {
                return Err(ServerError::Broken);
            }

            let bytes = BASE64
                .decode(sent.data.as_bytes())
                .map_err(|_| ServerError::Protocol(AnswerError::Event))?;
            let (head, records) = board::parse(&bytes, MAX_CHANGES)?;
            if head.bucket != bucket || head.cursor.generation != cursor.generation {
                return Err(ServerError::Protocol(AnswerError::OffTopic));
            }

            if head.cursor.change < cursor.change {
                return Err(Misbehavior::Cursor.into());
            }

            cursor = head.cursor;
            hand_on(records, bucket, found).await?;
        }
    }

    Ok(())
}

async fn hand_on(
    records: Vec<Record>,
    bucket: Bucket,
    found: &PieceSender,
) -> Result<(), ServerError> {
    if records.iter().any(|record| !bucket.contains(record)) {
        return Err(ServerError::Protocol(AnswerError::OffTopic));
    }
    if records.is_empty() {
        return Ok(());
    }
    found.send(Piece::Records(records)).await.map_err(|_| ServerError::Broken)
}

async fn next(body: &mut Incoming, patience: Duration) -> Result<Option<Bytes>, ServerError> {
    loop {
        match timeout(patience, body.frame()).await.map_err(|_| ServerError::TimedOut)? {
            None => return Ok(None),
            Some(Err(_)) => return Err(ServerError::Broken),
            Some(Ok(frame)) => {
                if let Ok(bytes) = frame.into_data() {
                    return Ok(Some(bytes));
                }
            }
        }
    }
}
