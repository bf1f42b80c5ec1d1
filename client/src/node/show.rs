//! Turns rows of the store into the types of the local API. No I/O.

use crate::api::types::{
    self as api, Conversation, ConversationSettings, Direction, Handle, HandleState, Invitation,
    InvitationState, Member, Message, MessageState, OwnPresence, Request,
};
use crate::model::{
    self, ContactId, ConversationKind, HandleStatus, InvitationStatus, MessageStatus, Policy,
    Reason,
};
use crate::store::contacts::ContactRow;
use crate::store::conversations::{ConversationRow, Heading};
use crate::store::handles::{HandleRequestRow, HandleRow};
use crate::store::invitations::InvitationRow;
use crate::store::messages::MessageRow;
use crate::store::settings::SettingsRow;

impl MessageRow {
    /// `reason` tells why one waits.
    pub(crate) fn show(
        &self,
        within: &Heading,
        reason: impl FnOnce(ContactId) -> Reason,
    ) -> Message {
        let waits = matches!(self.state, MessageStatus::Queued | MessageStatus::Sent);
        let is_ours = self.is_ours();
        Message {
            id: data_encoding::HEXLOWER.encode(&self.id.0),
            conversation: within.public_id.to_hex(),
            conversation_name: within.name.clone(),
            direction: if is_ours { Direction::Sent } else { Direction::Received },
            author: (!is_ours)
                .then(|| Member { id: within.peer_id.to_hex(), name: within.name.clone() }),
            text: self.text.clone(),
            state: self.shown_state(),
            reason: waits.then(|| reason(within.contact)),
            created_at: self.created_at.into(),
            sent_at: self.sent_at.map(i64::from),
            delivered_at: self.delivered_at.map(i64::from),
            expires_at: self.expires_at.map(i64::from),
            missing_before: u32::try_from(self.missing_before).unwrap_or(u32::MAX),
            late: self.late,
            read_at: self.read_at.map(i64::from),
            disappear_after: self.disappear_after.map(i64::cast_unsigned),
            disappears_at: self.disappears_at.map(i64::from),
        }
    }

    fn shown_state(&self) -> MessageState {
        match self.state {
            MessageStatus::Queued => MessageState::Queued,
            MessageStatus::Sent => MessageState::Sent,
            MessageStatus::Delivered if self.read_at.is_some() => MessageState::Read,
            MessageStatus::Delivered => MessageState::Delivered,
            MessageStatus::Cancelled => MessageState::Cancelled,
            MessageStatus::Expired => MessageState::Expired,
            MessageStatus::Received => MessageState::Received,
        }
    }
}

impl ConversationRow {
    /// With nothing said in it. `with` is the contact whom it is with.
    pub(crate) fn show(
        &self,
        with: &ContactRow,
        settings: &SettingsRow,
        waiting: u32,
        unread: u32,
    ) -> Conversation {
        let ConversationKind::Direct = self.kind;
        Conversation {
            id: self.public_id.to_hex(),
            kind: api::ConversationKind::Direct,
            name: with.name.clone(),
            members: vec![Member { id: with.peer_id.to_hex(), name: with.name.clone() }],
            settings: settings.show(),
            retain: settings.retain.map(i64::cast_unsigned),
            draft: self.draft.clone(),
            unread,
            waiting,
            newest: None,
            created_at: self.created_at.into(),
        }
    }
}

impl SettingsRow {
    fn show(&self) -> ConversationSettings {
        ConversationSettings {
            ours: self.own().into(),
            theirs: self.theirs().into(),
            in_force: self.in_force().into(),
            confirmed: self.is_confirmed(),
        }
    }
}

impl From<Policy> for api::Policy {
    fn from(Policy { disappear_after, read_receipts }: Policy) -> Self {
        Self { disappear_after, read_receipts }
    }
}

impl InvitationRow {
    pub(crate) fn show(&self, now: model::UnixMillis) -> Invitation {
        let state = self.state(now);
        Invitation {
            id: data_encoding::HEXLOWER.encode(&self.id),
            link: (state == InvitationStatus::Active).then(|| self.link.clone()),
            state: state.into(),
            uses: u32::try_from(self.uses).unwrap_or(u32::MAX),
            used: u32::try_from(self.used).unwrap_or(u32::MAX),
            created_at: self.created_at.into(),
            expires_at: self.expires_at.into(),
        }
    }
}

impl From<InvitationStatus> for InvitationState {
    fn from(status: InvitationStatus) -> Self {
        match status {
            InvitationStatus::Active => Self::Active,
            InvitationStatus::Used => Self::Used,
            InvitationStatus::Expired => Self::Expired,
            InvitationStatus::Revoked => Self::Revoked,
        }
    }
}

impl HandleRow {
    pub(crate) fn show(&self) -> Handle {
        Handle {
            handle: self.written(),
            state: self.state.into(),
            reason: self.reason.clone(),
            expires_at: self.expires_at.map(i64::from),
        }
    }
}

impl From<HandleStatus> for HandleState {
    fn from(status: HandleStatus) -> Self {
        match status {
            HandleStatus::Claiming => Self::Claiming,
            HandleStatus::Active => Self::Active,
            HandleStatus::Failed => Self::Failed,
            HandleStatus::Releasing => Self::Releasing,
        }
    }
}

impl HandleRequestRow {
    pub(crate) fn show(&self) -> Request {
        Request {
            id: self.peer_id.to_hex(),
            name: self.name.clone(),
            message: self.message.clone(),
            handle: self.handle.clone(),
            received_at: self.received_at.into(),
        }
    }
}

impl From<OwnPresence> for model::OwnPresence {
    fn from(presence: OwnPresence) -> Self {
        match presence {
            OwnPresence::On => Self::On,
            OwnPresence::Away => Self::Away,
            OwnPresence::Invisible => Self::Invisible,
        }
    }
}

impl From<model::OwnPresence> for OwnPresence {
    fn from(presence: model::OwnPresence) -> Self {
        match presence {
            model::OwnPresence::On => Self::On,
            model::OwnPresence::Away => Self::Away,
            model::OwnPresence::Invisible => Self::Invisible,
        }
    }
}
