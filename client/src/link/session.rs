//! A running link: one task that reads, one that writes, pings when it is quiet, and an end with a
//! reason.

use std::pin::pin;
use std::sync::Arc;

use futures::FutureExt;
use futures::stream::{StreamExt, select};
use snow::StatelessTransportState;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::LinkError;
use super::handshake::Established;
use super::record::{Opener, Sealer, is_record_size};
use crate::identity::PublicIdentity;
use crate::limits::{PING_AFTER, RECORD_DEADLINE, SILENCE_LIMIT};
use crate::transport::Stream;
use crate::wire::frame::{Frame, FrameError, LinkId};

/// Frames waiting to be written, of one link.
const WRITE_QUEUE: usize = 128;

/// A frame to write.
pub struct Outgoing {
    /// What to write.
    pub frame: Frame,
    /// Reported by [`LinkEvent::Flushed`] when the stream has taken it.
    pub token: Option<i64>,
}

/// What a running link reports.
pub enum LinkEvent {
    /// A frame came.
    Frame(Frame),
    /// The stream has taken a frame with this token.
    Flushed(i64),
}

/// A way to write to a running link. Dropping the last one closes it after what is queued.
#[derive(Clone)]
pub struct LinkSender {
    queue: mpsc::Sender<Outgoing>,
    /// Ends the link at once.
    pub cancel: CancellationToken,
}

impl LinkSender {
    /// Queues a frame; false when the queue is full or the link has ended.
    #[must_use]
    pub fn send(&self, frame: Frame, token: Option<i64>) -> bool {
        self.queue.try_send(Outgoing { frame, token }).is_ok()
    }
}

/// A link over which no frame has gone yet.
pub struct Session {
    /// The same on both ends.
    pub id: LinkId,
    /// Who is at the other end.
    pub peer: PublicIdentity,
    /// Whether we dialled.
    pub dialled: bool,
    reader: Reader,
    writer: Writer,
}

struct Reader {
    stream: ReadHalf<Stream>,
    noise: Arc<StatelessTransportState>,
    opener: Opener,
}

struct Writer {
    stream: WriteHalf<Stream>,
    noise: Arc<StatelessTransportState>,
    sealer: Sealer,
}

impl Session {
    /// A session over an established stream.
    #[must_use]
    pub fn new(established: Established) -> Self {
        let Established { stream, noise, id, peer, dialled } = established;
        let noise = Arc::new(noise);
        let (read, write) = tokio::io::split(stream);
        Self {
            id,
            peer,
            dialled,
            reader: Reader { stream: read, noise: Arc::clone(&noise), opener: Opener::default() },
            writer: Writer { stream: write, noise, sealer: Sealer::default() },
        }
    }

    /// Writes one frame now.
    pub async fn write(&mut self, frame: &Frame) -> Result<(), LinkError> {
        self.writer.write(frame).await
    }

    /// Reads one frame now.
    pub async fn read(&mut self) -> Result<Frame, LinkError> {
        self.reader.read().await
    }

    /// Splits into a sender and the running link. The link ends when the stream does, when it is
    /// silent for too long, when it is cancelled, or when `events` is closed.
    pub fn run<E: Send + 'static>(
        self,
        cancel: CancellationToken,
        events: mpsc::Sender<E>,
        wrap: impl Fn(LinkEvent) -> E + Send + Sync + 'static,
    ) -> (LinkSender, impl Future<Output = LinkError> + Send + 'static) {
        let events = Arc::new(Events { queue: events, wrap });
        let (queue, outgoing) = mpsc::channel(WRITE_QUEUE);
        // The strong senders are the caller's alone: the link ends with the last of them.
        let pongs = queue.downgrade();
        let sender = LinkSender { queue, cancel: cancel.clone() };
        let Self { reader, writer, .. } = self;
        let running = async move {
            // In turn, so that neither keeps the other waiting; not by chance, so that what happened can be
            // played again.
            let reads = reader.run(pongs, Arc::clone(&events)).into_stream();
            let writes = writer.run(outgoing, events).into_stream();
            let (reads, writes) = (pin!(reads), pin!(writes));
            let mut ends = select(reads, writes);
            let aborted = LinkError::Stream(std::io::ErrorKind::ConnectionAborted.into());
            cancel.run_until_cancelled(ends.next()).await.flatten().unwrap_or(aborted)
        };
        (sender, running)
    }
}

struct Events<E, W> {
    queue: mpsc::Sender<E>,
    wrap: W,
}

