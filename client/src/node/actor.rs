//! The actor: its state, its loop, its beginning and its end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{Stream, StreamExt, poll_fn, select};
use rand::rngs::StdRng;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::directory::Directory;
use super::handles::Errands;
use super::lobby::Lobby;
use super::meet::Host;
use super::peer::Peer;
use super::servers::Servers;
use super::terms::Erasure;
use super::{
    COMMAND_QUEUE, Command, Ending, IncomingStreams, Input, Links, NodeHandle, REPORT_QUEUE, Report, Running,
    SharedTransport, internal,
};
use crate::api::types::{DoorState, ErrorCode, Status, TorStatus, What};
use crate::clock::Clock;
use crate::fault::Fault;
use crate::identity::{Identity, PeerId};
use crate::limits::MAX_IDLE_DIALS;
use crate::link::session::Session;
use crate::model::{ContactId, ContactStatus, Reason, ServiceId, UnixMillis};
use crate::store::owner::Owner;
use crate::store::{Store, StoreError, contacts, events, handles, messages, owner, servers};
use crate::transport::{NetworkStatus, Reachability, ServicesStatus};
use crate::wire::frame::{Bye, Frame};

/// How often the node looks for what is due: expiries, resends, self-updates.
const TICK: Duration = Duration::from_secs(5);
/// How long a stop waits for links, and servers, to hear goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// What a node is made of.
pub struct Parts {
    /// The open store.
    pub store: Store,
    /// The way to others.
    pub transport: SharedTransport,
    /// Streams that others open to us.
    pub incoming: IncomingStreams,
    /// Where the profile is.
    pub directory: PathBuf,
    /// The time.
    pub clock: Clock,
    /// Chance.
    pub rng: StdRng,
    /// After how many sealed messages our keys of a conversation are replaced: [`super::UPDATE_AFTER`].
    pub update_after: u32,
    /// Whom to dial.
    pub links: Links,
}

/// The actor's state.
pub(super) struct Node {
    pub(super) store: Store,
    pub(super) transport: SharedTransport,
    pub(super) clock: Clock,
    pub(super) rng: StdRng,
    pub(super) update_after: u32,
    pub(super) links: Links,
    pub(super) owner: Owner,
    pub(super) host: Host,
    pub(super) peers: BTreeMap<ContactId, Peer>,
    /// Requests of ours to people whom we have removed since: they may still be on their way.
    pub(super) withdrawn: BTreeMap<PeerId, ([u8; 16], Instant)>,
    pub(super) tasks: TaskTracker,
    pub(super) stop: CancellationToken,
    /// Ends the links, after `stop` and their goodbyes.
    pub(super) links_stop: CancellationToken,
    pub(super) idle_dials: Arc<Semaphore>,
    pub(super) newest: watch::Sender<i64>,
    pub(super) network: NetworkStatus,
    /// Whether the network has ever been ready: from then on, dials are what finds it again.
    pub(super) was_ready: bool,
    pub(super) doors: ServicesStatus,
    /// The rows of the hosted services, as last told to the transport.
    pub(super) hosted: Vec<ServiceId>,
    /// Whether a replaced one is among them.
    pub(super) replaced: bool,
    lobby: Lobby,
    pub(super) servers: Servers,
    pub(super) errands: Errands,
    pub(super) erasure: Erasure,
    started_at: UnixMillis,
    wiped: bool,
}

/// Starts a node. It runs until `stop` is cancelled or it is wiped.
pub async fn start(parts: Parts) -> Result<Running, StoreError> {
    let (handle, stop, node) = prepare(parts).await?;
    Ok(Running { handle, stop, ended: tokio::spawn(node) })
}

