//! The simulated network: it loses, cuts, delays and repeats streams and separates people, all
//! drawn from one seed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::model::{Reason, ServiceKind};
use crate::transport::{
    Address, Destination, DialError, HostedService, Incoming, IsolationToken, NetworkStatus,
    ServicesStatus, Stream, Transport,
};

/// Bytes on their way in one direction.
const BUFFER: usize = 64 * 1024;
/// A dial that nobody answers ends after so long.
const DIAL_TIMEOUT: Duration = Duration::from_mins(1);
/// Streams whose beginnings may be played again.
const REMEMBERED: usize = 8;
const RECORDED: usize = 8 * 1024;

/// How bad it is. Probabilities are of 1.
#[derive(Clone, Copy, Debug)]
pub(super) struct NetworkConditions {
    /// A dial fails at once.
    pub(super) unreachable: f64,
    /// A dial hangs until it times out.
    pub(super) hangs: f64,
    /// A stream breaks at some byte.
    pub(super) breaks: f64,
    /// One end of a broken stream never hears of it.
    pub(super) silent: f64,
    /// The longest way of a byte, in milliseconds.
    pub(super) slow: u64,
}

impl NetworkConditions {
    pub(super) const CALM: Self =
        Self { unreachable: 0.0, hangs: 0.0, breaks: 0.0, silent: 0.0, slow: 50 };

    pub(super) fn any(rng: &mut StdRng) -> Self {
        let mut some =
            |most: f64| if rng.random_bool(0.5) { 0.0 } else { rng.random_range(0.0..most) };
        let (unreachable, hangs, breaks, silent) = (some(0.8), some(0.3), some(1.0), some(0.8));
        let slow = [20, 200, 2_000, 20_000][rng.random_range(0..4)];
        Self { unreachable, hangs, breaks, silent, slow }
    }
}

/// The number of a person.
pub(super) type Who = usize;

struct SimService {
    owner: Who,
    kind: ServiceKind,
    incoming: mpsc::Sender<Incoming>,
}

struct Inner {
    rng: StdRng,
    conditions: NetworkConditions,
    apart: BTreeSet<(Who, Who)>,
    services: BTreeMap<Address, SimService>,
    wires: VecDeque<(Address, Shared)>,
    taken: BTreeMap<(Who, Who), Arc<AtomicUsize>>,
}

impl Inner {
    fn taken(&mut self, from: Who, to: Who) -> Arc<AtomicUsize> {
        Arc::clone(self.taken.entry((from, to)).or_default())
    }
}

/// The network that all people share.
#[derive(Clone)]
pub(super) struct Network(Arc<Mutex<Inner>>);

impl Network {
    pub(super) fn new(rng: StdRng) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            rng,
            conditions: NetworkConditions::CALM,
            apart: BTreeSet::new(),
            services: BTreeMap::new(),
            wires: VecDeque::new(),
            taken: BTreeMap::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub(super) fn set_conditions(&self, conditions: NetworkConditions) {
        self.lock().conditions = conditions;
    }

    /// From now on everything works.
    pub(super) fn calm(&self) {
        let mut inner = self.lock();
        inner.conditions = NetworkConditions::CALM;
        inner.apart.clear();
        for (_, wire) in &inner.wires {
            wire.lock().unwrap().heal();
        }
    }

    /// Nothing passes between these two until they are joined again.
    pub(super) fn part(&self, one: Who, other: Who, apart: bool) {
        let mut inner = self.lock();
        let pair = (one.min(other), one.max(other));
        if apart {
            inner.apart.insert(pair)
        } else {
            inner.apart.remove(&pair)
        };
        for (_, wire) in &inner.wires {
            let mut wire = wire.lock().unwrap();
            if wire.between(one) && wire.between(other) {
                wire.stalled = apart;
                wire.wake();
            }
        }
    }

    /// This person's streams break, and its services are gone: its process died.
    pub(super) fn die(&self, who: Who) {
        let mut inner = self.lock();
        inner.services.retain(|_, service| service.owner != who);
        let silent = inner.conditions.silent;
        for (_, wire) in &inner.wires {
            let mut wire = wire.lock().unwrap();
            if wire.between(who) {
                let side = usize::from(wire.people[1] == who);
                wire.cut(side, silent);
            }
        }
    }

