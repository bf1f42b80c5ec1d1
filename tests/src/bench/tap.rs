//! Tor as a node uses it, with a tap: raw streams beside the node's own, on the same circuit, and a
//! count of the bytes of the node's streams. It never changes those bytes.
//!
//! A raw stream is dialled with the isolation token and to the address of a link, so that arti puts
//! it on the link's circuit. It begins with a byte that no preface begins with; the other end
//! recognises it by that, and answers it instead of the node.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anyhow::{Context as _, Result};
use chive::node::INCOMING_QUEUE;
use chive::transport::tor::{TorOptions, TorTransport};
use chive::transport::{
    Destination, DialError, HostedService, Incoming, IsolationToken, NetworkStatus, ServicesStatus,
    Stream, Transport,
};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, copy, sink,
};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// The first byte of a raw stream. A preface begins with its version, 1.
const MARK: u8 = 0xec;
/// After which a stream without a first byte is closed.
const FIRST_BYTE: Duration = Duration::from_mins(1);

/// The bytes that a dialled stream has carried.
#[derive(Debug)]
pub(super) struct Tally {
    to: Destination,
    isolation: IsolationToken,
    written: AtomicU64,
    read: AtomicU64,
    closed: AtomicBool,
}

impl Tally {
    fn new(to: Destination, isolation: IsolationToken) -> Self {
        Self {
            to,
            isolation,
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// Whether the stream is still open.
    #[must_use]
    pub(super) fn is_open(&self) -> bool {
        !self.closed.load(Ordering::Relaxed)
    }

    /// Bytes written and read until now.
    #[must_use]
    pub(super) fn carried(&self) -> (u64, u64) {
        (self.written.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed))
    }
}

/// A node's transport, with a tap on its streams.
pub(super) struct Tap {
    inner: Arc<TorTransport>,
    dialled: Arc<Mutex<Vec<Arc<Tally>>>>,
    _sorting: AbortOnDropHandle<()>,
}

impl Tap {
    /// Starts Tor. The node's streams come out of `incoming`.
    pub(super) fn start(options: TorOptions, incoming: mpsc::Sender<Incoming>) -> Result<Self> {
        let (accepted, streams) = mpsc::channel(INCOMING_QUEUE);
        let inner = Arc::new(TorTransport::start(options, accepted).context("Tor cannot start")?);
        let sorting = AbortOnDropHandle::new(tokio::spawn(sort(streams, incoming)));
        Ok(Self { inner, dialled: Arc::default(), _sorting: sorting })
    }

    /// The streams that the node has dialled and not closed.
    #[must_use]
    pub(super) fn open(&self) -> Vec<Arc<Tally>> {
        let dialled = self.dialled.lock().unwrap_or_else(PoisonError::into_inner);
        dialled.iter().filter(|tally| tally.is_open()).cloned().collect()
    }

    /// Opens a raw stream beside a dialled one: whenever `question` bytes have come to the other
    /// end, it answers with `answer` bytes.
    pub(super) async fn raw(&self, beside: &Tally, question: u32, answer: u32) -> Result<Stream> {
        let mut stream = self.inner.dial(beside.to, beside.isolation, 0).await?;
        stream.write_u8(MARK).await?;
        stream.write_u32(question).await?;
        stream.write_u32(answer).await?;
        stream.flush().await?;
        Ok(stream)
    }
}

impl Transport for Tap {
    fn dial(
        &self,
        to: Destination,
        isolation: IsolationToken,
        attempt: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>> {
        let (dial, dialled) = (self.inner.dial(to, isolation, attempt), Arc::clone(&self.dialled));
        async move {
            let stream = dial.await?;
            let tally = Arc::new(Tally::new(to, isolation));
            let mut dialled = dialled.lock().unwrap_or_else(PoisonError::into_inner);
            dialled.retain(|tally| tally.is_open());
            dialled.push(Arc::clone(&tally));
            Ok(Box::new(CountedStream { stream, tally }) as Stream)
        }
        .boxed()
    }

    fn host(&self, services: Vec<HostedService>) -> BoxFuture<'static, ()> {
        self.inner.host(services)
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.inner.network()
    }

    fn services(&self) -> watch::Receiver<ServicesStatus> {
        self.inner.services()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.inner.close()
    }
}

/// Answers raw streams, and passes the others to the node.
async fn sort(mut streams: mpsc::Receiver<Incoming>, node: mpsc::Sender<Incoming>) {
    while let Some(mut incoming) = streams.recv().await {
        let node = node.clone();
        tokio::spawn(async move {
            match timeout(FIRST_BYTE, incoming.stream.read_u8()).await {
                // A raw stream ends when its dialler closes it.
                Ok(Ok(MARK)) => drop(answer(incoming.stream).await),
                Ok(Ok(first)) => {
                    incoming.stream =
                        Box::new(UnreadStream { first: Some(first), stream: incoming.stream });
                    let _ = node.send(incoming).await;
                }
                _ => {}
            }
        });
    }
}

async fn answer(mut stream: Stream) -> io::Result<()> {
    let (question, answer) = (stream.read_u32().await?, stream.read_u32().await?);
    let answer = vec![0; usize::try_from(answer).unwrap_or(0)];
    loop {
        if copy(&mut (&mut stream).take(question.into()), &mut sink()).await? < question.into() {
            return Ok(());
        }
        stream.write_all(&answer).await?;
        stream.flush().await?;
    }
}

/// A stream that counts its bytes.
struct CountedStream {
    stream: Stream,
    tally: Arc<Tally>,
}

impl Drop for CountedStream {
    fn drop(&mut self) {
        self.tally.closed.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        self.tally.read.fetch_add((buf.filled().len() - before) as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, buf))?;
        self.tally.written.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A stream whose first byte was read, and is read again.
struct UnreadStream {
    first: Option<u8>,
    stream: Stream,
}

impl AsyncRead for UnreadStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if buf.remaining() > 0
            && let Some(first) = self.first.take()
        {
            buf.put_slice(&[first]);
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for UnreadStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
