//! What all layers have words for: ids, times and states. It knows no layer.

mod ids;
mod reason;
mod settings;
mod status;
mod time;

pub use ids::{
    ContactId, ConversationId, EventSeq, HandleId, Member, MessageRowId, OutboxId, PublicId,
    ServiceId,
};
pub use reason::{AnswerFault, Reason};
pub use settings::{KeyUpdates, Policy};
pub use status::{
    Answer, ContactStatus, ConversationKind, HandleStatus, InvitationStatus, MessageStatus,
    OutboxKind, OwnPresence, ServiceKind,
};
pub use time::UnixMillis;
