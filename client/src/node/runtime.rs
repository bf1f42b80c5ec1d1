//! The node's loop: select, step, commit, apply. The only place of a running node that commits, and
//! that asks for the time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::contacts::cancelled_requests::CancelledRequests;
use super::contacts::handle_jobs::HandleJobs;
use super::conversation::erasure::Erasure;
use super::conversation::groups::Groups;
use super::core::Core;
use super::cx::Cx;
use super::dispatch::Undo;
use super::effect::{Effect, Effects};
use super::executor::Executor;
use super::handle::NodeHandle;
use super::input::{Arrival, CALL_QUEUE, Chore, Inbox, IncomingStreams, Input, REPORT_QUEUE};
use super::presence::Presences;
use super::reported::Reported;
use super::session::handshake::Handshaker;
use super::session::keyring::Keyring;
use super::session::table::{Links, Sessions};
use super::view::View;
use crate::clock::Clock;
use crate::error::NodeError;
use crate::identity::Identity;
use crate::model::KeyUpdates;
use crate::store::{Store, StoreError, Tx, events, owner, servers};
use crate::transport::{NetworkStatus, ServicesStatus, SharedTransport};

/// How often the node looks for what is due: expiries, repeats, key updates.
const TICK: Duration = Duration::from_secs(5);
/// Inputs that share one transaction and its commit, at most.
const MAX_BATCH: usize = 32;

/// Why a node is no longer running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was told to stop.
    Stopped,
    /// It was told to destroy the profile.
    Wiped,
    /// Its store was closed under it.
    StoreClosed,
}

/// A started node: its handle, and how to end it.
pub struct Running {
    /// Uses the node, from any number of tasks.
    pub handle: NodeHandle,
    /// Ends the node cleanly once it is cancelled.
    pub stop: CancellationToken,
    /// Finishes when everything that the node started has ended.
    pub ended: tokio::task::JoinHandle<Ending>,
}

/// What a node is made of.
pub struct Parts {
    /// The profile's store, open and at the newest schema.
    pub store: Store,
    /// Dials contacts and hosts our services.
    pub transport: SharedTransport,
    /// Streams that others open to us.
    pub incoming: IncomingStreams,
    /// The profile's directory, where a backup is prepared.
    pub directory: PathBuf,
    /// The wall clock, in milliseconds since 1970.
    pub clock: Clock,
    /// The source of all keys, ids and pauses of this node.
    pub rng: StdRng,
    /// When our keys of a conversation are replaced.
    pub key_updates: KeyUpdates,
    /// Whether contacts are dialled always, or only when something waits.
    pub links: Links,
}

/// Starts a node. It runs until `stop` is cancelled or it is wiped.
pub async fn start(parts: Parts) -> Result<Running, StoreError> {
    let (handle, stop, node) = Box::pin(prepare(parts)).await?;
    Ok(Running { handle, stop, ended: tokio::spawn(node.run()) })
}

/// A node that is ready to run.
pub(crate) struct Node {
    core: Core,
    executor: Executor,
    inbox: Inbox,
    /// Inputs that earlier ones have left.
    continued: VecDeque<Input>,
    store: Store,
    clock: Clock,
    rng: StdRng,
    identity: Arc<Identity>,
    view: Arc<View>,
    newest: watch::Sender<i64>,
    stop: CancellationToken,
    network: watch::Receiver<NetworkStatus>,
    services: watch::Receiver<ServicesStatus>,
    /// A step has failed: memory is brought back in line with the store before the next.
    must_recover: bool,
    /// In tests: how steps are run, and who looks at what they have done.
    #[cfg(test)]
    pub(crate) observer: Option<Box<dyn super::lockstep::StepObserver>>,
}

