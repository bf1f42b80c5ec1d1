//! The states that are stored, each with its name in the store.

/// Defines an enum whose cases have names.
macro_rules! named {
    (
        $(#[$about:meta])*
        $enum:ident { $($(#[$case_about:meta])* $case:ident = $name:literal,)+ }
    ) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $enum {
            $($(#[$case_about])* $case,)+
        }

        impl $enum {
            /// The name under which it is stored.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$case => $name,)+
                }
            }

            /// The case of this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$case),)+
                    _ => None,
                }
            }
        }
    };
}

named! {
    /// How far we and a contact are.
    ContactStatus {
        /// We have opened their invitation, and they have not answered yet.
        Requested = "requested",
        /// Each has the other's keys.
        Accepted = "accepted",
        /// They refused our request.
        Refused = "refused",
    }
}

named! {
    /// Who is in a conversation.
    ConversationKind {
        /// We and one contact.
        Direct = "direct",
    }
}

named! {
    /// How far a message is.
    MessageStatus {
        /// Ours: no link has taken it yet.
        Queued = "queued",
        /// Ours: a link has taken it.
        Sent = "sent",
        /// Ours: the contact has stored it.
        Delivered = "delivered",
        /// Ours: taken back before it left.
        Cancelled = "cancelled",
        /// Ours: not delivered in its time.
        Expired = "expired",
        /// Theirs: we have stored it.
        Received = "received",
    }
}

named! {
    /// What something in the outbox holds.
    OutboxKind {
        /// A text that we wrote.
        Message = "message",
        /// Our card, after a change.
        Card = "card",
        /// An MLS commit that replaces our keys.
        Commit = "commit",
        /// What we want to happen to messages.
        Settings = "settings",
        /// Which messages were read.
        Read = "read",
    }
}

named! {
    /// What an onion service is for.
    ServiceKind {
        /// Contact requests: invitations and handles lead there.
        Requests = "front",
        /// Contacts: our card leads there.
        Contacts = "endpoint",
    }
}

named! {
    /// How far a handle is.
    HandleStatus {
        /// Its server has not taken it yet.
        Claiming = "claiming",
        /// It is ours.
        Active = "active",
        /// Its server has refused it.
        Failed = "failed",
        /// Its server has not heard yet that we give it up.
        Releasing = "releasing",
    }
}

named! {
    /// What we let our servers say about us.
    OwnPresence {
        /// Online while the node runs.
        On = "on",
        /// The node runs, and nobody sits before it.
        Away = "away",
        /// Nothing.
        Invisible = "invisible",
    }
}

named! {
    /// How a contact request was answered that made no contact.
    Answer {
        /// No: they are told so when they ask again.
        Declined = "declined",
        /// Never: they wait for ever.
        Blocked = "blocked",
    }
}

/// Whether an invitation still works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationStatus {
    /// It works.
    Active,
    /// All its uses are taken.
    Used,
    /// Its time is over.
    Expired,
    /// Its owner took it back.
    Revoked,
}
