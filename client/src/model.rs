//! The types that all layers share: ids, times, states, settings and reasons. Uses no layer.

mod ids;
mod reason;
mod settings;
mod status;
mod time;

pub use ids::{
    ContactId, ConversationId, EventSeq, HandleId, Member, MessageRowId, OutboxId, PublicId,
    ServiceId,
};
pub use reason::{AnswerError, Reason};
pub use settings::{KeyUpdates, Policy};
pub use status::{
    Answer, ContactStatus, ConversationKind, HandleStatus, InvitationStatus, MessageStatus,
    OutboxKind, OwnPresence, ServiceKind,
};
pub use time::UnixMillis;