impl<E, W: Fn(LinkEvent) -> E> Events<E, W> {
    /// Waits while the node is busy: a link never reads more than the node can take.
    async fn report(&self, event: LinkEvent) -> Result<(), LinkError> {
        self.queue.send((self.wrap)(event)).await.map_err(|_| LinkError::Unexpected)
    }
}

impl Reader {
    async fn run<E, W: Fn(LinkEvent) -> E>(
        mut self,
        pongs: mpsc::WeakSender<Outgoing>,
        events: Arc<Events<E, W>>,
    ) -> LinkError {
        loop {
            let frame = match self.read().await {
                Ok(frame) => frame,
                Err(error) => return error,
            };
            let answer = match frame {
                Frame::Ping(n) => Some(Frame::Pong(n)),
                Frame::Unknown(_) => Some(Frame::Error(FrameError::UnknownFrame)),
                _ => None,
            };
            // A full queue drops the answer: it means that we are writing, which says more.
            if let (Some(frame), Some(queue)) = (answer, pongs.upgrade()) {
                let _ = queue.try_send(Outgoing { frame, token: None });
            } else if let Err(error) = events.report(LinkEvent::Frame(frame)).await {
                return error;
            }
        }
    }

    async fn read(&mut self) -> Result<Frame, LinkError> {
        loop {
            let length = usize::from(timeout(SILENCE_LIMIT, self.stream.read_u16()).await??);
            if !is_record_size(length) {
                return Err(LinkError::Record);
            }
            let mut ciphertext = vec![0; length];
            timeout(RECORD_DEADLINE, self.stream.read_exact(&mut ciphertext)).await??;
            if let Some(frame) = self.opener.open(&self.noise, &ciphertext)? {
                return Ok(Frame::from_bytes(&frame)?);
            }
        }
    }
}

impl Writer {
    async fn run<E, W: Fn(LinkEvent) -> E>(
        mut self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        events: Arc<Events<E, W>>,
    ) -> LinkError {
        let mut pings = 0;
        loop {
            let next = match timeout(PING_AFTER, outgoing.recv()).await {
                Ok(Some(next)) => next,
                Ok(None) => return self.finish().await,
                Err(_) => {
                    pings += 1;
                    Outgoing { frame: Frame::Ping(pings), token: None }
                }
            };
            match timeout(RECORD_DEADLINE, self.write(&next.frame)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return error,
                Err(_) => return LinkError::TimedOut,
            }
            if let Some(token) = next.token
                && let Err(error) = events.report(LinkEvent::Flushed(token)).await
            {
                return error;
            }
        }
    }

    async fn write(&mut self, frame: &Frame) -> Result<(), LinkError> {
        let records = self.sealer.seal(&self.noise, &frame.to_bytes())?;
        self.stream.write_all(&records).await?;
        Ok(self.stream.flush().await?)
    }

    async fn finish(&mut self) -> LinkError {
        let _ = timeout(RECORD_DEADLINE, self.stream.shutdown()).await;
        LinkError::Stream(std::io::ErrorKind::ConnectionAborted.into())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::identity::{Identity, RootSecret};
    use crate::link::handshake::{self, PairKeys};
    use crate::wire::frame::Bye;

    /// Two ends of one link.
    async fn link() -> (Session, Session) {
        let [alice, bob] = [1, 2].map(|byte| Identity::new(&RootSecret([byte; 32])));
        let at_alice = PairKeys::new(&[3; 32], alice.peer_id(), bob.public());
        let at_bob = PairKeys::new(&[3; 32], bob.peer_id(), alice.public());
        let (near, far) = tokio::io::duplex(4096);
        let mut rng = StdRng::from_seed([4; 32]);
        let answered = async {
            let mut far: Stream = Box::new(far);
            let preface = handshake::read_preface(&mut far).await?;
            handshake::accept_contact(far, &bob, &preface, &at_bob).await
        };
        let dialled = handshake::dial_contact(Box::new(near), &alice, &at_alice, &mut rng);
        let (dialled, answered) = tokio::try_join!(dialled, answered).unwrap();
        (Session::new(dialled), Session::new(answered))
    }

    #[tokio::test]
    async fn a_link_whose_sender_is_dropped_says_its_last_words_and_ends() {
        let (near, mut far) = link().await;
        let (events, _inbox) = mpsc::channel(1);
        let (sender, running) = near.run(CancellationToken::new(), events, |event| event);
        let running = tokio::spawn(running);
        assert!(sender.send(Frame::Bye(Bye::Superseded), None));
        drop(sender);
        timeout(PING_AFTER, running).await.unwrap().unwrap();
        assert!(matches!(far.read().await, Ok(Frame::Bye(Bye::Superseded))));
        assert!(far.read().await.is_err());
    }
}
