//! The one place that touches links, tasks and the transport: it applies effects after their
//! commit. It knows no SQL and no rules, and nothing that it does can fail.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::contacts::handle_jobs::{HandleJob, HandleResult};
use super::effect::{Dial, Effect, Target};
use super::input::{Inbox, Input, LinkInput, Report};
use super::presence::supervise::ServerTasks;
use super::session::admission::Admission;
use super::session::established::{EstablishedLink, RequestAnswer};
use super::session::handshake::Handshaker;
use super::session::keyring::LinkGuard;
use crate::limits::MAX_IDLE_DIALS;
use crate::link::session::{LinkSender, Session};
use crate::model::{ContactId, HandleId, OutboxId};
use crate::store::Store;
use crate::transport::{Incoming, SharedTransport};
use crate::wire::frame::{Bye, Frame, LinkId};

/// How long a stop waits for links and servers to hear goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// Links, dials and tasks, as they run.
pub(crate) struct Executor {
    pub(crate) handshaker: Handshaker,
    pub(crate) transport: SharedTransport,
    pub(crate) tasks: TaskTracker,
    /// Ends every task but the links.
    pub(crate) stop: CancellationToken,
    /// Ends the links, after `stop` and their goodbyes.
    links_stop: CancellationToken,
    links: BTreeMap<ContactId, RunningLink>,
    dials: BTreeMap<ContactId, RunningDial>,
    idle_dials: Arc<Semaphore>,
    admission: Admission,
    servers: ServerTasks,
    store: Store,
}

struct RunningLink {
    id: LinkId,
    sender: LinkSender,
    /// The link counts as held until this is dropped.
    _guard: LinkGuard,
}

/// A dial that is on its way. It ends with the contact, or when the next one begins.
struct RunningDial {
    _stop: DropGuard,
    /// Lets it begin, if it waits for its turn.
    start_now: CancellationToken,
}

impl Executor {
    pub(crate) fn new(
        handshaker: Handshaker,
        transport: SharedTransport,
        store: Store,
        servers: ServerTasks,
        stop: CancellationToken,
    ) -> Self {
        Self {
            handshaker,
            transport,
            tasks: TaskTracker::new(),
            stop,
            links_stop: CancellationToken::new(),
            links: BTreeMap::new(),
            dials: BTreeMap::new(),
            idle_dials: Arc::new(Semaphore::new(MAX_IDLE_DIALS)),
            admission: Admission::default(),
            servers,
            store,
        }
    }

    /// Applies one effect; what follows from it comes back as an input.
    pub(crate) async fn apply(&mut self, effect: Effect, inbox: &mut Inbox) -> Option<Input> {
        match effect {
            Effect::Send { contact, frame, outbox } => self.send(contact, frame, outbox),
            Effect::Run { contact, established_link } => {
                self.run_link(contact, *established_link, inbox);
            }
            Effect::Close { contact, bye } => self.close(contact, bye),
            Effect::Dial(dial) => self.dial(*dial),
            Effect::DialNow(contact) => self.dial_now(contact),
            Effect::StopDial(contact) => drop(self.dials.remove(&contact)),
            Effect::GoOn { contact, session } => self.go_on(contact, *session),
            Effect::Keys { contact, keys: Some(keys) } => {
                self.handshaker.keyring.insert(contact, *keys);
            }
            Effect::Keys { contact, keys: None } => self.handshaker.keyring.remove(contact),
            Effect::Invitations(secrets) => self.handshaker.keyring.set_invitations(secrets),
            Effect::AnswerRequest { to, frame, contact } => {
                let version = |contact| {
                    self.handshaker.keyring.version(contact).map(|version| (contact, version))
                };
                // If they are gone by now, they ask again and get the same answer.
                let _ = to.send(RequestAnswer { frame, contact: contact.and_then(version) });
            }
            Effect::Host(services) => self.transport.host(services).await,
            Effect::Presence(plan) => self.servers.follow(plan, &self.handshaker, &self.tasks),
            Effect::HandleJob(id, job) => {
                self.run_handle_job(id, *job);
            }
            Effect::Erase { rewrite } => {
                let cleaned = self.store.erase(rewrite).await;
                let cleaned = cleaned.inspect_err(
                    |error| tracing::error!(%error, "deleted messages are still on disk"),
                );
                return Some(Input::Erased {
                    cleaned: cleaned.unwrap_or(false),
                    rewritten: rewrite,
                });
            }
            Effect::Complete(completion) => completion.committed(),
            Effect::Continue(remainder) => return Some(Input::Remainder(remainder)),
        }

        None
    }

