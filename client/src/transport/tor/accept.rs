//! Accepts circuits and streams of one onion service, within limits on all that a client can make
//! grow, and passes on the streams.

use std::sync::Arc;
use std::time::Duration;

use chive_tor::{MAX_STREAMS_PER_CIRCUIT, RendRequest, StreamRequest};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::admission::CircuitSlot;
use super::port::PEER_PORT;
use super::reachability::ServiceId;
use super::stream::CancellableStream;
use crate::transport::Incoming;

/// Streams that may be open to one service at once.
const MAX_STREAMS: usize = 512;
/// How long a circuit to the caller's rendezvous point may take.
const RENDEZVOUS_TIMEOUT: Duration = Duration::from_mins(1);
/// How long arti may take to answer a caller on an open circuit.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A circuit without a stream is dropped after this, at the latest after twice this.
const IDLE_CIRCUIT: Duration = Duration::from_mins(1);
/// How long a stream waits for somebody to take it from the channel.
const OFFER_TIMEOUT: Duration = Duration::from_secs(10);

/// The acceptor of one service.
pub(super) struct Acceptor {
    id: ServiceId,
    incoming: mpsc::Sender<Incoming>,
    streams: Arc<Semaphore>,
    stop: CancellationToken,
}

/// What lives as long as a stream: its place among the service's, and its mark on the circuit.
type StreamKeep = (OwnedSemaphorePermit, Arc<()>);

impl Acceptor {
    pub(super) fn new(
        id: ServiceId,
        incoming: mpsc::Sender<Incoming>,
        stop: CancellationToken,
    ) -> Self {
        Self { id, incoming, streams: Arc::new(Semaphore::new(MAX_STREAMS)), stop }
    }

    /// Accepts a circuit and its streams, until it ends, idles, or the service is closed.
    pub(super) async fn receive(&self, request: RendRequest, circuit: CircuitSlot) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = circuit.evicted() => tracing::debug!("an idle circuit makes room for another"),
            () = self.serve_circuit(request, &circuit) => {}
        }
    }

    async fn serve_circuit(&self, request: RendRequest, circuit: &CircuitSlot) {
        let Ok(Ok(mut requests)) = tokio::time::timeout(RENDEZVOUS_TIMEOUT, request.accept()).await
        else {
            tracing::debug!("no circuit to a rendezvous point");
            return;
        };

        let mut streams = 0;
        loop {
            match tokio::time::timeout(IDLE_CIRCUIT, requests.next()).await {
                Ok(Some(request)) if streams < MAX_STREAMS_PER_CIRCUIT => {
                    streams += 1;
                    self.accept_stream(request, circuit.mark()).await;
                }
                Ok(_) => return,
                Err(_) if circuit.is_empty() => return,
                Err(_) => {}
            }
        }
    }

    /// Accepts one stream and offers it, or turns it away.
    async fn accept_stream(&self, request: StreamRequest, mark: Arc<()>) {
        let permit = Arc::clone(&self.streams).try_acquire_owned();
        let answered = match permit {
            Ok(permit) if request.port() == Some(PEER_PORT) => {
                tokio::time::timeout(ANSWER_TIMEOUT, self.offer(request, (permit, mark))).await
            }
            _ => tokio::time::timeout(ANSWER_TIMEOUT, request.reject()).await,
        };
        if answered.is_err() {
            tracing::debug!("a circuit does not move");
        }
    }

    async fn offer(&self, request: StreamRequest, keep: StreamKeep) {
        let Some(stream) = request.accept().await else { return };
        let stream = Box::new(CancellableStream::new(stream, &self.stop, keep));
        let incoming = Incoming { service: self.id.kind, at: self.id.address.into(), stream };
        if self.incoming.send_timeout(incoming, OFFER_TIMEOUT).await.is_err() {
            tracing::debug!("nobody takes incoming streams: one dropped");
        }
    }
}
