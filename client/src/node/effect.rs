//! What an input leaves to do. Domains only write it down.
//!
//! There are two lists. [`Marks`] name what has changed, and are worked off in the same transaction
//! by `Core::settle`: a contact is read again, its outbox is sealed. An [`Effect`] carries
//! everything that it needs, cannot fail, and is applied after the commit, by the
//! [`Executor`](super::executor::Executor) alone.

use std::collections::BTreeSet;

use tokio::sync::oneshot;

use super::presence::plan::PresencePlan;
use super::session::established::{EstablishedLink, RequestAnswer};
use crate::error::NodeError;
use crate::invitation::{Invitation, InvitationSecret};
use crate::link::handshake::PairKeys;
use crate::link::session::Session;
use crate::model::{ContactId, HandleId, OutboxId};
use crate::node::contacts::handle_jobs::HandleJob;
use crate::transport::{Address, HostedService};
use crate::wire::frame::{Bye, Frame};
use rand::rngs::StdRng;

/// What has changed, to be worked off before the commit.
#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a question of its own")]
pub(crate) struct Marks {
    /// Read these contacts again, at the start and after a failure: what changes one reads it at
    /// once.
    pub(crate) reload: BTreeSet<ContactId>,
    /// Something may wait for these, or no longer.
    pub(crate) deliver: BTreeSet<ContactId>,
    /// Something may wait for everybody.
    pub(crate) deliver_to_all: bool,
    pub(crate) dial_soon: BTreeSet<ContactId>,
    /// Our name, our card or our secrets changed.
    pub(crate) owner: bool,
    /// The set of onion services to host may have changed.
    pub(crate) services: bool,
    /// The set of invitations and handles that are answered changed.
    pub(crate) invitations: bool,
    /// What is published at presence servers, or who is looked for there, may have changed.
    pub(crate) presence: bool,
    /// Whether a contact is shown as online may have changed.
    pub(crate) show_presence: BTreeSet<ContactId>,
    pub(crate) show_all_presences: bool,
}

/// What to do outside, once everything is committed.
pub(crate) enum Effect {
    /// Queue a frame on the contact's link. `outbox`: report when the stream has taken it.
    Send {
        contact: ContactId,
        frame: Frame,
        outbox: Option<OutboxId>,
    },
    /// Run a new link in place of what there was.
    Run {
        contact: ContactId,
        established_link: Box<EstablishedLink>,
    },
    /// Close the contact's link: after a last word, or at once.
    Close {
        contact: ContactId,
        bye: Option<Bye>,
    },
    Dial(Box<Dial>),
    /// Let a dial begin that waits for its turn.
    DialNow(ContactId),
    StopDial(ContactId),
    /// Go on as contacts over the session of a request.
    GoOn {
        contact: ContactId,
        session: Box<Session>,
    },
    /// Answer links of this contact, or refuse them.
    Keys {
        contact: ContactId,
        keys: Option<Box<PairKeys>>,
    },
    /// Answer requests by these invitations.
    Invitations(Vec<InvitationSecret>),
    /// Answer who asked to become a contact; `contact`: who they have become.
    AnswerRequest {
        to: oneshot::Sender<RequestAnswer>,
        frame: Frame,
        contact: Option<ContactId>,
    },
    Host(Vec<HostedService>),
    /// Write to and read from presence servers as this says.
    Presence(PresencePlan),
    /// Claim, renew or release a handle.
    HandleJob(HandleId, Box<HandleJob>),
    /// Take what was deleted out of the store's files; `rewrite`: write the whole store again.
    Erase {
        rewrite: bool,
    },
    /// Tell a caller what became of their call.
    Complete(Completion),
    /// More is left to do than fits one transaction: handle this next.
    Continue(Remainder),
}

/// What is left of something that does not fit one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remainder {
    /// More of a contact's outbox is to be handed over.
    Deliver(ContactId),
    /// The next batch of messages to delete, after this many others.
    Delete { batches_before: u32 },
}

pub(crate) struct Dial {
    pub(crate) contact: ContactId,
    pub(crate) target: Target,
    pub(crate) attempt: u32,
    /// Something waits: it need not wait for its turn.
    pub(crate) urgent: bool,
    pub(crate) rng: StdRng,
}

/// Whom to dial, and what for.
pub(crate) enum Target {
    Contact(Address),
    /// Ask at an invitation's address to become a contact.
    Request {
        invitation: Box<Invitation>,
        introduction: Vec<u8>,
    },
}

/// What the inputs of one transaction leave to do.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) marks: Marks,
    list: Vec<Effect>,
}

/// A moment in a list of effects, to go back to.
pub(crate) struct Checkpoint {
    marks: Marks,
    length: usize,
}

impl Effects {
    pub(crate) fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    /// Sends a frame that may be lost with its link.
    pub(crate) fn send(&mut self, contact: ContactId, frame: Frame) {
        self.push(Effect::Send { contact, frame, outbox: None });
    }

    pub(crate) fn again(&mut self, remainder: Remainder) {
        self.push(Effect::Continue(remainder));
    }

    /// Something was put into the contact's outbox, or taken out of it.
    pub(crate) fn deliver(&mut self, contact: ContactId) {
        self.marks.deliver.insert(contact);
    }

    /// Something that somebody waits for was put into the contact's outbox.
    pub(crate) fn deliver_soon(&mut self, contact: ContactId) {
        self.deliver(contact);
        self.marks.dial_soon.insert(contact);
    }

    /// Our card changed: everybody is told, and servers are brought in line.
    pub(crate) fn card_changed(&mut self) {
        let marks = &mut self.marks;
        (marks.owner, marks.services, marks.presence, marks.deliver_to_all) =
            (true, true, true, true);
    }

    pub(crate) fn mark(&self) -> Checkpoint {
        Checkpoint { marks: self.marks.clone(), length: self.list.len() }
    }

    /// Forgets what was written down since.
    pub(crate) fn go_back(&mut self, mark: Checkpoint) {
        self.marks = mark.marks;
        self.list.truncate(mark.length);
    }

    pub(crate) fn into_list(self) -> Vec<Effect> {
        self.list
    }

    #[cfg(test)]
    pub(crate) fn list(&self) -> &[Effect] {
        &self.list
    }
}

/// Tells a caller what became of their call.
pub(crate) struct Completion(Box<dyn FnOnce(Result<(), NodeError>) + Send>);

impl Completion {
    pub(crate) fn new(tell: impl FnOnce(Result<(), NodeError>) + Send + 'static) -> Self {
        Self(Box::new(tell))
    }

    pub(crate) fn committed(self) {
        (self.0)(Ok(()));
    }

    pub(crate) fn failed(self, error: NodeError) {
        (self.0)(Err(error));
    }
}
