//! The JSON bodies of the local API. Times are Unix milliseconds; ids are lower-case hex.

mod contacts;
mod conversations;
mod events;
mod problem;
mod profile;
mod servers;
mod status;

pub use crate::model::{AnswerError, Reason};
pub use contacts::{
    Contact, ContactChange, ContactState, Invitation, InvitationState, NewContact, NewInvitation,
    Presence, PresenceSource,
};
pub use conversations::{
    Conversation, ConversationChange, ConversationKind, ConversationSettings, Direction, MarkRead,
    Member, Message, MessageState, NewMessage, Policy, Search,
};
pub use events::{Event, What};
pub use problem::{ErrorCode, Problem};
pub use profile::{NewBackup, NewPreference, PassphraseChange, Preference, WebPage, Wipe};
pub use servers::{
    Answer, Decision, Handle, HandleState, NewHandle, NewServer, Request, Server, ServerState,
};
pub use status::{NewPresence, OwnPresence, ProfileChange, ServiceState, Status, TorStatus};
