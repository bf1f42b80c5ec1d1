//! `chive add`: opens an invitation link, or asks the owner of a handle to become a contact.

use chive::api::client::Client;
use chive::api::types::{Contact, ContactState, NewContact};
use chive::limits::MAX_LINK_TEXT;
use chive::text::for_one_line;

use crate::cli::Add;
use crate::exit::CliResult;
use crate::output::Output;
use crate::show;
use crate::stdin::read_stdin;

pub(super) async fn run(add: Add, client: &Client, output: Output) -> CliResult {
    let link = if add.link == "-" { read_stdin(MAX_LINK_TEXT)? } else { add.link };
    let new = NewContact { link: link.trim().to_owned(), name: add.name, message: add.message };
    output.answer(&client.add_contact(&new).await?, say)
}

fn say(contact: &Contact) -> String {
    let name = for_one_line(&contact.name);
    match contact.state {
        ContactState::Accepted => {
            format!("{name} is a contact now. Talk: chive chat {}", show::quoted(&contact.name))
        }
        _ => format!(
            "{name} is asked, and becomes a contact once both of you have been online \
            together.\nMessages can be written from now on."
        ),
    }
}
