//! Ids of what the store holds. They are valid in one profile only, and never leave this device.

/// Defines ids that cannot be taken for one another.
macro_rules! ids {
    ($($(#[$about:meta])* $name:ident,)+) => {
        $(
            $(#[$about])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(pub i64);
        )+
    };
}

ids! {
    /// The row of a contact.
    ContactId,
    /// The row of a conversation; front-ends know it by its [`PublicId`].
    ConversationId,
    /// A message, by its row; its [`MessageId`](crate::wire::message::MessageId) may be known to
    /// others.
    MessageRowId,
    /// Something in the outbox. They rise in the order of acceptance.
    OutboxId,
    /// An onion service of ours.
    ServiceId,
    /// The row of a handle of ours.
    HandleId,
    /// The number of an event. They rise, and none is given twice; 0 is before the first.
    EventSeq,
}

/// By what front-ends know a conversation. It never leaves this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicId(pub [u8; 16]);

impl PublicId {
    /// 32 lower-case hex digits.
    #[must_use]
    pub fn to_hex(self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }

    /// The one with these hex digits, whatever their case.
    #[must_use]
    pub fn from_hex(digits: &str) -> Option<Self> {
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
        bytes.try_into().ok().map(Self)
    }
}

/// One contact in one conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Member {
    /// The conversation that the member is in.
    pub conversation: ConversationId,
    /// The contact who is the member.
    pub contact: ContactId,
}