/// A node that is ready to run.
pub(super) async fn prepare(
    parts: Parts,
) -> Result<(NodeHandle, CancellationToken, impl Future<Output = Ending> + Send), StoreError> {
    let Parts { store, transport, incoming, directory, clock, rng, update_after, links } = parts;
    let (reports, inbox) = mpsc::channel(REPORT_QUEUE);
    let (commands, asked) = mpsc::channel(COMMAND_QUEUE);
    let mut tx = store.begin().await?;
    let owner = owner::load(&mut tx).await?;
    let own_presence = servers::own_presence(&mut tx).await?;
    let newest = watch::channel(events::newest(&mut tx).await?.0).0;
    drop(tx);
    let handle = NodeHandle { commands, newest: newest.subscribe(), directory, store: store.clone() };
    let host = Host { identity: Identity::new(&owner.root), directory: Directory::default(), reports };
    let stop = CancellationToken::new();
    let mut node = Node {
        was_ready: transport.network().borrow().ready,
        network: transport.network().borrow().clone(),
        doors: *transport.services().borrow(),
        store,
        transport,
        rng,
        update_after,
        links,
        owner,
        host,
        peers: BTreeMap::new(),
        withdrawn: BTreeMap::new(),
        tasks: TaskTracker::new(),
        stop: stop.clone(),
        links_stop: CancellationToken::new(),
        idle_dials: Arc::new(Semaphore::new(MAX_IDLE_DIALS)),
        newest,
        hosted: vec![],
        replaced: false,
        lobby: Lobby::default(),
        servers: Servers::new(own_presence, clock.now()),
        errands: Errands::default(),
        erasure: Erasure::default(),
        started_at: clock.now(),
        clock,
        wiped: false,
    };
    node.renew_requests().await?;
    node.load_peers().await?;
    node.refresh_invitations().await?;
    node.refresh_services().await?;
    node.refresh_servers().await?;
    node.doors = *node.transport.services().borrow();
    Ok((handle, stop, node.run(one_queue(asked, inbox, incoming))))
}

/// Takes from each queue in turn, so that none keeps another waiting. Not by chance: what happened
/// can be played again.
fn one_queue(
    commands: mpsc::Receiver<Command>,
    reports: mpsc::Receiver<Report>,
    incoming: IncomingStreams,
) -> impl Stream<Item = Input> + Send + Unpin {
    let tasks = select(queue(reports).map(Input::Report), queue(incoming).map(Input::Incoming));
    select(queue(commands).map(Input::Command), tasks)
}

fn queue<T>(mut queue: mpsc::Receiver<T>) -> impl Stream<Item = T> + Unpin {
    poll_fn(move |context| queue.poll_recv(context))
}

