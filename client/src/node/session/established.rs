//! The results of a handshake: a link whose both ends have said hello, a contact request, an answer
//! to one of ours, or a reason why there is none of these. Types only.

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::keyring::{KeyVersion, LinkGuard};
use crate::identity::PublicIdentity;
use crate::link::LinkError;
use crate::link::session::Session;
use crate::model::ContactId;
use crate::wire::frame::{Frame, LinkId};

/// A link whose both ends have said hello.
pub(crate) struct EstablishedLink {
    pub(crate) session: Session,
    /// What it was made from.
    pub(crate) version: KeyVersion,
    /// The other links that the contact held when it said hello.
    pub(crate) theirs: Vec<LinkId>,
    /// Held as long as the link is.
    pub(crate) held: LinkGuard,
}

/// A contact request over an invitation's link.
pub(crate) struct ContactRequest {
    pub(crate) invitation: [u8; 16],
    pub(crate) peer: PublicIdentity,
    pub(crate) introduction: Vec<u8>,
    pub(crate) answer: oneshot::Sender<RequestAnswer>,
}

/// What somebody who asks is told.
pub(crate) struct RequestAnswer {
    pub(crate) frame: Frame,
    /// The contact that it has become just now.
    pub(crate) contact: Option<(ContactId, KeyVersion)>,
}

/// Why two did not meet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttemptError {
    /// The other side was not reached.
    #[error(transparent)]
    Dial(#[from] crate::transport::DialError),
    /// It was reached, but there is no link.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl From<std::io::Error> for AttemptError {
    fn from(error: std::io::Error) -> Self {
        Self::Link(error.into())
    }
}

/// An answer to a contact request of ours.
pub(crate) struct Answered {
    pub(crate) contact: ContactId,
    /// When we began to ask.
    pub(crate) began: Instant,
    pub(crate) peer: PublicIdentity,
    pub(crate) introduction: Vec<u8>,
    pub(crate) answer: Frame,
    /// It goes on as a link if the answer makes us contacts.
    pub(crate) session: Box<Session>,
}
