//! The inputs that the node handles one after the other, and the queue that they come from.
//!
//! Every link has a small queue of its own, and the queues are served in turn. A contact who sends
//! as fast as they can delays only themselves: a link stops reading while its queue is full.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{FutureExt, poll_fn};
use futures::stream::{SelectAll, Stream, StreamExt};
use tokio::sync::mpsc;

use super::call::Call;
use super::contacts::handle_jobs::HandleResult;
use super::effect::Remainder;
use super::presence::plan::ServerUpdate;
use super::session::established::{Answered, AttemptError, ContactRequest, EstablishedLink};
use crate::link::LinkError;
use crate::link::session::LinkEvent;
use crate::model::{ContactId, HandleId};
use crate::transport::{Incoming, NetworkStatus, ServicesStatus};
use crate::wire::frame::LinkId;
use chive_shared::server::ServerId;

/// Accepted streams waiting for the node.
pub const INCOMING_QUEUE: usize = 64;
/// Accepted streams, for [`start`](super::start).
pub type IncomingStreams = mpsc::Receiver<Incoming>;
/// Calls waiting for the node.
pub(crate) const CALL_QUEUE: usize = 64;
/// Reports of tasks waiting for the node: tasks wait while it is full.
pub(crate) const REPORT_QUEUE: usize = 256;
/// What came over one link and waits for the node: the link reads no further while it is full. It
/// is also what others may have to wait for, and a longer queue brings little more through the
/// node.
pub(crate) const LINK_QUEUE: usize = 1;

/// One thing to handle, whole, in one transaction.
pub(crate) enum Input {
    /// Somebody uses the local API.
    Call(Box<dyn Call>),
    /// A task of the node's tells something.
    Report(Report),
    /// Something came over a link, or it ended.
    Link {
        contact: ContactId,
        link: LinkId,
        event: LinkInput,
    },
    /// What was too much for one transaction goes on.
    Remainder(Remainder),
    /// The time of some dial has come.
    DialDue,
    Network(NetworkStatus),
    Services(ServicesStatus),
    /// Something that is looked after now and then.
    Chore(Chore),
    /// The store's files were cleaned of deleted messages. False if somebody was reading them.
    Erased {
        cleaned: bool,
        rewritten: bool,
    },
}

/// What is looked after at every tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chore {
    /// Envelopes that have no receipt, or have not been handed over.
    Deliveries,
    /// Whatever has a time: expiry, deletion, new keys, handles, old invitations.
    Maintenance,
    /// Requests of ours that a link has made pointless.
    SettledRequests,
    /// Restart requests that were not answered.
    Restarts,
    /// What is told of contacts, servers, the network and our services.
    Presences,
    /// Deleted messages, in the store's files.
    Erasure,
}

impl Chore {
    /// Those that every tick brings.
    pub(crate) const ALL: [Self; 6] = [
        Self::Deliveries,
        Self::Maintenance,
        Self::Erasure,
        Self::SettledRequests,
        Self::Restarts,
        Self::Presences,
    ];
}

/// What came over a link.
pub(crate) enum LinkInput {
    Event(LinkEvent),
    Ended(LinkError),
}

/// What the node's tasks tell it.
pub(crate) enum Report {
    /// Both ends of a new link have said hello.
    LinkEstablished { contact: ContactId, established_link: Box<EstablishedLink> },
    /// Somebody with a contact's tag dialled us, and there is no link.
    AnswerFailed { contact: ContactId, error: LinkError },
    /// Our dial to a contact failed.
    DialFailed { contact: ContactId, error: AttemptError },
    /// Our contact request did not get through.
    RequestFailed { contact: ContactId, error: AttemptError },
    /// Somebody asks to become a contact.
    Requested(ContactRequest),
    /// Our contact request was answered.
    Answered(Answered),
    /// Something about a server, or by it about a contact.
    Server { server: ServerId, update: ServerUpdate },
    /// What became of a handle job.
    Handle { id: HandleId, result: HandleResult },
}