    pub(super) fn break_one(&self) {
        let mut inner = self.lock();
        let (count, silent) = (inner.wires.len(), inner.conditions.silent);
        if count > 0 {
            let (at, side) = (inner.rng.random_range(0..count), inner.rng.random_range(0..2));
            inner.wires[at].1.lock().unwrap().cut(side, silent);
        }
    }

    /// Some earlier stream's first bytes come to the same service again, all of them or not.
    pub(super) fn play_again(&self) {
        let mut inner = self.lock();
        if inner.wires.is_empty() {
            return;
        }

        let count = inner.wires.len();
        let at = inner.rng.random_range(0..count);
        let (to, wire) = &inner.wires[at];
        let (address, wire) = (*to, wire.lock().unwrap());
        let (mut recorded, people) = (wire.recorded.clone(), wire.people);
        drop(wire);
        if inner.rng.random_bool(0.3) {
            let length = inner.rng.random_range(0..=recorded.len());
            recorded.truncate(length);
        }

        let linger = Duration::from_secs(inner.rng.random_range(0..60));
        let Some(service) = inner.services.get(&address) else { return };
        let (kind, incoming) = (service.kind, service.incoming.clone());
        let rng = StdRng::from_rng(&mut inner.rng);
        let taken = [Arc::default(), Arc::default()];
        let (ours, theirs) = pair(people, taken, rng, 1, None);

        ours.wire.lock().unwrap().put(0, &recorded);
        tokio::spawn(async move {
            if incoming
                .send(Incoming { service: kind, at: address, stream: Box::new(theirs) })
                .await
                .is_ok()
            {
                sleep(linger).await;
            }
            drop(ours);
        });
    }

    /// Bytes that streams took from one for another.
    pub(super) fn taken(&self, from: Who, to: Who) -> usize {
        self.lock().taken(from, to).load(Ordering::Relaxed)
    }

    /// One person's way into it.
    pub(super) fn transport(&self, who: Who, incoming: mpsc::Sender<Incoming>) -> SimTransport {
        let ready = NetworkStatus {
            ready: true,
            percent: 100,
            summary: Reason::TorConnected,
            stalled: None,
        };
        let closed = ServicesStatus::CLOSED;
        let (status, reachable) = (watch::channel(ready).0, watch::channel(closed).0);
        SimTransport { who, network: self.clone(), incoming, status, reachable }
    }

    async fn dial(self, from: Who, to: Address) -> Result<Stream, DialError> {
        let (lag, unreachable, hangs) = {
            let Inner { rng, conditions, .. } = &mut *self.lock();
            let lag = Duration::from_millis(rng.random_range(1..=conditions.slow));
            (lag, rng.random_bool(conditions.unreachable), rng.random_bool(conditions.hangs))
        };
        sleep(lag).await;
        if unreachable {
            return Err(DialError::Unreachable);
        }

        if hangs {
            sleep(DIAL_TIMEOUT).await;
            return Err(DialError::TimedOut);
        }

        let connected = self.connect(from, to);
        let Some((ours, incoming, accepted, late)) = connected else {
            return Err(DialError::Unreachable);
        };

        tokio::spawn(async move {
            sleep(late).await;
            drop(incoming.send(accepted).await);
        });

        Ok(Box::new(ours))
    }

    fn connect(
        &self,
        from: Who,
        to: Address,
    ) -> Option<(End, mpsc::Sender<Incoming>, Incoming, Duration)> {
        let mut inner = self.lock();
        let service = inner.services.get(&to)?;
        let (owner, kind, incoming) = (service.owner, service.kind, service.incoming.clone());
        if inner.apart.contains(&(from.min(owner), from.max(owner))) {
            return None;
        }

        let (conditions, rng) = (inner.conditions, &mut inner.rng);
        let breaks = rng.random_bool(conditions.breaks);
        let breaks_at = breaks.then(|| {
            if rng.random_bool(0.5) {
                rng.random_range(0..500)
            } else {
                rng.random_range(0..20_000)
            }
        });
        let late = Duration::from_millis(rng.random_range(0..=conditions.slow));
        let rng = StdRng::from_rng(rng);
        let taken = [inner.taken(from, owner), inner.taken(owner, from)];
        let (ours, theirs) = pair([from, owner], taken, rng, conditions.slow, breaks_at);

        inner.wires.push_back((to, Arc::clone(&ours.wire)));
        if inner.wires.len() > REMEMBERED * 4 {
            inner.wires.pop_front();
        }

        Some((ours, incoming, Incoming { service: kind, at: to, stream: Box::new(theirs) }, late))
    }
}

