//! Events: written with what happened, read back as things are now.

use super::actor::{Node, refuse};
use super::internal;
use crate::api::types::{ErrorCode, Event, What};
use crate::fault::Fault;
use crate::model::{ContactId, EventSeq, MessageRowId, UnixMillis};
use crate::store::events::{self, EventRow, Kind};
use crate::store::{StoreError, Tx, contacts, messages};

/// A message came or changed.
pub(super) async fn note_message(tx: &mut Tx, message: MessageRowId, now: UnixMillis) -> Result<(), StoreError> {
    events::add(tx, now, Kind::Message, Some(message.0), None).await.map(drop)
}

/// A contact came or changed.
pub(super) async fn note_contact(tx: &mut Tx, contact: ContactId, now: UnixMillis) -> Result<(), StoreError> {
    events::add(tx, now, Kind::Contact, Some(contact.0), None).await.map(drop)
}

/// Anything else.
pub(super) async fn note(tx: &mut Tx, what: &What, now: UnixMillis) -> Result<(), StoreError> {
    let body = serde_json::to_string(what).map_err(|error| StoreError::damaged("an event", error))?;
    events::add(tx, now, Kind::Other, None, Some(&body)).await.map(drop)
}

impl Node {
    pub(super) async fn events(&mut self, after: i64, limit: u32) -> Result<Vec<Event>, Fault> {
        let newest = *self.newest.borrow();
        if after == newest {
            return Ok(vec![]);
        }
        let mut tx = self.begin().await?;
        let first_kept = events::oldest(&mut tx).await?.map_or(newest + 1, |oldest| oldest.0);
        if after > newest || (after < newest && after + 1 < first_kept) {
            return refuse(
                ErrorCode::CursorExpired,
                "there are no events right after this cursor any more, or not yet: read the contacts and the history, then go on from the newest event",
            );
        }
        let (mut shown, mut after) = (vec![], after);
        // A page that is empty says that there is no more: go past what is gone since.
        while shown.is_empty() {
            let rows = events::after(&mut tx, EventSeq(after), limit).await?;
            let Some(last) = rows.last() else { break };
            after = last.seq.0;
            for row in rows {
                let (seq, at) = (row.seq.0, row.at.into());
                let what = self.what(&mut tx, row).await?;
                shown.extend(what.map(|what| Event { seq, at, what }));
            }
        }
        Ok(shown)
    }

    /// `None` for what is gone since.
    async fn what(&self, tx: &mut Tx, row: EventRow) -> Result<Option<What>, Fault> {
        let subject = row.subject.unwrap_or_default();
        Ok(match row.kind {
            Kind::Message => messages::by_row(tx, MessageRowId(subject))
                .await?
                .map(|message| What::Message { message: message.show(|contact| self.why_waiting(contact)) }),
            Kind::Contact => match contacts::by_id(tx, ContactId(subject)).await? {
                Some(row) => Some(What::Contact { contact: self.show_contact(tx, &row).await? }),
                None => None,
            },
            Kind::Other => {
                let body = row.body.unwrap_or_default();
                Some(serde_json::from_str(&body).map_err(|error| internal(&error))?)
            }
        })
    }
}
