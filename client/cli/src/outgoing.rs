//! Sends one message to the node, and once more with the same id if the connection broke, so that
//! it is never sent twice. Uses the API client only.

use chive::api::client::{Client, ClientError};
use chive::api::types::{Message, NewMessage};

use crate::exit::CliResult;

/// 32 hex digits. They make the message the same one when it is handed over again.
pub(crate) fn new_id() -> String {
    data_encoding::HEXLOWER.encode(&rand::random::<[u8; 16]>())
}

/// Hands the message over; once more when the connection broke before the answer came.
pub(crate) async fn accept(client: &Client, name: &str, new: &NewMessage) -> CliResult<Message> {
    match client.send(name, new).await {
        Err(ClientError::Io(_)) => Ok(client.send(name, new).await?),
        answer => Ok(answer?),
    }
}
