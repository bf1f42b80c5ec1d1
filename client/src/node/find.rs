//! Finds what callers name: a contact, a conversation, a message, a server, a handle. If there is
//! none, the error names the command that lists them.

use chive_shared::handle::HandleName;
use chive_shared::server::ServerId;

use crate::api::types::ErrorCode;
use crate::error::{NodeError, refuse};
use crate::identity::PeerId;
use crate::model::PublicId;
use crate::store::contacts::ContactRow;
use crate::store::conversations::Heading;
use crate::store::{Tx, contacts, conversations};
use crate::text;
use crate::wire::message::MessageId;

/// By name, or by an unambiguous beginning of the id.
pub(crate) async fn find_contact(tx: &mut Tx, who: &str) -> Result<ContactRow, NodeError> {
    // No name looks like an id.
    if let Some(row) = contacts::by_name(tx, who).await? {
        return Ok(row);
    }
    if let Some(peer) = whole_id(who) {
        let row = contacts::by_peer(tx, peer).await?;
        return row.map_or_else(
            || refuse(ErrorCode::UnknownContact, "there is no contact with this id"),
            Ok,
        );
    }

    let digits = who.to_ascii_lowercase();
    if digits.len() >= text::LEAST_ID && digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        let all = contacts::all(tx).await?;
        let begins = |row: &ContactRow| row.peer_id.to_hex().starts_with(&digits);
        let mut found = all.into_iter().filter(begins);
        if let (Some(row), None) = (found.next(), found.next()) {
            return Ok(row);
        }
    }
    refuse(
        ErrorCode::UnknownContact,
        "there is no contact with this name: `chive contacts` lists them",
    )
}

fn whole_id(who: &str) -> Option<PeerId> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(who.as_bytes()).ok()?;
    bytes.try_into().ok().map(PeerId)
}

/// By its id; or, for a direct one, as the contact is found.
pub(crate) async fn find_heading(tx: &mut Tx, which: &str) -> Result<Heading, NodeError> {
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
        Err(error) if error.code == ErrorCode::UnknownContact && id.is_some() => {
            refuse(ErrorCode::UnknownConversation, "no conversation has this id")
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn parse_id(id: &str) -> Result<MessageId, NodeError> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(id.as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes
        .map(MessageId)
        .map_or_else(|| refuse(ErrorCode::MalformedRequest, "a message id has 32 hex digits"), Ok)
}

pub(crate) fn unknown_message<T>() -> Result<T, NodeError> {
    refuse(ErrorCode::UnknownMessage, "there is no message with this id here")
}

pub(crate) fn parse_server(address: &str) -> Result<ServerId, NodeError> {
    let address = address.trim().to_ascii_lowercase();
    let host = address.strip_prefix("http://").unwrap_or(&address).trim_end_matches('/');
    let full = format!("{}.onion", host.strip_suffix(".onion").unwrap_or(host));
    full.parse().or_else(|error: chive_shared::server::NotAnAddress| {
        refuse(ErrorCode::InvalidServer, error.to_string())
    })
}

/// `name@server`
pub(crate) fn parse_handle(handle: &str) -> Result<(HandleName, ServerId), NodeError> {
    let Some((name, server)) = handle.trim().rsplit_once('@') else {
        let detail = "a handle is written NAME@SERVER, with the server's onion address";
        return refuse(ErrorCode::InvalidHandle, detail);
    };
    let name = name.parse().or_else(|error: chive_shared::handle::NameError| {
        refuse(ErrorCode::InvalidHandle, error.to_string())
    })?;
    let server = parse_server(server)
        .map_err(|error| NodeError::new(ErrorCode::InvalidHandle, error.detail))?;
    Ok((name, server))
}