/// One person's way into the network.
pub(super) struct SimTransport {
    who: Who,
    network: Network,
    incoming: mpsc::Sender<Incoming>,
    status: watch::Sender<NetworkStatus>,
    reachable: watch::Sender<ServicesStatus>,
}

impl SimTransport {
    /// Says that the network is there, or that it seems lost.
    pub(super) fn seems_ready(&self, ready: bool) {
        self.status.send_modify(|status| status.ready = ready);
    }
}

impl Transport for SimTransport {
    fn dial(
        &self,
        to: Destination,
        _: IsolationToken,
        _: u32,
    ) -> BoxFuture<'static, Result<Stream, DialError>> {
        self.network.clone().dial(self.who, to.address()).boxed()
    }

    fn host(&self, services: Vec<HostedService>) -> BoxFuture<'static, ()> {
        let mut inner = self.network.lock();
        inner.services.retain(|_, service| service.owner != self.who);
        for HostedService { kind, key, .. } in &services {
            let service =
                SimService { owner: self.who, kind: *kind, incoming: self.incoming.clone() };
            inner.services.insert(key.onion_address().into(), service);
        }
        self.reachable.send_replace(ServicesStatus::reachable(&services));
        async {}.boxed()
    }

    fn network(&self) -> watch::Receiver<NetworkStatus> {
        self.status.subscribe()
    }

    fn services(&self) -> watch::Receiver<ServicesStatus> {
        self.reachable.subscribe()
    }

    fn close(&self) -> BoxFuture<'static, ()> {
        self.host(vec![])
    }
}

type Shared = Arc<Mutex<Wire>>;

/// One direction of a stream.
#[expect(clippy::struct_excessive_bools, reason = "each end may be in any state")]
#[derive(Default)]
struct DirectionState {
    bytes: VecDeque<(Instant, Vec<u8>)>,
    size: usize,
    last: Option<Instant>,
    /// The writer has closed it: its end comes after the bytes.
    closed: bool,
    /// The reader hears that it broke, after the bytes.
    broken: bool,
    /// Nobody reads: what is written is gone.
    void: bool,
    /// The writer hears that it broke.
    refuses: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// A stream: lane 0 goes from the dialler to the answerer, lane 1 back.
struct Wire {
    people: [Who; 2],
    taken: [Arc<AtomicUsize>; 2],
    /// It broke: who closes it later tells nobody.
    is_cut: bool,
    rng: StdRng,
    slow: u64,
    breaks_at: Option<usize>,
    stalled: bool,
    lanes: [DirectionState; 2],
    recorded: Vec<u8>,
}

impl Wire {
    fn between(&self, who: Who) -> bool {
        self.people.contains(&who)
    }

    fn wake(&mut self) {
        let wakers =
            self.lanes.iter_mut().flat_map(|lane| [lane.reader.take(), lane.writer.take()]);
        wakers.flatten().for_each(Waker::wake);
    }

    fn heal(&mut self) {
        (self.stalled, self.breaks_at) = (false, None);
        self.wake();
    }

    /// Bytes go on their way.
    fn put(&mut self, lane: usize, bytes: &[u8]) {
        let way = Duration::from_millis(self.rng.random_range(1..=self.slow));
        let lane = &mut self.lanes[lane];
        let arrives = lane.last.map_or(Instant::now() + way, |last| last.max(Instant::now() + way));
        lane.last = Some(arrives);
        lane.size += bytes.len();
        lane.bytes.push_back((arrives, bytes.to_vec()));
        self.wake();
    }

