//! A running link: one task reads frames, one writes them and pings when the link is quiet. The
//! link ends with a reason.

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
use crate::model::OutboxId;
use crate::transport::Stream;
use crate::wire::frame::{Frame, FrameError, LinkId};

/// Frames waiting to be written, of one link.
const WRITE_QUEUE: usize = 128;

/// A frame in the queue of a link.
pub struct Outgoing {
    /// The frame to put on the stream.
    pub frame: Frame,
    /// Reported by [`LinkEvent::Flushed`] when the stream has taken it.
    pub token: Option<OutboxId>,
}

/// What a running link reports.
pub enum LinkEvent {
    /// The other side sent this frame.
    Frame(Frame),
    /// The stream has taken a frame with this token.
    Flushed(OutboxId),
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
    pub fn send(&self, frame: Frame, token: Option<OutboxId>) -> bool {
        self.queue.try_send(Outgoing { frame, token }).is_ok()
    }
}

/// A link over which no frame has gone yet.
pub struct Session {
    /// The same on both ends.
    pub id: LinkId,
    /// Who is at the other end.
    pub peer: PublicIdentity,
    /// True on the side that opened the stream.
    pub dialled: bool,
    reader: LinkReader,
    writer: LinkWriter,
}

struct LinkReader {
    stream: ReadHalf<Stream>,
    noise: Arc<StatelessTransportState>,
    opener: Opener,
}

