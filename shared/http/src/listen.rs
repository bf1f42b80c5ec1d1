//! Where connections come from: TCP ports and Unix sockets. It only accepts; what happens on a
//! connection is up to `serve`.

use std::io;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

/// The pause before the next attempt when the system has no room for another connection.
const FULL_PAUSE: Duration = Duration::from_millis(200);

/// Something that accepts connections.
pub trait Listen: Send + Sync {
    /// The type of an accepted connection.
    type Stream: AsyncRead + AsyncWrite + Send + 'static;

    /// Waits for the next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>> + Send;
}

impl Listen for UnixListener {
    type Stream = UnixStream;

    async fn accept(&self) -> io::Result<UnixStream> {
        Self::accept(self).await.map(|(stream, _)| stream)
    }
}

impl Listen for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = Self::accept(self).await?;
        // A short event must not wait for another one (Nagle).
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

/// The next connection. An error of a single connection, or one that passes, is not an error here.
///
/// # Errors
/// If the socket is broken for good.
pub(crate) async fn next<L: Listen>(listener: &L) -> io::Result<L::Stream> {
    loop {
        match listener.accept().await {
            Ok(stream) => return Ok(stream),
            Err(error) => pause_or_fail(error).await?,
        }
    }
}

async fn pause_or_fail(error: io::Error) -> io::Result<()> {
    match Errno::from_io_error(&error) {
        Some(Errno::CONNABORTED | Errno::CONNRESET | Errno::INTR | Errno::INVAL) => Ok(()),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            tracing::warn!(%error, "no room for another connection");
            tokio::time::sleep(FULL_PAUSE).await;
            Ok(())
        }
        _ => Err(error),
    }
}
