//! Conversations: how they are found, their messages, and the groups that seal them.

use crate::api::types::ErrorCode;
use crate::fault::Fault;
use crate::model::PublicId;
use crate::node::contacts::book::find_contact;
use crate::node::handle::refuse;
use crate::store::Tx;
use crate::store::conversations::{self, Heading};

pub(crate) mod groups;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod restart;
pub(crate) mod retention;
pub(crate) mod settings;

/// By its id; or, for a direct one, as the contact is found.
pub(crate) async fn find_heading(tx: &mut Tx, which: &str) -> Result<Heading, Fault> {
    let id = PublicId::from_hex(which);
    let heading = match id {
        Some(id) => conversations::heading_by_public_id(tx, id).await?,
        None => conversations::heading_by_name(tx, which).await?,
    };
    if let Some(heading) = heading {
        return Ok(heading);
    }

    // As many digits may begin a contact's id.
    match find_contact(tx, which).await {
        Ok(contact) => Ok(contact.heading()),
        Err(fault) if fault.code == ErrorCode::UnknownContact && id.is_some() => {
            refuse(ErrorCode::UnknownConversation, "no conversation has this id")
        }
        Err(fault) => Err(fault),
    }
}