/// What arrives: an input, or a stream that is answered without a transaction.
pub(crate) enum Arrival {
    Input(Input),
    Stream(Incoming),
}

/// Everything that waits for the node.
pub(crate) struct Inbox {
    calls: mpsc::Receiver<Box<dyn Call>>,
    reports: mpsc::Receiver<Report>,
    incoming: IncomingStreams,
    links: SelectAll<LinkQueue>,
    /// Which source is asked first next time.
    turn: usize,
}

impl Inbox {
    const SOURCES: usize = 4;

    pub(crate) fn new(
        calls: mpsc::Receiver<Box<dyn Call>>,
        reports: mpsc::Receiver<Report>,
        incoming: IncomingStreams,
    ) -> Self {
        Self { calls, reports, incoming, links: SelectAll::new(), turn: 0 }
    }

    /// A queue for a new link.
    pub(crate) fn add_link(&mut self, contact: ContactId, link: LinkId) -> mpsc::Sender<LinkInput> {
        let (sender, queue) = mpsc::channel(LINK_QUEUE);
        self.links.push(LinkQueue { contact, link, queue });
        sender
    }

    /// The next arrival, once there is one. The sources take turns; not by chance, so that what
    /// happened can be played again.
    pub(crate) async fn next(&mut self) -> Arrival {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next arrival, if it is there already.
    pub(crate) fn ready(&mut self) -> Option<Arrival> {
        self.next().now_or_never()
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Arrival> {
        for offset in 0..Self::SOURCES {
            let source = (self.turn + offset) % Self::SOURCES;
            if let Poll::Ready(Some(arrival)) = self.poll_source(source, context) {
                self.turn = source + 1;
                return Poll::Ready(arrival);
            }
        }
        Poll::Pending
    }

    fn poll_source(&mut self, source: usize, context: &mut Context<'_>) -> Poll<Option<Arrival>> {
        let input = |input: Option<Input>| input.map(Arrival::Input);
        match source {
            0 => self.calls.poll_recv(context).map(|call| input(call.map(Input::Call))),
            1 => self.reports.poll_recv(context).map(|report| input(report.map(Input::Report))),
            2 => self.incoming.poll_recv(context).map(|stream| stream.map(Arrival::Stream)),
            _ => self.links.poll_next_unpin(context).map(input),
        }
    }
}

/// What came over one link.
struct LinkQueue {
    contact: ContactId,
    link: LinkId,
    queue: mpsc::Receiver<LinkInput>,
}

impl Stream for LinkQueue {
    type Item = Input;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Input>> {
        let (contact, link) = (self.contact, self.link);
        self.queue
            .poll_recv(context)
            .map(|event| event.map(|event| Input::Link { contact, link, event }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contact_of(arrival: Option<&Arrival>) -> Option<ContactId> {
        match arrival {
            Some(Arrival::Input(Input::Link { contact, .. })) => Some(*contact),
            _ => None,
        }
    }

    fn flushed() -> LinkInput {
        LinkInput::Event(LinkEvent::Flushed(crate::model::OutboxId(1)))
    }

    #[tokio::test]
    async fn a_busy_link_waits_for_its_turn() {
        let (_calls, calls) = mpsc::channel(1);
        let (_reports, reports) = mpsc::channel(1);
        let (_incoming, incoming) = mpsc::channel(1);
        let mut inbox = Inbox::new(calls, reports, incoming);
        let busy = inbox.add_link(ContactId(1), [1; 8]);
        let quiet = inbox.add_link(ContactId(2), [2; 8]);

        for _ in 0..LINK_QUEUE {
            busy.try_send(flushed()).unwrap();
        }
        assert!(busy.try_send(flushed()).is_err(), "a link that is not served reads no further");
        quiet.try_send(flushed()).unwrap();

        let served: Vec<_> =
            (0..=LINK_QUEUE).map(|_| contact_of(inbox.ready().as_ref()).unwrap()).collect();
        let turn = served.iter().position(|contact| *contact == ContactId(2)).unwrap();
        assert!(turn <= 1, "{served:?}");
        assert!(inbox.ready().is_none());
    }
}
