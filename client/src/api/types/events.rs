//! The events that front-ends follow.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::contacts::{Contact, Invitation, Presence, PresenceSource};
use super::conversations::{Conversation, Message};
use super::servers::{Handle, Request, Server};
use super::status::{ServiceState, TorStatus};

/// Something that happened. `seq` rises by any step; ask for what came after it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The cursor to resume after.
    pub seq: i64,
    /// When it happened, Unix milliseconds.
    pub at: i64,
    /// What happened, by its type.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum What {
    /// A message came, or its state changed.
    Message {
        /// The whole object as it is after the change.
        message: Message,
    },
    /// A contact came, or changed.
    Contact {
        /// The whole object as it is after the change.
        contact: Contact,
    },
    /// A conversation came, or something about it changed that no message tells of.
    Conversation {
        /// The whole object as it is after the change.
        conversation: Conversation,
    },
    /// Messages are gone, because they disappeared or were older than their conversation keeps.
    MessagesGone {
        /// The conversation's id.
        conversation: String,
        /// What the conversation is called.
        name: String,
        /// The messages' ids.
        messages: Vec<String>,
    },
    /// A contact was removed, with the direct conversation.
    ContactRemoved {
        /// The contact's id.
        id: String,
        /// The contact's name.
        name: String,
        /// The conversation's id; not in events of versions in which it had none.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        conversation: Option<String>,
    },
    /// A contact came online or went offline.
    Presence {
        /// The id that the object had in the API.
        id: String,
        /// The name that the contact has here.
        name: String,
        /// The presence of the contact after the change.
        presence: Presence,
        /// Whether a link or a server says so.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        source: Option<PresenceSource>,
    },
    /// A rendezvous server came, or its state changed.
    Server {
        /// The whole object as it is after the change.
        server: Server,
    },
    /// A handle of ours came, or its state changed.
    Handle {
        /// The whole object as it is after the change.
        handle: Handle,
    },
    /// Somebody found us by a handle, and waits for our answer.
    Request {
        /// The whole request, as a person is to see it.
        request: Request,
    },
    /// A request was answered.
    RequestGone {
        /// The id that the object had in the API.
        id: String,
    },
    /// Somebody at a contact's address could not prove the contact's keys. The link was refused.
    KeyChanged {
        /// The contact's id.
        id: String,
        /// The contact's name.
        name: String,
    },
    /// A conversation restarted, because one side was restored from a backup or asked again. What
    /// both have stays; what only the lost side had is gone.
    ConversationRestarted {
        /// The conversation's id.
        conversation: String,
        /// The contact's id.
        id: String,
        /// The contact's name.
        name: String,
        /// True if the contact has lost its side, false if we have.
        by_contact: bool,
    },
    /// An invitation was made, used, or revoked.
    Invitation {
        /// The whole object as it is after the change.
        invitation: Invitation,
    },
    /// The way to the Tor network changed.
    Tor {
        /// The whole object as it is after the change.
        tor: TorStatus,
    },
    /// An onion service of ours changed.
    Doors {
        /// The onion service that takes contact requests.
        front_door: ServiceState,
        /// The onion service that contacts dial.
        endpoint: ServiceState,
    },
}
