//! `chive watch`: waits until a contact is online.

use chive::api::client::Client;
use chive::api::types::{Contact, Presence, What};
use chive::text::for_one_line;

use crate::exit::{CliError, CliResult, Exit};
use crate::follow::{Follow, Step};
use crate::output::Output;
use crate::show;
use crate::time::Period;

pub(super) async fn run(
    name: &str,
    timeout: Option<Period>,
    client: &Client,
    output: Output,
) -> CliResult {
    // The place in the events is fixed first: nobody comes and goes unseen.
    let follow = Follow::new(client, None).await?;
    let contact = client.contact(name).await?;
    let shown = for_one_line(&contact.name);
    if contact.presence != Presence::Online {
        output.note(&format!("waiting for {shown}, who is {}", show::presence_of(&contact)));
    }

    let coming = until_online(client, follow, contact);
    let contact = match timeout {
        None => coming.await?,
        Some(timeout) => tokio::time::timeout(timeout.0, coming)
            .await
            .map_err(|_| too_late(&shown, timeout))??,
    };

    output.answer(&contact, show::contact)
}

async fn until_online(
    client: &Client,
    mut follow: Follow,
    mut contact: Contact,
) -> CliResult<Contact> {
    while contact.presence != Presence::Online {
        let news = match follow.next().await? {
            Step::Event(event) => {
                matches!(event.what, What::Presence { id, .. } if id == contact.id)
            }
            Step::Missed | Step::Resumed => true,
            Step::Broken => false,
        };
        if news {
            contact = client.contact(&contact.id).await?;
        }
    }
    Ok(contact)
}

fn too_late(name: &str, timeout: Period) -> CliError {
    let time = humantime::format_duration(timeout.0);
    CliError::new(Exit::NotInTime, "timeout", format!("{name} did not come online within {time}"))
}