impl Node {
    async fn run(mut self, mut inbox: impl Stream<Item = Input> + Unpin) -> Ending {
        let (mut network, mut doors) = (self.transport.network(), self.transport.services());
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.wiped {
            let next_dial = self.next_dial();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                Ok(()) = network.changed() => {
                    let status = network.borrow_and_update().clone();
                    self.network_changed(status).await;
                }
                Ok(()) = doors.changed() => {
                    let status = *doors.borrow_and_update();
                    self.doors_changed(status).await;
                }
                () = sleep_until(next_dial) => self.dial_due().await,
                _ = tick.tick() => self.tick().await,
                Some(input) = inbox.next() => self.handle(input).await,
            }
        }
        // Nobody is answered any more, and nobody waits to tell us something.
        drop(inbox);
        self.finish().await
    }

    async fn handle(&mut self, input: Input) {
        match input {
            Input::Command(command) => self.command(command).await,
            Input::Report(report) => self.report(report).await,
            Input::Incoming(stream) => self.answer(stream),
        }
    }

    async fn finish(mut self) -> Ending {
        for peer in self.peers.values_mut() {
            if let Some(link) = peer.link.take() {
                let _ = link.sender.send(Frame::Bye(Bye::Stopping), None);
            }
        }
        self.say_farewell();
        self.tasks.close();
        self.stop.cancel();
        let _ = timeout(GOODBYE, self.tasks.wait()).await;
        self.links_stop.cancel();
        self.tasks.wait().await;
        self.transport.close().await;
        self.store.close().await;
        if self.wiped { Ending::Wiped } else { Ending::Stopped }
    }

    async fn command(&mut self, command: Command) {
        // A caller that went away does not need its answer.
        match command {
            Command::Status(to) => drop(to.send(self.status().await)),
            Command::Invite(new, to) => drop(to.send(self.invite(&new).await)),
            Command::Invitations(to) => drop(to.send(self.invitations().await)),
            Command::Revoke(id, to) => drop(to.send(self.revoke(&id).await)),
            Command::AddContact(new, to) => drop(to.send(self.add_contact(&new).await)),
            Command::WayTo(server, to) => {
                let way = self.way_to(server).await;
                drop(to.send(way.map(|way| (way, self.clock.now()))));
            }
            Command::Contacts(to) => drop(to.send(self.contacts().await)),
            Command::Contact(who, to) => drop(to.send(self.contact(&who).await)),
            Command::ChangeContact(who, change, to) => drop(to.send(self.change_contact(&who, &change).await)),
            Command::RemoveContact(who, to) => drop(to.send(self.remove_contact(&who).await)),
            Command::Send(who, new, to) => drop(to.send(self.send(&who, &new).await)),
            Command::History(who, limit, before, to) => {
                drop(to.send(self.history(&who, limit, before.as_deref()).await));
            }
            Command::Conversations(to) => drop(to.send(self.conversations().await)),
            Command::Search(search, to) => drop(to.send(self.search(&search).await)),
            Command::Message(id, to) => drop(to.send(self.message(&id).await)),
            Command::Cancel(id, to) => drop(to.send(self.cancel(&id).await)),
            Command::MarkRead(who, mark, to) => drop(to.send(self.mark_read(&who, &mark).await)),
            Command::Servers(to) => drop(to.send(self.servers().await)),
            Command::AddServer(new, to) => drop(to.send(self.add_server(new).await)),
            Command::RemoveServer(address, to) => drop(to.send(self.remove_server(&address).await)),
            Command::SetPresence(presence, to) => drop(to.send(self.set_own_presence(presence).await)),
            Command::Handles(to) => drop(to.send(self.handles().await)),
            Command::ClaimHandle(handle, to) => drop(to.send(self.claim_handle(&handle).await)),
            Command::ReleaseHandle(handle, to) => drop(to.send(self.release_handle(&handle).await)),
            Command::Requests(to) => drop(to.send(self.requests().await)),
            Command::AnswerRequest(id, decision, to) => drop(to.send(self.answer_request(&id, decision).await)),
            Command::ChangeProfile(change, to) => drop(to.send(self.change_profile(&change).await)),
            Command::Events(after, limit, to) => drop(to.send(self.events(after, limit).await)),
            Command::Wipe(to) => {
                self.wiped = true;
                drop(to.send(Ok(())));
            }
            #[cfg(test)]
            Command::Receive(contact, envelope, to) => {
                drop(to.send(self.receive(contact, &envelope).await.map_err(Fault::from)));
            }
            #[cfg(test)]
            Command::Weigh(to) => drop(to.send(Ok(self.weigh()))),
        }
    }

    async fn report(&mut self, report: Report) {
        let done = match report {
            Report::Met { contact, meeting } => self.link_up(contact, *meeting).await,
            Report::AnswerFailed { contact, error } => self.answer_failed(contact, &error).await,
            Report::DialFailed { contact, error } => self.dial_failed(contact, &error, false).await,
            Report::AskFailed { contact, error } => self.dial_failed(contact, &error, true).await,
            Report::Asked(asking) => self.asked(asking).await,
            Report::Answered { contact, began, peer, introduction, answer, session } => {
                let done = self.answered(contact, began, peer, &introduction, answer).await;
                match done {
                    Ok(true) => self.go_on(contact, *session),
                    Ok(false) => {}
                    Err(_) => self.request_failed(contact, Reason::AnswerNotStored),
                }
                done.map(drop)
            }
            Report::Link { contact, link, event } => self.link_event(contact, link, event).await,
            Report::Server { server, news } => self.server_news(server, news).await,
            Report::Errand { id, news } => self.errand_news(id, news).await,
            Report::LinkEnded { contact, link, error } => self.link_ended(contact, link, &error).await,
        };
        if let Err(error) = done {
            tracing::error!(%error, "something that happened could not be stored");
        }
    }

    fn answer(&mut self, stream: crate::transport::Incoming) {
        let place = self.lobby.enter(stream.at, &mut self.rng);
        let (host, stop) = (self.host.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            stop.run_until_cancelled(host.answer(stream, place)).await;
        });
    }

    fn go_on(&mut self, contact: ContactId, session: Session) {
        let Some(pair) = self.host.directory.pair(contact) else { return };
        let (host, stop) = (self.host.clone(), self.stop.clone());
        self.tasks.spawn(async move { stop.run_until_cancelled(host.go_on(contact, pair, session)).await });
    }

    async fn tick(&mut self) {
        self.resend().await;
        log_failure(self.do_what_is_due().await);
        log_failure(self.erase().await);
        log_failure(self.settle_requests().await);
        log_failure(self.repeat_questions().await);
        log_failure(self.settle_presence().await);
        log_failure(self.show_all_presences().await);
    }

    async fn do_what_is_due(&mut self) -> Result<(), StoreError> {
        let due = self.store.due(self.clock.now(), self.update_after).await?;
        if due.stale {
            self.update_keys().await;
        }
        if due.expired {
            log_failure(self.expire().await);
        }
        if due.deleted {
            log_failure(self.delete_due().await);
        }
        if due.errands {
            log_failure(self.run_errands().await);
        }
        if due.forgotten || self.replaced {
            log_failure(self.forget_old().await);
        }
        Ok(())
    }

    async fn network_changed(&mut self, status: NetworkStatus) {
        self.was_ready |= status.ready;
        if status.ready && !self.network.ready {
            self.peers.values_mut().for_each(Peer::hurry);
        }
        if std::mem::replace(&mut self.network, status) != self.network {
            self.announce(&What::Tor { tor: self.tor_status() }).await;
        }
    }

    async fn doors_changed(&mut self, status: ServicesStatus) {
        if std::mem::replace(&mut self.doors, status) != status {
            let (front_door, endpoint) = (door_state(status.requests), door_state(status.contacts));
            self.announce(&What::Doors { front_door, endpoint }).await;
        }
    }

    fn tor_status(&self) -> TorStatus {
        let NetworkStatus { ready, percent, summary, stalled } = self.network.clone();
        TorStatus { ready, percent, summary, stalled }
    }

    pub(super) async fn status(&mut self) -> Result<Status, Fault> {
        let mut tx = self.begin().await?;
        let waiting = messages::waiting_of_all(&mut tx).await?.values().sum();
        let requests = handles::count_waiting(&mut tx).await?;
        drop(tx);
        let (servers, servers_reachable) = self.servers.count();
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").into(),
            name: self.owner.name.clone(),
            started_at: self.started_at.into(),
            tor: self.tor_status(),
            front_door: door_state(self.doors.requests),
            endpoint: door_state(self.doors.contacts),
            contacts: u32::try_from(self.peers.len()).unwrap_or(u32::MAX),
            online: u32::try_from(self.peers.values().filter(|peer| peer.link.is_some()).count()).unwrap_or(u32::MAX),
            waiting,
            presence: self.servers.own().into(),
            servers,
            servers_reachable,
            requests,
            last_event: *self.newest.borrow(),
        })
    }

    /// A transaction for a command.
    pub(super) async fn begin(&self) -> Result<crate::store::Tx, Fault> {
        Ok(self.store.begin().await?)
    }

    /// Commits, then tells those who listen.
    pub(super) async fn commit(&self, mut tx: crate::store::Tx) -> Result<(), StoreError> {
        let newest = events::newest(&mut tx).await?.0;
        tx.commit().await?;
        self.newest.send_if_modified(|value| std::mem::replace(value, newest) != newest);
        Ok(())
    }

    /// Writes an event down that belongs to no other change.
    pub(super) async fn announce(&self, what: &What) {
        let announced = async {
            let mut tx = self.store.begin().await?;
            super::events::note(&mut tx, what, self.clock.now()).await?;
            self.commit(tx).await
        };
        if let Err(error) = announced.await {
            tracing::error!(%error, "an event could not be stored");
        }
    }

    async fn load_peers(&mut self) -> Result<(), StoreError> {
        let mut tx = self.store.begin().await?;
        for row in contacts::all(&mut tx).await? {
            let waiting = messages::anything_waits(&mut tx, row.id).await?
                || contacts::request(&mut tx, row.id).await?.is_some()
                || (row.state == ContactStatus::Accepted && !row.begun);
            let mut peer = Peer::new(row.peer_id, Instant::now());
            peer.waiting = waiting;
            self.peers.insert(row.id, peer);
            self.apply(&row)?;
        }
        Ok(())
    }
}

/// One that fails holds no other up, and is tried again at the next tick.
fn log_failure(done: Result<(), StoreError>) {
    if let Err(error) = done {
        tracing::error!(%error, "what was due could not be done");
    }
}

pub(super) fn door_state(state: Reachability) -> DoorState {
    match state {
        Reachability::Closed => DoorState::Closed,
        Reachability::Starting => DoorState::Starting,
        Reachability::Reachable => DoorState::Reachable,
        Reachability::Unreachable => DoorState::Unreachable,
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::Full => ErrorCode::DiskFull,
            StoreError::ReadOnly => ErrorCode::DiskReadOnly,
            StoreError::Damaged { .. } => ErrorCode::ProfileDamaged,
            _ => return internal(&error),
        };
        tracing::error!(%error, "a command failed");
        Self::new(code, error.to_string())
    }
}

/// Shorthand for a refused command.
pub(super) fn refuse<T>(code: ErrorCode, detail: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::new(code, detail))
}
