//! Commands about messages.

use std::time::Duration;

use rand::RngCore;

use super::actor::{Node, refuse};
use super::events;
use crate::api::types::{ErrorCode, Message, NewMessage, Search};
use crate::fault::Fault;
use crate::limits::{MAX_SEARCH, MAX_TEXT, MESSAGE_LIFE};
use crate::model::{ContactId, ContactStatus, MessageRowId, Reason, UnixMillis};
use crate::store::contacts::ContactRow;
use crate::store::messages::{self, MessageRow, NewRow, Position};
use crate::store::terms;
use crate::wire::message::MessageId;

impl Node {
    pub(super) async fn send(&mut self, who: &str, new: &NewMessage) -> Result<Message, Fault> {
        check_text(&new.text)?;
        let now = self.clock.now();
        let expires_at = new.expires_in.map(|seconds| expiry(now, seconds)).transpose()?;
        let id = match &new.id {
            Some(id) => parse_id(id)?,
            None => self.fresh_id(),
        };
        let mut tx = self.begin().await?;
        let contact = self.find_contact(&mut tx, who).await?;
        if let Some(earlier) = messages::by_id(&mut tx, id).await? {
            return self.sent_before(&earlier, &contact, &new.text);
        }
        check_can_send(&contact)?;
        let timer = terms::load(&mut tx, contact.id).await?.in_force().disappear_after;
        let row = NewRow {
            contact: contact.id,
            id,
            text: &new.text,
            clock: contact.clock + 1,
            created_at: now,
            expires_at,
            disappear_after: (timer > 0).then_some(timer),
        };
        let message = messages::add_ours(&mut tx, &row).await?;
        events::note_message(&mut tx, message, now).await?;
        let accepted = messages::by_row(&mut tx, message).await?;
        self.commit_and_pump(tx, contact.id).await?;
        if let Some(peer) = self.peers.get_mut(&contact.id) {
            peer.waiting = true;
            peer.hurry();
        }
        match accepted {
            Some(message) => Ok(message.show(|contact| self.why_waiting(contact))),
            None => unknown_message(),
        }
    }

    fn sent_before(&self, earlier: &MessageRow, contact: &ContactRow, text: &str) -> Result<Message, Fault> {
        if earlier.mine && earlier.contact == contact.id && earlier.text == text {
            return Ok(earlier.show(|contact| self.why_waiting(contact)));
        }
        refuse(ErrorCode::IdTaken, "this id was used for another message: choose a random one for each")
    }

    async fn show_message(&mut self, row: MessageRowId) -> Result<Message, Fault> {
        let mut tx = self.begin().await?;
        match messages::by_row(&mut tx, row).await? {
            Some(message) => Ok(message.show(|contact| self.why_waiting(contact))),
            None => unknown_message(),
        }
    }

    pub(super) fn fresh_id(&mut self) -> MessageId {
        let mut id = [0; 16];
        self.rng.fill_bytes(&mut id);
        MessageId(id)
    }

    pub(super) async fn history(&mut self, who: &str, limit: u32, before: Option<&str>) -> Result<Vec<Message>, Fault> {
        let mut tx = self.begin().await?;
        let contact = self.find_contact(&mut tx, who).await?;
        let before = match before {
            None => None,
            Some(id) => match messages::in_conversation(&mut tx, contact.id, parse_id(id)?).await? {
                Some(row) => Some(Position { clock: row.clock, id: row.id }),
                None => return unknown_message(),
            },
        };
        let rows = messages::history(&mut tx, contact.id, limit, before).await?;
        Ok(rows.iter().map(|row| row.show(|contact| self.why_waiting(contact))).collect())
    }

    pub(super) async fn conversations(&mut self) -> Result<Vec<Message>, Fault> {
        let mut tx = self.begin().await?;
        let rows = messages::newest_of_all(&mut tx).await?;
        Ok(rows.iter().map(|row| row.show(|contact| self.why_waiting(contact))).collect())
    }

