//! Conversations and their messages.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::model::Reason;

/// What is said between us and others: in a direct one, between us and one contact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Conversation {
    /// 32 hex digits.
    pub id: String,
    /// Whether it is with one contact, or what else.
    pub kind: ConversationKind,
    /// What it is called: a direct one as the contact is.
    pub name: String,
    /// Who is in it with us.
    pub members: Vec<Member>,
    /// What both sides let happen to messages.
    pub settings: ConversationSettings,
    /// Messages older than so many seconds are deleted here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retain: Option<u64>,
    /// What was typed and not sent. Read it once: no event is noted when it changes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub draft: Option<String>,
    /// Messages of others that are not read yet.
    pub unread: u32,
    /// Messages of ours that are not delivered yet.
    pub waiting: u32,
    /// The last message in the order of the conversation, if there is any.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub newest: Option<Message>,
    /// When the conversation began here, Unix milliseconds.
    pub created_at: i64,
}

/// Who is in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationKind {
    /// We and one contact.
    Direct,
}

/// Somebody in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The peer id: 64 hex digits.
    pub id: String,
    /// What they are called here: safe to show.
    pub name: String,
}

/// What both sides of a conversation let happen to its messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConversationSettings {
    /// The policy that we chose.
    pub ours: Policy,
    /// What the contact wants, as far as we were told.
    pub theirs: Policy,
    /// What holds for what is written now: only what both want, and of two times the longer one.
    pub in_force: Policy,
    /// Whether the contact has confirmed to know what we want.
    pub confirmed: bool,
}

/// What may happen to messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Policy {
    /// They disappear so many seconds after they were delivered; 0 for never.
    pub disappear_after: u64,
    /// Their writer is told when they are read.
    pub read_receipts: bool,
}

/// `PATCH /v1/conversations/{conversation}`: only what is given is changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConversationChange {
    /// Let messages disappear so many seconds after they were delivered: 10 to 31,536,000 (a year);
    /// 0 for never. They do once the contact lets them, too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disappear_after: Option<u64>,
    /// True to tell each other which messages were read, once the contact allows it, too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_receipts: Option<bool>,
    /// Delete messages here when they are so many seconds old: 60 to 315,360,000 (ten years); 0
    /// keeps them for ever.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub retain: Option<u64>,
    /// What was typed and not sent: up to 64,512 bytes of UTF-8; an empty text removes the draft.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(max_length = 64_512)]
    pub draft: Option<String>,
}

/// `POST /v1/conversations/{conversation}/read`
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// The id of a message: it and all that were stored here before it. Default: all.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub up_to: Option<String>,
}

/// `POST /v1/conversations/{conversation}/messages`
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// 1 to 64,512 bytes of UTF-8.
    #[schema(min_length = 1, max_length = 64_512)]
    pub text: String,
    /// 32 hex digits of the caller's choice: the same id again sends nothing twice.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(pattern = "^[0-9a-f]{32}$")]
    pub id: Option<String>,
    /// Give up when it is not delivered after so many seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_in: Option<u64>,
}

/// The query of `GET /v1/search`
#[derive(Clone, Debug, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Words, 1 to 256 bytes of UTF-8: messages are found that have all of them, whatever their
    /// case. A word finds also those that begin with it; in scripts without spaces, every run of
    /// characters.
    #[param(min_length = 1, max_length = 256)]
    pub text: String,
    /// In this conversation only: its id; or, for a direct one, the contact's name, or 8 digits or
    /// more of the beginning of the contact's id.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub conversation: Option<String>,
    /// How many messages, at most.
    #[serde(default = "default_search")]
    #[param(default = 50, minimum = 1, maximum = 1000)]
    pub limit: u32,
    /// The id of the message that was found before them. Default: the newest.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub before: Option<String>,
}

fn default_search() -> u32 {
    50
}

/// A message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// 32 hex digits, the same on both sides.
    pub id: String,
    /// The id of its conversation.
    pub conversation: String,
    /// What the conversation is called.
    pub conversation_name: String,
    /// Who wrote it: we, or somebody else.
    pub direction: Direction,
    /// Received: who wrote it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub author: Option<Member>,
    /// Exactly what was written: may hold anything.
    pub text: String,
    /// How far the message has come.
    pub state: MessageState,
    /// The reason why the message is still waiting.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<Reason>,
    /// When its writer wrote it, by the writer's clock.
    pub created_at: i64,
    /// When it was first handed to a link.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sent_at: Option<i64>,
    /// Sent: when the receipt came. Received: when it was stored here.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delivered_at: Option<i64>,
    /// When its sender gives up.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub expires_at: Option<i64>,
    /// How many messages of its writer just before this one have not arrived (yet).
    #[serde(skip_serializing_if = "is_zero", default)]
    pub missing_before: u32,
    /// It came after messages of ours that stand below it: its writer had not seen them, or says
    /// so.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub late: bool,
    /// Received: when it was marked as read here. Sent: when the contact said that it was read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub read_at: Option<i64>,
    /// It was sent under this timer, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disappear_after: Option<u64>,
    /// When it disappears, once that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub disappears_at: Option<i64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Who wrote a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// We did.
    Sent,
    /// Somebody else did.
    Received,
}

/// How far a message is. No state claims more than is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// In the store; `reason` says what it waits for.
    Queued,
    /// Handed to a link; no receipt yet.
    Sent,
    /// The reader's device stored it and said so.
    Delivered,
    /// Delivered, and its reader has read it and said so.
    Read,
    /// Taken back before it left.
    Cancelled,
    /// Not delivered in its time.
    Expired,
    /// Somebody else wrote it; it is stored here.
    Received,
}