struct LinkWriter {
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
            reader: LinkReader {
                stream: read,
                noise: Arc::clone(&noise),
                opener: Opener::default(),
            },
            writer: LinkWriter { stream: write, noise, sealer: Sealer::default() },
        }
    }

    /// Writes one frame, before [`Session::run`] starts the link's tasks.
    pub async fn write(&mut self, frame: &Frame) -> Result<(), LinkError> {
        self.writer.write(frame).await
    }

    /// Reads one frame, before [`Session::run`] starts the link's tasks.
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
        let events = Arc::new(LinkEvents { queue: events, wrap });
        let (queue, outgoing) = mpsc::channel(WRITE_QUEUE);

        // The strong senders are the caller's alone: the link ends with the last of them.
        let pongs = queue.downgrade();
        let sender = LinkSender { queue, cancel: cancel.clone() };
        let Self { reader, writer, .. } = self;
        let running = async move {
            // In turn, so that neither keeps the other waiting; not by chance, so that what
            // happened can be played again.
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

struct LinkEvents<E, W> {
    queue: mpsc::Sender<E>,
    wrap: W,
}

impl<E, W: Fn(LinkEvent) -> E> LinkEvents<E, W> {
    /// Waits while the node is busy: a link never reads more than the node can take.
    async fn report(&self, event: LinkEvent) -> Result<(), LinkError> {
        self.queue.send((self.wrap)(event)).await.map_err(|_| LinkError::Unexpected)
    }
}

impl LinkReader {
    async fn run<E, W: Fn(LinkEvent) -> E>(
        mut self,
        pongs: mpsc::WeakSender<Outgoing>,
        events: Arc<LinkEvents<E, W>>,
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

impl LinkWriter {
    async fn run<E, W: Fn(LinkEvent) -> E>(
        mut self,
        mut outgoing: mpsc::Receiver<Outgoing>,
        events: Arc<LinkEvents<E, W>>,
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
    use std::time::Duration;

    use futures::FutureExt;
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use tokio::time::Instant;

    use super::*;
    use crate::identity::{Identity, RootSecret};
    use crate::limits::FRAME_SIZES;
    use crate::link::handshake::{PairKeys, accept_contact, dial_contact, read_preface};
    use crate::wire::frame::Bye;

    /// Both ends of a link whose hands are shaken.
    async fn ends() -> (Established, Established) {
        let (alice, bob) =
            (Identity::new(&RootSecret([1; 32])), Identity::new(&RootSecret([2; 32])));
        let for_alice = PairKeys::new(&[9; 32], alice.peer_id(), bob.public());
        let for_bob = PairKeys::new(&[9; 32], bob.peer_id(), alice.public());
        let (a, b) = tokio::io::duplex(4096);
        let (a, mut b): (Stream, Stream) = (Box::new(a), Box::new(b));
        let mut rng = StdRng::from_seed([0; 32]);
        let answer = async {
            let preface = read_preface(&mut b).await.unwrap();
            accept_contact(b, &bob, &preface, &for_bob).await.unwrap()
        };
        let (dialled, answered) =
            tokio::join!(dial_contact(a, &alice, &for_alice, &mut rng), answer);
        (dialled.unwrap(), answered)
    }

    /// A running link, and the raw stream of its other end.
    async fn running() -> (LinkSender, impl Future<Output = LinkError>, Stream) {
        let (ours, theirs) = ends().await;
        let (events, mut reports) = mpsc::channel(8);
        tokio::spawn(async move { while reports.recv().await.is_some() {} });
        let (sender, link) = Session::new(ours).run(CancellationToken::new(), events, |_| ());
        (sender, link, theirs.stream)
    }

    #[tokio::test]
    async fn a_link_whose_sender_is_dropped_says_its_last_words_and_ends() {
        let (near, far) = ends().await;
        let (near, mut far) = (Session::new(near), Session::new(far));
        let (events, _inbox) = mpsc::channel(1);
        let (sender, running) = near.run(CancellationToken::new(), events, |event| event);
        let running = tokio::spawn(running);
        assert!(sender.send(Frame::Bye(Bye::Superseded), None));
        drop(sender);
        timeout(PING_AFTER, running).await.unwrap().unwrap();
        assert!(matches!(far.read().await, Ok(Frame::Bye(Bye::Superseded))));
        assert!(far.read().await.is_err());
    }

    #[tokio::test]
    async fn a_record_of_an_impossible_length_ends_the_link() {
        let sizes: Vec<usize> =
            [FRAME_SIZES[0], FRAME_SIZES[1], FRAME_SIZES[2], crate::limits::MAX_RECORD]
                .into_iter()
                .map(|size| size + 16)
                .collect();
        let wrong = sizes.iter().flat_map(|size| [size - 1, size + 1]);
        for length in (0..=20).chain(wrong).chain([FRAME_SIZES[3], 0xffff]) {
            let (ours, mut theirs) = ends().await;
            let length = u16::try_from(length.min(0xffff)).unwrap();
            theirs.stream.write_all(&length.to_be_bytes()).await.unwrap();
            let read = Session::new(ours).read().now_or_never();
            assert!(matches!(read, Some(Err(LinkError::Record))), "{length}");
        }

        for length in sizes {
            let (ours, mut theirs) = ends().await;
            theirs.stream.write_all(&u16::try_from(length).unwrap().to_be_bytes()).await.unwrap();
            assert!(Session::new(ours).read().now_or_never().is_none(), "{length} is waited for");
        }
    }

    #[tokio::test]
    async fn a_link_cut_at_any_byte_of_a_record_ends() {
        for end in [0, 1, 2, 3, 1000, 2 + 1103] {
            let (ours, theirs) = ends().await;
            let (mut near, far) = (Session::new(ours), theirs);
            let record = Sealer::default().seal(&far.noise, &Frame::Ping(1).to_bytes()).unwrap();
            let mut stream = far.stream;
            stream.write_all(&record[..end]).await.unwrap();
            drop(stream);
            assert!(matches!(near.read().await, Err(LinkError::Stream(_))), "cut at {end}");
        }
    }

    #[tokio::test]
    async fn records_that_are_repeated_left_out_or_swapped_end_the_link() {
        let orders: [&[usize]; 3] = [&[0, 0], &[1], &[1, 0]];
        for order in orders {
            let (ours, theirs) = ends().await;
            let mut sealer = Sealer::default();
            let records =
                [1, 2].map(|n| sealer.seal(&theirs.noise, &Frame::Ping(n).to_bytes()).unwrap());
            let (mut near, mut stream) = (Session::new(ours), theirs.stream);
            for n in order {
                stream.write_all(&records[*n]).await.unwrap();
            }
            let mut last = near.read().await;
            if last.is_ok() {
                last = near.read().await;
            }
            assert!(matches!(last, Err(LinkError::Record)), "{order:?}");
        }
    }

    /// In real time, all at once: a minute.
    #[tokio::test]
    async fn a_silent_slow_or_stalled_peer_ends_a_link_in_time() {
        let slack = Duration::from_secs(20);
        let lasts = |said: Vec<u8>, limit: Duration| async move {
            let (_sender, link, mut stream) = running().await;
            let began = Instant::now();
            stream.write_all(&said).await.unwrap();
            // Pings are taken off the stream, and not answered.
            let (mut read, _write) = tokio::io::split(stream);
            let drain =
                tokio::spawn(
                    async move { tokio::io::copy(&mut read, &mut tokio::io::sink()).await },
                );
            assert!(matches!(link.await, LinkError::TimedOut), "{} bytes", said.len());
            assert!((limit..limit + slack).contains(&began.elapsed()), "{:?}", began.elapsed());
            drain.abort();
        };
        let stops_reading = async {
            let (sender, link, _stream) = running().await;
            let began = Instant::now();
            let envelope = || Frame::Envelope(vec![0; 60_000]);
            let queued = std::iter::repeat_with(|| sender.send(envelope(), None))
                .take(1000)
                .filter(|sent| *sent)
                .count();
            assert_eq!(queued, WRITE_QUEUE, "what waits to be written is bounded");
            assert!(matches!(link.await, LinkError::TimedOut));
            assert!(began.elapsed() < RECORD_DEADLINE + slack);
        };
        tokio::join!(
            lasts(vec![], SILENCE_LIMIT),
            // Half of a length, and the first byte of a record.
            lasts(vec![0x04], SILENCE_LIMIT),
            lasts(vec![0x04, 0x50, 0xff], RECORD_DEADLINE),
            stops_reading,
        );
    }
}