    pub(super) async fn search(&mut self, search: &Search) -> Result<Vec<Message>, Fault> {
        if search.text.trim().is_empty() || search.text.len() > MAX_SEARCH {
            return refuse(ErrorCode::InvalidText, format!("search for 1 to {MAX_SEARCH} bytes of text"));
        }
        let mut tx = self.begin().await?;
        let contact = match &search.contact {
            Some(who) => Some(self.find_contact(&mut tx, who).await?.id),
            None => None,
        };
        let before = match &search.before {
            None => None,
            Some(id) => match messages::by_id(&mut tx, parse_id(id)?).await? {
                Some(row) => Some(row.row),
                None => return unknown_message(),
            },
        };
        let rows = messages::search(&mut tx, &search.text, contact, search.limit, before).await?;
        Ok(rows.iter().map(|row| row.show(|contact| self.why_waiting(contact))).collect())
    }

    pub(super) async fn message(&mut self, id: &str) -> Result<Message, Fault> {
        let mut tx = self.begin().await?;
        match messages::by_id(&mut tx, parse_id(id)?).await? {
            Some(row) => Ok(row.show(|contact| self.why_waiting(contact))),
            None => unknown_message(),
        }
    }

    pub(super) async fn cancel(&mut self, id: &str) -> Result<Message, Fault> {
        let mut tx = self.begin().await?;
        let Some(row) = messages::by_id(&mut tx, parse_id(id)?).await?.filter(|row| row.mine) else {
            return unknown_message();
        };
        if !messages::cancel(&mut tx, &row, self.clock.now()).await? {
            return refuse(ErrorCode::AlreadySent, "it has left, or may have: it cannot be taken back");
        }
        events::note_message(&mut tx, row.row, self.clock.now()).await?;
        self.commit(tx).await?;
        self.refresh_waiting(row.contact).await?;
        self.show_message(row.row).await
    }

    /// Why a message to this contact is not delivered yet.
    pub(super) fn why_waiting(&self, contact: ContactId) -> Reason {
        let Some(peer) = self.peers.get(&contact) else { return Reason::ContactGone };
        if peer.blocked {
            return Reason::ContactBlocked;
        }
        if peer.refused {
            return Reason::ContactRefused;
        }
        if peer.link.is_some() && peer.is_beginning() {
            let cause = peer.trouble.clone().unwrap_or(Reason::AwaitingAnswer);
            return Reason::Restarting { cause: cause.boxed() };
        }
        if peer.link.is_some() {
            return Reason::Unconfirmed;
        }
        if !self.network.ready {
            return self.network.obstacle();
        }
        let idle = peer.accepted.is_some() && !peer.is_beginning() && !self.is_to_be_dialled(peer);
        if idle {
            return Reason::ConnectsWhenNeeded;
        }

        let cause = peer.attempt().boxed();
        if peer.is_beginning() {
            Reason::RestartPending { cause }
        } else if peer.accepted.is_some() {
            Reason::NotConnected { cause }
        } else {
            Reason::Unanswered { cause }
        }
    }
}

fn check_text(text: &str) -> Result<(), Fault> {
    if text.is_empty() {
        return refuse(ErrorCode::InvalidText, "the text is empty");
    }
    if text.len() > MAX_TEXT {
        return refuse(
            ErrorCode::InvalidText,
            format!("the text has {} bytes; at most {MAX_TEXT} go in one message", text.len()),
        );
    }
    Ok(())
}

fn expiry(now: UnixMillis, seconds: u64) -> Result<UnixMillis, Fault> {
    if !MESSAGE_LIFE.contains(&seconds) {
        return refuse(ErrorCode::OutOfRange, "a message expires after one second at least and a year at most");
    }
    Ok(now + Duration::from_secs(seconds))
}

fn check_can_send(contact: &ContactRow) -> Result<(), Fault> {
    if contact.blocked {
        return refuse(ErrorCode::ContactBlocked, "the contact is blocked: `chive contact unblock` first");
    }
    if contact.state == ContactStatus::Refused {
        return refuse(
            ErrorCode::NotAccepted,
            "the contact refused the request: ask for a new invitation and `chive add` it",
        );
    }
    Ok(())
}

pub(super) fn parse_id(id: &str) -> Result<MessageId, Fault> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(id.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(MessageId).map_or_else(|| refuse(ErrorCode::MalformedRequest, "a message id has 32 hex digits"), Ok)
}

pub(super) fn unknown_message<T>() -> Result<T, Fault> {
    refuse(ErrorCode::UnknownMessage, "there is no message with this id here")
}
