//! Problem details: the code of an error, and its text.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Every error: problem details (RFC 9457), `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The HTTP status in words.
    pub title: String,
    /// The HTTP status, once more.
    pub status: u16,
    /// What is wrong and what to do, in one sentence or two.
    pub detail: String,
    /// For programs: stable.
    pub code: ErrorCode,
}

/// What is wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not an invitation link, or mistyped.
    InvalidLink,
    /// A link of a newer version.
    UnsupportedLink,
    /// Our own invitation.
    OwnLink,
    /// The link's owner is a contact already.
    AlreadyContact,
    /// A number or a time out of its range.
    OutOfRange,
    /// A name that cannot be used.
    InvalidName,
    /// A name that another contact has, or one that looks like it.
    NameTaken,
    /// No such contact.
    UnknownContact,
    /// No such conversation.
    UnknownConversation,
    /// The contact has not accepted yet, or was refused.
    NotAccepted,
    /// The contact is blocked.
    ContactBlocked,
    /// No such invitation.
    UnknownInvitation,
    /// No such server among ours.
    UnknownServer,
    /// The server is one of ours already.
    ServerKnown,
    /// Not the onion address of a server.
    InvalidServer,
    /// No such handle among ours.
    UnknownHandle,
    /// A handle that cannot be: its name or its server.
    InvalidHandle,
    /// The server of a handle did not answer.
    ServerUnreachable,
    /// No such request.
    UnknownRequest,
    /// No such message.
    UnknownMessage,
    /// An empty text, or one over the limit.
    InvalidText,
    /// The message's id was used for another message.
    IdTaken,
    /// It has left, or may have: it cannot be taken back.
    AlreadySent,
    /// The cursor is older than the oldest kept event.
    CursorExpired,
    /// The old passphrase is wrong, or the new one is empty.
    WrongPassphrase,
    /// The request is not what the API takes.
    MalformedRequest,
    /// No such path.
    NotFound,
    /// The path does not take this method.
    MethodNotAllowed,
    /// The disk is full: nothing was changed.
    DiskFull,
    /// The disk is read-only: nothing was changed.
    DiskReadOnly,
    /// The profile is damaged.
    ProfileDamaged,
    /// The node is stopping.
    Stopping,
    /// A fault of the node; its log has the cause.
    Internal,
}
