//! A stream that ends when its service, or the whole transport, is closed: arti's own streams
//! outlive both.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// A stream bound to a token. Once the token is cancelled, reads say that the other side is gone
/// and writes fail. `K` is whatever must live exactly as long as the stream.
pub(super) struct CancellableStream<S, K> {
    /// None once it was ended.
    open: Option<(S, K)>,
    /// Two, because the halves of a stream may be polled by two tasks.
    reader: Pin<Box<WaitForCancellationFutureOwned>>,
    writer: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<S, K> CancellableStream<S, K> {
    /// Binds a stream to a token, and something to the stream.
    pub(super) fn new(stream: S, token: &CancellationToken, keep: K) -> Self {
        Self {
            open: Some((stream, keep)),
            reader: Box::pin(token.clone().cancelled_owned()),
            writer: Box::pin(token.clone().cancelled_owned()),
        }
    }

    /// The stream for a reader, if it is still open.
    fn for_reading(&mut self, cx: &mut Context<'_>) -> Option<&mut S> {
        if self.reader.as_mut().poll(cx).is_ready() {
            self.open = None;
        }
        self.open.as_mut().map(|(stream, _)| stream)
    }

    /// The stream for a writer, if it is still open.
    fn for_writing(&mut self, cx: &mut Context<'_>) -> Option<&mut S> {
        if self.writer.as_mut().poll(cx).is_ready() {
            self.open = None;
        }
        self.open.as_mut().map(|(stream, _)| stream)
    }
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for CancellableStream<S, K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.for_reading(cx) {
            Some(stream) => Pin::new(stream).poll_read(cx, buf),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl<S: AsyncWrite + Unpin, K: Unpin> AsyncWrite for CancellableStream<S, K> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.for_writing(cx) {
            Some(stream) => Pin::new(stream).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.for_writing(cx) {
            Some(stream) => Pin::new(stream).poll_flush(cx),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.for_writing(cx) {
            Some(stream) => Pin::new(stream).poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn bytes_pass_while_the_token_lives() {
        let (near, mut far) = duplex(64);
        let mut stream = CancellableStream::new(near, &CancellationToken::new(), ());
        stream.write_all(b"hello").await.unwrap();
        stream.flush().await.unwrap();
        let mut buf = [0; 5];
        far.read_exact(&mut buf).await.unwrap();
        assert_eq!(&buf, b"hello");
    }

    #[tokio::test]
    async fn a_waiting_reader_sees_the_end() {
        let (near, mut far) = duplex(64);
        let token = CancellationToken::new();
        let kept = Arc::new(());
        let stream = CancellableStream::new(near, &token, Arc::clone(&kept));
        let (mut reader, mut writer) = tokio::io::split(stream);
        let waiting = tokio::spawn(async move { reader.read(&mut [0; 8]).await });
        writer.write_all(b"x").await.unwrap();
        token.cancel();
        assert_eq!(waiting.await.unwrap().unwrap(), 0);
        assert_eq!(writer.write(b"y").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert_eq!(Arc::strong_count(&kept), 1, "what was bound to the stream is let go");
        let mut rest = Vec::new();
        far.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"x");
    }
}