pub(crate) async fn prepare(
    parts: Parts,
) -> Result<(NodeHandle, CancellationToken, Node), StoreError> {
    let Parts { store, transport, incoming, directory, clock, rng, key_updates, links } = parts;
    let (reports, inbox) = mpsc::channel(REPORT_QUEUE);
    let (calls, called) = mpsc::channel(CALL_QUEUE);

    let mut tx = store.begin().await?;
    let owner = owner::load(&mut tx).await?;
    let own_presence = servers::own_presence(&mut tx).await?;
    let newest = watch::channel(events::newest(&mut tx).await?.0).0;
    drop(tx);

    let identity = Arc::new(Identity::new(&owner.root));
    let (network, services) = (transport.network(), transport.services());
    let (network_now, services_now) = (network.borrow().clone(), *services.borrow());
    let keyring = Keyring::default();
    let core = Core {
        sessions: Sessions::new(identity.peer_id(), links, network_now.ready),
        keyring: keyring.clone(),
        groups: Groups::default(),
        presences: Presences::new(own_presence, clock.now()),
        reported: Reported::new(network_now.clone(), services_now),
        withdrawn: CancelledRequests::default(),
        handle_jobs: HandleJobs::default(),
        erasure: Erasure::default(),
        owner,
        network: network_now,
        services: services_now,
        hosted: (vec![], false),
        key_updates,
        wiped: false,
    };

    let view = Arc::new(View::new(clock.now()));
    let stop = CancellationToken::new();
    let handshaker = Handshaker { identity: Arc::clone(&identity), keyring, reports };
    let mut rng = rng;
    let routes = super::presence::supervise::ServerRoutes::new(Arc::clone(&transport));
    let servers = super::presence::supervise::ServerTasks::new(
        routes.clone(),
        clock.clone(),
        StdRng::from_rng(&mut rng),
        stop.clone(),
    );
    let executor = Executor::new(handshaker, transport, store.clone(), servers, stop.clone());
    let handle = NodeHandle {
        calls,
        newest: newest.subscribe(),
        directory,
        store: store.clone(),
        view: Arc::clone(&view),
        clock: clock.clone(),
        routes,
        #[cfg(test)]
        at_once: false,
    };
    let mut node = Node {
        core,
        executor,
        inbox: Inbox::new(called, inbox, incoming),
        continued: VecDeque::new(),
        store,
        clock,
        rng,
        identity,
        view,
        newest,
        stop: stop.clone(),
        network,
        services,
        must_recover: false,
        #[cfg(test)]
        observer: None,
    };
    node.begin().await?;
    Ok((handle, stop, node))
}

impl Node {
    /// Reads the store, and brings everything outside in line with it.
    async fn begin(&mut self) -> Result<(), StoreError> {
        let mut cx = self.context(self.store.begin().await?);
        super::contacts::requests::renew_drafts(&mut cx).await?;
        self.core.load(&mut cx).await?;
        self.core.settle(&mut cx).await?;
        let committed = self.commit(cx).await?;
        self.apply(committed).await;

        self.core.services = *self.services.borrow_and_update();
        self.core.reported.services.is_known((), self.core.services);
        self.show();
        Ok(())
    }

    /// Runs until it is told to stop.
    pub(crate) async fn run(mut self) -> Ending {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.core.wiped {
            let Some(inputs) = self.gather(&mut tick).await else { break };
            if !inputs.is_empty() && self.run_step(inputs).await == Step::StoreClosed {
                return Ending::StoreClosed;
            }
        }
        self.finish().await
    }

    /// What there is to handle next. `None` when the node is to stop.
    async fn gather(&mut self, tick: &mut Interval) -> Option<Vec<Input>> {
        let mut inputs: Vec<Input> = self.continued.pop_front().into_iter().collect();
        if inputs.is_empty() {
            let next_dial = self.core.next_dial(Instant::now());
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return None,
                Ok(()) = self.network.changed() => {
                    inputs.push(Input::Network(self.network.borrow_and_update().clone()));
                }
                Ok(()) = self.services.changed() => {
                    inputs.push(Input::Services(*self.services.borrow_and_update()));
                }
                () = sleep_until(next_dial) => inputs.push(Input::DialDue),
                _ = tick.tick() => inputs.extend(Chore::ALL.map(Input::Chore)),
                arrival = self.inbox.next() => self.arrive(arrival, &mut inputs),
            }
        }

        // Whatever waits already shares the commit.
        while inputs.len() < MAX_BATCH {
            let Some(arrival) = self.inbox.ready() else { break };
            self.arrive(arrival, &mut inputs);
        }

