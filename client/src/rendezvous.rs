//! A client of rendezvous servers: HTTP/1.1 over streams to their onion services. Writes and reads
//! never share a circuit, nor do two servers, two epochs or two records. What a server says is
//! checked, never believed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chive_shared::api::{Code, Problem};
use chive_shared::backoff::Backoff;
use chive_shared::board::BoardError;
use chive_shared::limits::MAX_WORK_BITS;
use chive_shared::proof_of_work::Challenge;
use chive_shared::sequence::Sequence;
use chive_shared::server::ServerId;

use crate::model::{AnswerError, Reason};
use crate::presence::Misbehavior;
use crate::transport::{Destination, DialError, IsolationToken, OnionAddress, Stream, Transport};

pub mod handles;
mod http;
pub mod reader;
pub mod writer;

/// From the first byte of a request to the head of its answer, from there to the last byte of a
/// short one, and from one piece of a long one to the next.
const ANSWER_DEADLINE: Duration = Duration::from_mins(1);
pub(crate) const PAUSES: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_mins(1));
/// Tokens of contacts are the numbers of their rows; those of servers begin here.
const FIRST_TOKEN: u64 = 1 << 63;

/// Why a server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("it cannot be reached: {0}")]
    Dial(#[from] DialError),
    #[error("the connection to it broke")]
    Broken,
    #[error("it did not answer in time")]
    TimedOut,
    /// It said no, and why.
    #[error("it refused: {:?}", .0.code)]
    Refused(Problem),
    /// What it says is no answer.
    #[error("its answer cannot be used: {0:?}")]
    Protocol(AnswerError),
    /// The request could not be made here.
    #[error("the request could not be made: {0}")]
    Request(&'static str),
    /// What it says is no board.
    #[error("its board cannot be used: {0}")]
    Board(#[from] BoardError),
    #[error("{0}")]
    Misbehavior(#[from] Misbehavior),
    /// It wants more work than is reasonable.
    #[error("it asks for {0} bits of work, which is too much")]
    WorkTooHigh(u8),
}

impl ServerError {
    /// The higher number of ours that the server says it has, to be passed by the next one. One of
    /// the future is not obeyed: every other server would refuse what comes after it.
    pub(crate) fn overtaken_by(&self, now: i64) -> Option<Sequence> {
        let Self::Refused(problem) = self else { return None };
        problem.sequence.map(Sequence).filter(|sequence| !sequence.is_in_future(now))
    }

    /// The same for the user.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            Self::Dial(DialError::NotReady) => Reason::TorNotReady,
            Self::Dial(DialError::Closed) => Reason::TorStopped,
            Self::Dial(DialError::Unreachable) => Reason::ServerUnreachable,
            Self::Dial(DialError::TimedOut) | Self::TimedOut => Reason::ServerTimedOut,
            Self::Broken => Reason::ServerHungUp,
            Self::Refused(problem) => refusal(problem.code),
            Self::Protocol(error) => Reason::ServerAnswer { fault: *error },
            Self::Request(_) => Reason::ServerRequest,
            Self::Board(error) => Reason::ServerAnswer { fault: board_error(error) },
            Self::Misbehavior(Misbehavior::Older) => Reason::ServerOlderRecord,
            Self::Misbehavior(Misbehavior::Contradiction) => Reason::ServerContradiction,
            Self::Misbehavior(Misbehavior::Cursor) => Reason::ServerWentBack,
            Self::Misbehavior(Misbehavior::Forged) => Reason::ServerForgedRecord,
            Self::WorkTooHigh(bits) => Reason::ServerWork { bits: *bits },
        }
    }
}

fn refusal(code: Code) -> Reason {
    match code {
        Code::TokenRequired => Reason::ServerTokenRequired,
        Code::Full => Reason::ServerFull,
        Code::Busy | Code::Stopping | Code::StorageUnavailable | Code::TooSlow => {
            Reason::ServerBusy
        }
        Code::WrongEpoch | Code::Expired | Code::SequenceInFuture | Code::Stale => {
            Reason::ServerClock
        }
        Code::HandleTaken => Reason::HandleTaken,
        Code::NotOwner => Reason::HandleNotOurs,
        Code::NoHandles => Reason::HandlesNotKept,
        Code::Unknown => Reason::HandleUnknown,
        _ => Reason::ServerVersion,
    }
}

fn board_error(error: &BoardError) -> AnswerError {
    match error {
        BoardError::Version(_) => AnswerError::BoardVersion,
        BoardError::Cut => AnswerError::BoardCut,
        BoardError::TooMany(_) => AnswerError::BoardTooLong,
        BoardError::Bucket | BoardError::Trailing | BoardError::Record(_) => {
            AnswerError::BoardMalformed
        }
    }
}

/// Gives the tokens for dials to servers, each of which is used for one purpose.
#[derive(Clone)]
pub struct IsolationPool(Arc<AtomicU64>);

impl Default for IsolationPool {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(FIRST_TOKEN)))
    }
}

impl IsolationPool {
    fn token(&self) -> IsolationToken {
        IsolationToken(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A server, and the way to it.
#[derive(Clone)]
pub struct ServerRoute {
    pub server: ServerId,
    /// What lets us in, if it asks.
    pub token: Option<Arc<str>>,
    pub transport: Arc<dyn Transport>,
    /// Keeps what we do at servers on separate paths.
    pub isolation: IsolationPool,
}

impl ServerRoute {
    /// Waits for the network, for as long as it takes, and dials.
    async fn dial(&self, isolation: IsolationToken, attempt: u32) -> Result<Stream, ServerError> {
        let ready = self.transport.network().wait_for(|network| network.ready).await.is_ok();
        if !ready {
            return Err(DialError::Closed.into());
        }
        let server = Destination::Server(OnionAddress(self.server.0).into());
        Ok(self.transport.dial(server, isolation, attempt).await?)
    }
}

/// What a server asks for before it takes something.
async fn work(route: &ServerRoute, subject: &[u8], price: u8) -> Result<[u8; 8], ServerError> {
    if price > MAX_WORK_BITS {
        return Err(ServerError::WorkTooHigh(price));
    }
    let challenge = Challenge::new(&route.server, subject);
    let work = tokio::task::spawn_blocking(move || challenge.solve(price, 0, u64::MAX)).await;
    Ok(work.ok().flatten().ok_or(ServerError::WorkTooHigh(price))?.0.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_the_future_is_not_obeyed() {
        let now = 1_764_000_000_000;
        let refused = |sequence| {
            ServerError::Refused(Problem {
                kind: "about:blank".to_owned(),
                title: String::new(),
                status: 409,
                detail: String::new(),
                code: Code::SequenceNotNewer,
                sequence,
                work: None,
                bucket_bits: None,
            })
        };
        let next = Sequence::next(now, None);
        assert_eq!(refused(Some(next.0)).overtaken_by(now), Some(next));
        assert_eq!(refused(Some(u64::MAX)).overtaken_by(now), None);
        assert_eq!(refused(None).overtaken_by(now), None);
        assert_eq!(ServerError::Broken.overtaken_by(now), None);
    }

    #[test]
    fn no_token_is_given_twice_and_none_is_a_contacts() {
        let pool = IsolationPool::default();
        let (one, other) = (pool.clone().token(), pool.token());
        assert!(one != other && one.0 >= FIRST_TOKEN);
    }
}