    fn run_handle_job(&self, id: HandleId, job: HandleJob) {
        let route = self.servers.routes().to(job.server, job.token.as_deref());
        let (handshaker, stop) = (self.handshaker.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let run = async {
                let result = job.run(route).await.unwrap_or_else(HandleResult::Failed);
                handshaker.report(Report::Handle { id, result }).await;
            };
            stop.run_until_cancelled(run).await
        });
    }

    /// Answers a stream that somebody opened to us.
    pub(crate) fn answer(&mut self, stream: Incoming, rng: &mut StdRng) {
        let slot = self.admission.admit(stream.at, rng);
        let (handshaker, stop) = (self.handshaker.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            stop.run_until_cancelled(handshaker.answer(stream, slot)).await;
        });
    }

    pub(crate) fn running(&self) -> BTreeMap<ContactId, LinkId> {
        self.links.iter().map(|(contact, link)| (*contact, link.id)).collect()
    }

    /// Says goodbye to everybody and joins every task.
    pub(crate) async fn finish(mut self) {
        for link in std::mem::take(&mut self.links).into_values() {
            let _ = link.sender.send(Frame::Bye(Bye::Stopping), None);
        }
        self.servers.publish_offline();
        self.tasks.close();
        self.stop.cancel();
        let _ = timeout(GOODBYE, self.tasks.wait()).await;

        self.links_stop.cancel();
        self.servers.stop();
        self.tasks.wait().await;
        self.transport.close().await;
    }

    /// A frame that finds no room in the queue ends the link, so that nothing overtakes it: over
    /// the next one, both sides repeat everything that has no receipt.
    fn send(&mut self, contact: ContactId, frame: Frame, outbox: Option<OutboxId>) {
        let Some(link) = self.links.get(&contact) else { return };
        if !link.sender.send(frame, outbox) {
            link.sender.cancel.cancel();
        }
    }

    fn run_link(
        &mut self,
        contact: ContactId,
        established_link: EstablishedLink,
        inbox: &mut Inbox,
    ) {
        let EstablishedLink { session, held, .. } = established_link;
        let id = session.id;
        let events = inbox.add_link(contact, id);
        let ended = events.clone();
        let (sender, running) =
            session.run(self.links_stop.child_token(), events, LinkInput::Event);

        self.tasks.spawn(async move {
            let error = running.await;
            ended.send(LinkInput::Ended(error)).await.is_ok()
        });
        self.links.insert(contact, RunningLink { id, sender, _guard: held });
    }

    /// A link whose sender is dropped ends after its last words; one that is cancelled ends now.
    fn close(&mut self, contact: ContactId, bye: Option<Bye>) {
        let Some(link) = self.links.remove(&contact) else { return };
        match bye {
            Some(bye) => drop(link.sender.send(Frame::Bye(bye), None)),
            None => link.sender.cancel.cancel(),
        }
    }

    fn dial(&mut self, dial: Dial) {
        let Dial { contact, target, attempt, urgent, rng } = dial;
        let (handshaker, transport) = (self.handshaker.clone(), Arc::clone(&self.transport));
        let (stop, start_now) = (self.stop.child_token(), CancellationToken::new());
        let turns = Arc::clone(&self.idle_dials);
        if urgent {
            start_now.cancel();
        }
        let running =
            RunningDial { _stop: stop.clone().drop_guard(), start_now: start_now.clone() };
        self.dials.insert(contact, running);

        let dialling = async move {
            let _turn = start_now.run_until_cancelled(turns.acquire_owned()).await;
            match target {
                Target::Contact(address) => {
                    handshaker.dial(&*transport, contact, address, attempt, rng).await;
                }
                Target::Request { invitation, introduction } => {
                    handshaker
                        .ask(&*transport, contact, &invitation, introduction, attempt, rng)
                        .await;
                }
            }
        };
        self.tasks.spawn(async move { stop.run_until_cancelled(dialling).await });
    }

    fn dial_now(&mut self, contact: ContactId) {
        if let Some(dial) = self.dials.get(&contact) {
            dial.start_now.cancel();
        }
    }

    fn go_on(&mut self, contact: ContactId, session: Session) {
        let Some(version) = self.handshaker.keyring.version(contact) else { return };
        let (handshaker, stop) = (self.handshaker.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            stop.run_until_cancelled(handshaker.go_on(contact, version, session)).await;
        });
    }
}
