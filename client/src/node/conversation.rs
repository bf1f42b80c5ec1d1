//! Conversations: their messages, their settings, and the MLS groups that encrypt them.

pub(crate) mod erasure;
pub(crate) mod groups;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod restart;
pub(crate) mod retention;
pub(crate) mod settings;
