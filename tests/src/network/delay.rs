//! Delays between the nodes of a network on one machine.
//!
//! A [`Delay`] listens at the port that a node advertises, and forwards everything, late, to the
//! port at which the node listens, and back. It changes no byte and no order, and it holds a
//! bounded number of bytes for each connection.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

/// The most bytes that wait in one direction of a connection. When they do, nothing more is read.
const MAX_WAITING: usize = 1024 * 1024;

/// The most bytes that are read at once.
const MAX_READ: usize = 16 * 1024;

/// A forwarder to one port of 127.0.0.1. Dropping it closes its port and all its connections.
#[derive(Debug)]
pub(super) struct Delay {
    _accepting: AbortOnDropHandle<()>,
}

impl Delay {
    /// Listens at the port `from`, and hands connections on to the port `to`. Every byte arrives
    /// `late` after it was sent, and a new connection carries its first byte one round trip later
    /// still, as a TCP handshake does.
    pub(super) async fn start(from: u16, to: u16, late: Duration) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, from)).await;
        let listener = listener.with_context(|| format!("cannot listen at port {from}"))?;
        Ok(Self::on(listener, to, late))
    }

    fn on(listener: TcpListener, to: u16, late: Duration) -> Self {
        Self { _accepting: AbortOnDropHandle::new(tokio::spawn(accept(listener, to, late))) }
    }
}

/// Accepts connections until this future is dropped, and all connections with it.
async fn accept(listener: TcpListener, to: u16, late: Duration) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((near, _)) => drop(connections.spawn(forward(near, to, late))),
                Err(error) => {
                    warn!("cannot accept a connection to a node: {error}");
                    sleep(late).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Carries one connection to its end. A node that does not run ends it at once.
async fn forward(near: TcpStream, to: u16, late: Duration) {
    sleep(2 * late).await;
    let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, to)).await else { return };

    // Without this, the kernel would add delays of its own.
    if near.set_nodelay(true).and_then(|()| far.set_nodelay(true)).is_err() {
        return;
    }

    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::join!(carry(near_read, far_write, late), carry(far_read, near_write, late));
}

/// Carries one direction until its end, which is as late as the bytes before it. A direction that
/// fails leaves the other one alone: bytes may still wait there.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, late: Duration) {
    let mut waiting: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let (mut size, mut ended) = (0, false);
    let mut buffer = vec![0; MAX_READ];

    while !ended || !waiting.is_empty() {
        let next_at = waiting.front().map(|(at, _)| *at);
        tokio::select! {
            read = from.read(&mut buffer), if !ended && size < MAX_WAITING => {
                let count = read.unwrap_or(0);
                ended = count == 0;
                size += count;
                // An empty chunk is the end.
                waiting.push_back((Instant::now() + late, buffer[..count].to_vec()));
            }
            () = sleep_until(next_at.unwrap_or_else(Instant::now)), if next_at.is_some() => {
                let Some((_, chunk)) = waiting.pop_front() else { continue };
                size -= chunk.len();
                let written = if chunk.is_empty() {
                    to.shutdown().await
                } else {
                    to.write_all(&chunk).await
                };
                if written.is_err() {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::io::duplex;
    use tokio::time::timeout;

    use super::*;

    const LATE: Duration = Duration::from_millis(20);

    /// A node that listens, the port at which its delay listens, and the delay.
    async fn delayed_node() -> Result<(TcpListener, u16, Delay)> {
        let node = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let delay = Delay::on(listener, node.local_addr()?.port(), LATE);
        Ok((node, port, delay))
    }

    /// Both ends of a connection through a delay.
    async fn connect(node: &TcpListener, port: u16) -> Result<(TcpStream, TcpStream)> {
        let near = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        Ok((near, node.accept().await?.0))
    }

    #[tokio::test]
    async fn bytes_arrive_late_in_both_directions() -> Result<()> {
        let (node, port, _delay) = delayed_node().await?;
        let began = Instant::now();
        let (mut near, mut far) = connect(&node, port).await?;
        assert!(began.elapsed() >= 2 * LATE, "the handshake took no round trip");

        let sent = Instant::now();
        near.write_all(b"?").await?;
        assert_eq!(far.read_u8().await?, b'?');
        assert!(sent.elapsed() >= LATE);

        let answered = Instant::now();
        far.write_all(b"!").await?;
        assert_eq!(near.read_u8().await?, b'!');
        assert!(answered.elapsed() >= LATE);
        Ok(())
    }

    #[tokio::test]
    async fn more_bytes_than_may_wait_arrive_in_order() -> Result<()> {
        let (node, port, _delay) = delayed_node().await?;
        let (near, mut far) = connect(&node, port).await?;
        let sent: Vec<u8> = (0..3 * MAX_WAITING).map(|at| at.to_be_bytes()[6]).collect();

        let (mut near_read, mut near_write) = near.into_split();
        let mut received = Vec::new();
        let write = async {
            near_write.write_all(&sent).await?;
            near_write.shutdown().await
        };
        tokio::try_join!(write, far.read_to_end(&mut received))?;
        assert!(received == sent, "{} of {} bytes arrived, or others", received.len(), sent.len());

        // The end came through, and the way back is still open.
        far.write_all(b"answer").await?;
        drop(far);
        let mut answer = String::new();
        near_read.read_to_string(&mut answer).await?;
        assert_eq!(answer, "answer");
        Ok(())
    }

    #[tokio::test]
    async fn a_node_that_does_not_run_ends_connections() -> Result<()> {
        let (node, port, _delay) = delayed_node().await?;
        drop(node);
        let mut near = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        assert!(ends(near.read(&mut [0]).await));
        Ok(())
    }

    #[tokio::test]
    async fn dropping_it_closes_the_port_and_the_connections() -> Result<()> {
        let (node, port, delay) = delayed_node().await?;
        let (mut near, mut far) = connect(&node, port).await?;
        drop(delay);
        assert!(ends(near.read(&mut [0]).await));
        assert!(ends(far.read(&mut [0]).await));
        assert!(TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err());
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn unread_bytes_fill_a_bounded_buffer() -> Result<()> {
        let (mut near, from) = duplex(MAX_READ);
        let (to, _unread) = duplex(1);
        let carrying = tokio::spawn(carry(from, to, LATE));

        let mut accepted = 0;
        let filled = timeout(Duration::from_hours(1), async {
            while let Ok(count) = near.write(&[7; MAX_READ]).await {
                accepted += count;
            }
        });
        assert!(filled.await.is_err(), "writing never stopped");
        assert!(accepted <= MAX_WAITING + 2 * MAX_READ, "{accepted} bytes wait");
        carrying.abort();
        Ok(())
    }

    /// Whether a read has met the end of its stream, clean or not.
    fn ends(read: io::Result<usize>) -> bool {
        read.is_err() || read.is_ok_and(|count| count == 0)
    }
}
