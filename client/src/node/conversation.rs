//! Conversations: how they are found, their messages, and the groups that seal them.

use crate::api::types::ErrorCode;
use crate::fault::Fault;
use crate::model::PublicId;
use crate::node::contacts::book::find_contact;
use crate::node::handle::refuse;
use crate::store::conversations::{self, ConversationRow};
use crate::store::{Tx, contacts};

pub(crate) mod groups;
pub(crate) mod inbox;
pub(crate) mod outbox;
pub(crate) mod restart;
pub(crate) mod retention;
pub(crate) mod settings;

/// By its id; or, for a direct one, as the contact is found.
pub(crate) async fn find_conversation(tx: &mut Tx, which: &str) -> Result<ConversationRow, Fault> {
    if let Some(id) = PublicId::from_hex(which) {
        if let Some(row) = conversations::by_public_id(tx, id).await? {
            return Ok(row);
        }
        return refuse(ErrorCode::UnknownConversation, "there is no conversation with this id");
    }
    let contact = find_contact(tx, which).await?;
    Ok(conversations::load(tx, contact.conversation).await?)
}

/// The contact whom a direct conversation is with.
pub(crate) async fn contact_of(tx: &mut Tx, conversation: &ConversationRow) -> Result<contacts::ContactRow, Fault> {
    match contacts::by_conversation(tx, conversation.id).await? {
        Some(row) => Ok(row),
        None => refuse(ErrorCode::UnknownConversation, "the conversation has nobody in it"),
    }
}