        Some(inputs)
    }

    fn arrive(&mut self, arrival: Arrival, inputs: &mut Vec<Input>) {
        match arrival {
            Arrival::Input(input) => inputs.push(input),
            Arrival::Stream(stream) => self.executor.answer(stream, &mut self.rng),
        }
    }

    #[cfg(not(test))]
    async fn run_step(&mut self, inputs: Vec<Input>) -> Step {
        self.step(inputs).await
    }

    /// The simulated world makes a step part of its one thread, and looks at each.
    #[cfg(test)]
    async fn run_step(&mut self, inputs: Vec<Input>) -> Step {
        let Some(mut observer) = self.observer.take() else { return self.step(inputs).await };
        let result = super::lockstep::at_once(self.step(inputs));
        observer.stepped();
        self.observer = Some(observer);
        result
    }

    /// Handles inputs in one transaction: all of what succeeds is committed, then applied.
    async fn step(&mut self, inputs: Vec<Input>) -> Step {
        match self.try_step(inputs).await {
            Ok(()) => Step::Done,
            Err(StoreError::Closed) => Step::StoreClosed,
            Err(error) => {
                tracing::error!(%error, "what happened could not be stored");
                self.core.reported.undone();
                self.must_recover = true;
                Step::Done
            }
        }
    }

    async fn try_step(&mut self, inputs: Vec<Input>) -> Result<(), StoreError> {
        let mut inputs = VecDeque::from(inputs);
        let tx = match self.store.begin().await {
            Ok(tx) => tx,
            Err(error) => return Err(fail(inputs, Effects::default(), error)),
        };
        let mut cx = self.context(tx);
        if let Err(error) = self.handle_all(&mut inputs, &mut cx).await {
            return Err(fail(inputs, cx.fx, error));
        }

        let committed = self.commit(cx).await?;
        self.apply(committed).await;
        Ok(())
    }

    async fn handle_all(
        &mut self,
        inputs: &mut VecDeque<Input>,
        cx: &mut Cx,
    ) -> Result<(), StoreError> {
        if self.must_recover {
            let running = self.executor.running();
            self.core.recover(cx, &running).await?;
            self.must_recover = false;
        }
        let shared = inputs.len() > 1;
        while let Some(input) = inputs.pop_front() {
            self.handle(input, cx, shared).await?;
        }
        self.core.settle(cx).await
    }

    /// Handles one of several inputs; one that fails takes nothing of the others with it.
    async fn handle(&mut self, input: Input, cx: &mut Cx, shared: bool) -> Result<(), StoreError> {
        let (mark, reported) = (cx.fx.mark(), self.core.reported.mark());
        if shared {
            cx.tx.savepoint().await?;
        }
        let Err(undo) = self.core.handle(input, cx).await else {
            return if shared { cx.tx.release().await } else { Ok(()) };
        };

        cx.fx.go_back(mark);
        self.core.reported.go_back(reported);
        if shared {
            cx.tx.undo_to_savepoint().await?;
        } else {
            cx.tx.undo().await?;
        }
        match undo {
            Undo::Refused => Ok(()),
            Undo::Failed(error) => {
                if let Some(error) = error {
                    tracing::error!(%error, "something that happened could not be stored");
                }
                let running = self.executor.running();
                self.core.recover(cx, &running).await
            }
        }
    }

    fn context(&mut self, tx: Tx) -> Cx {
        Cx {
            tx,
            now: self.clock.now(),
            at: Instant::now(),
            rng: StdRng::from_rng(&mut self.rng),
            own: Arc::clone(&self.identity),
            fx: Effects::default(),
        }
    }

    async fn commit(&mut self, mut cx: Cx) -> Result<Committed, StoreError> {
        let newest = events::newest(&mut cx.tx).await?.0;
        match cx.tx.commit().await {
            Ok(()) => {
                self.core.reported.committed();
                Ok(Committed { effects: cx.fx.into_list(), newest })
            }
            Err(error) => Err(fail(VecDeque::new(), cx.fx, error)),
        }
    }

    /// Does what is left to do. Whoever waits for an event or an answer finds what has led to it
    /// when they look: the view comes first.
    async fn apply(&mut self, Committed { effects, newest }: Committed) {
        let is_answer = |effect: &Effect| matches!(effect, Effect::Complete(_));
        let (answers, others): (Vec<_>, Vec<_>) = effects.into_iter().partition(is_answer);
        for effect in others {
            if let Some(input) = self.executor.apply(effect, &mut self.inbox).await {
                self.continued.push_back(input);
            }
        }

        self.show();
        self.newest.send_if_modified(|value| std::mem::replace(value, newest) != newest);
        for answer in answers {
            self.executor.apply(answer, &mut self.inbox).await;
        }
    }

    /// Brings what readers see in line with memory.
    fn show(&mut self) {
        self.view.update(&mut self.core);
    }

    /// The tasks that the node has.
    #[cfg(test)]
    pub(crate) fn tasks(&self) -> tokio_util::task::TaskTracker {
        self.executor.tasks.clone()
    }

    async fn finish(self) -> Ending {
        #[cfg(test)]
        let simulated = self.observer.is_some();
        let Self { core, executor, inbox, store, .. } = self;
        // Nobody is answered any more, and nobody waits to tell us something.
        drop(inbox);
        executor.finish().await;
        #[cfg(test)]
        if simulated {
            super::lockstep::at_once(store.close());
        }
        store.close().await;
        if core.wiped { Ending::Wiped } else { Ending::Stopped }
    }
}

/// What a commit leaves to do.
struct Committed {
    effects: Vec<Effect>,
    /// The number of the newest event.
    newest: i64,
}

#[derive(PartialEq, Eq)]
enum Step {
    Done,
    StoreClosed,
}

/// Tells everybody who called that nothing is stored.
fn fail(inputs: VecDeque<Input>, fx: Effects, error: StoreError) -> StoreError {
    let told = NodeError::from(&error);
    for input in inputs {
        if let Input::Call(call) = input {
            call.fail(told.clone());
        }
    }
    for effect in fx.into_list() {
        if let Effect::Complete(completion) = effect {
            completion.failed(told.clone());
        }
    }
    error
}