    /// Breaks: this side hears of it, the other perhaps; what was on its way may still come.
    fn cut(&mut self, side: usize, silent: f64) {
        self.is_cut = true;
        let told = !self.rng.random_bool(silent);
        let arrives = self.rng.random_bool(0.5);
        let [ours, theirs] = if side == 0 { [0, 1] } else { [1, 0] };
        self.lanes[ours].refuses = true;
        self.lanes[ours].broken |= told;
        self.lanes[theirs].broken = true;
        self.lanes[theirs].void = true;
        self.lanes[theirs].refuses |= told;
        self.lanes[theirs].bytes.clear();
        if !arrives {
            self.lanes[ours].bytes.clear();
        }
        self.wake();
    }
}

/// One end of a stream.
struct End {
    wire: Shared,
    side: usize,
    arrival: Option<Pin<Box<Sleep>>>,
}

fn pair(
    people: [Who; 2],
    taken: [Arc<AtomicUsize>; 2],
    rng: StdRng,
    slow: u64,
    breaks_at: Option<usize>,
) -> (End, End) {
    let (lanes, recorded) = (<[DirectionState; 2]>::default(), vec![]);
    let wire = Wire {
        people,
        taken,
        is_cut: false,
        rng,
        slow,
        breaks_at,
        stalled: false,
        lanes,
        recorded,
    };
    let wire = Arc::new(Mutex::new(wire));
    let end = |side| End { wire: Arc::clone(&wire), side, arrival: None };

    (end(0), end(1))
}

fn reset<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
}

impl AsyncRead for End {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let shared = Arc::clone(&self.wire);
        let mut wire = shared.lock().unwrap();
        let stalled = wire.stalled;
        let lane = &mut wire.lanes[1 - self.side];
        match lane.bytes.front_mut() {
            Some((arrives, bytes)) if !stalled && *arrives <= Instant::now() => {
                let length = bytes.len().min(buffer.remaining());
                buffer.put_slice(&bytes.drain(..length).collect::<Vec<_>>());
                if bytes.is_empty() {
                    lane.bytes.pop_front();
                }
                lane.size -= length.min(lane.size);
                lane.writer.take().into_iter().for_each(Waker::wake);
                return Poll::Ready(Ok(()));
            }
            Some((arrives, _)) if !stalled => {
                let arrives = *arrives;
                let mut arrival = Box::pin(sleep_until(arrives));
                if arrival.as_mut().poll(cx).is_ready() {
                    cx.waker().wake_by_ref();
                }
                self.arrival = Some(arrival);
            }
            None if lane.broken => return reset(),
            None if lane.closed && !stalled => return Poll::Ready(Ok(())),
            _ => {}
        }

        lane.reader = Some(cx.waker().clone());

        Poll::Pending
    }
}

impl AsyncWrite for End {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut wire = self.wire.lock().unwrap();
        let lane = &mut wire.lanes[self.side];
        if lane.refuses || lane.closed {
            return reset();
        }

        if lane.void {
            wire.taken[self.side].fetch_add(bytes.len(), Ordering::Relaxed);
            return Poll::Ready(Ok(bytes.len()));
        }

        let room = BUFFER - lane.size.min(BUFFER);
        if room == 0 {
            lane.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }

        let most = wire.breaks_at.map_or(room, |at| room.min(at.max(1)));
        let length = bytes.len().min(most);
        wire.put(self.side, &bytes[..length]);
        if self.side == 0 && wire.recorded.len() < RECORDED {
            wire.recorded.extend_from_slice(&bytes[..length]);
        }

        wire.taken[self.side].fetch_add(length, Ordering::Relaxed);
        if let Some(at) = wire.breaks_at {
            wire.breaks_at = Some(at.saturating_sub(length));
            if at <= length {
                let silent = wire.rng.random_range(0.0..1.0);
                let side = wire.rng.random_range(0..2);
                wire.cut(side, silent);
                wire.breaks_at = None;
            }
        }

        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.wire.lock().unwrap();
        wire.lanes[self.side].closed = !wire.is_cut;
        wire.wake();
        Poll::Ready(Ok(()))
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut wire = self.wire.lock().unwrap();
        let [ours, theirs] = if self.side == 0 { [0, 1] } else { [1, 0] };
        wire.lanes[ours].closed = !wire.is_cut;
        wire.lanes[theirs].void = true;
        wire.lanes[theirs].bytes.clear();
        wire.wake();
    }
}
