//! Conversations: how they are found, their messages, and the groups that seal them.

use crate::api::types::ErrorCode;
use crate::fault::Fault;
use crate::model::PublicId;
use crate::node::contacts::book::find_contact;
use crate::node::handle::refuse;
use crate::store::conversations::{self, ConversationRow, Heading};
use crate::store::{Tx, contacts};

pub(crate) mod groups;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod restart;
pub(crate) mod retention;
pub(crate) mod settings;

/// By its id; or, for a direct one, as the contact is found.
pub(crate) async fn find_conversation(tx: &mut Tx, which: &str) -> Result<ConversationRow, Fault> {
    let id = PublicId::from_hex(which);
    if let Some(id) = id
        && let Some(row) = conversations::by_public_id(tx, id).await?
    {
        return Ok(row);
    }

    // As many digits may begin a contact's id.
    match find_contact(tx, which).await {
        Ok(contact) => Ok(conversations::load(tx, contact.conversation).await?),
        Err(fault) if fault.code == ErrorCode::UnknownContact && id.is_some() => {
            refuse(ErrorCode::UnknownConversation, "there is no conversation with this id")
        }
        Err(fault) => Err(fault),
    }
}

/// The same, for its messages: in one look at the store, where it is named as people and front-ends do.
pub(crate) async fn find_heading(tx: &mut Tx, which: &str) -> Result<Heading, Fault> {
    let heading = match PublicId::from_hex(which) {
        Some(id) => conversations::heading_by_public_id(tx, id).await?,
        None => conversations::heading_by_name(tx, which).await?,
    };
    if let Some(heading) = heading {
        return Ok(heading);
    }

    let conversation = find_conversation(tx, which).await?.id;
    let mut headings = conversations::headings(tx, &[conversation].into()).await?;
    headings.remove(&conversation).map_or_else(contact_removed, Ok)
}

fn contact_removed<T>() -> Result<T, Fault> {
    refuse(ErrorCode::UnknownConversation, "the contact of this conversation was removed")
}

/// The contact whom a direct conversation is with.
pub(crate) async fn contact_of(tx: &mut Tx, conversation: &ConversationRow) -> Result<contacts::ContactRow, Fault> {
    match contacts::by_conversation(tx, conversation.id).await? {
        Some(row) => Ok(row),
        None => contact_removed(),
    }
}
