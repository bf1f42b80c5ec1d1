//! `chive contact`: shows, renames, verifies, blocks and removes contacts, and changes a
//! conversation's timers, read receipts and retention.

use chive::api::client::Client;
use chive::api::types::{ContactChange, ConversationChange};
use chive::text::for_one_line;

use crate::cli::{Contact, OnOff, Visibility};
use crate::confirm::{confirm, confirm_or_end};
use crate::exit::{CliError, CliResult, Exit};
use crate::output::Output;
use crate::show;

pub(super) async fn run(command: Contact, client: &Client, output: Output) -> CliResult {
    match command {
        Contact::Show { name } => {
            let contact = client.contact(&name).await?;
            let conversation = client.conversation(&contact.conversation).await?;
            output.answer(&contact, |contact| show::whole_contact(contact, &conversation))
        }
        Contact::Disappear { name, time } => {
            let disappear_after = Some(time.seconds());
            agree(
                client,
                &name,
                ConversationChange { disappear_after, ..ConversationChange::default() },
                output,
            )
            .await
        }
        Contact::Receipts { name, switch } => {
            let read_receipts = Some(switch == OnOff::On);
            agree(
                client,
                &name,
                ConversationChange { read_receipts, ..ConversationChange::default() },
                output,
            )
            .await
        }
        Contact::Retain { name, time } => {
            let retain = Some(time.seconds());
            agree(
                client,
                &name,
                ConversationChange { retain, ..ConversationChange::default() },
                output,
            )
            .await
        }
        Contact::Rename { name, new } => {
            change(
                client,
                &name,
                ContactChange { name: Some(new), ..ContactChange::default() },
                output,
            )
            .await
        }
        Contact::Verify { name, undo: true, .. } => mark(client, &name, false, output).await,
        Contact::Verify { name, sure, .. } => verify(client, &name, sure.yes, output).await,
        Contact::Presence { name, hiding } => {
            let presence_hidden = Some(hiding == Visibility::Hide);
            change(
                client,
                &name,
                ContactChange { presence_hidden, ..ContactChange::default() },
                output,
            )
            .await
        }
        Contact::Block { name } => block(client, &name, true, output).await,
        Contact::Unblock { name } => block(client, &name, false, output).await,
        Contact::Remove { name, sure } => remove(client, &name, sure.yes, output).await,
    }
}

async fn change(client: &Client, name: &str, change: ContactChange, output: Output) -> CliResult {
    output.answer(&client.change_contact(name, &change).await?, show::contact)
}

async fn agree(
    client: &Client,
    name: &str,
    change: ConversationChange,
    output: Output,
) -> CliResult {
    output.answer(&client.change_conversation(name, &change).await?, show::agreement)
}

async fn block(client: &Client, name: &str, blocked: bool, output: Output) -> CliResult {
    change(
        client,
        name,
        ContactChange { blocked: Some(blocked), ..ContactChange::default() },
        output,
    )
    .await
}

async fn mark(client: &Client, name: &str, verified: bool, output: Output) -> CliResult {
    change(
        client,
        name,
        ContactChange { verified: Some(verified), ..ContactChange::default() },
        output,
    )
    .await
}

/// Shows the number and asks. The contact is then named by its id: what was compared is marked,
/// also when another gets the name in between.
async fn verify(client: &Client, name: &str, yes: bool, output: Output) -> CliResult {
    let contact = client.contact(name).await?;
    let Some(number) = contact.safety_number.as_deref() else {
        let detail = "there is no safety number yet: the contact has not answered";
        return Err(CliError::new(Exit::Refused, "not_accepted", detail));
    };

    if yes {
        return mark(client, &contact.id, true, output).await;
    }

    output.note(&show::safety_number(&contact.name, number));
    if confirm("Do both of you see the same number?")? {
        return mark(client, &contact.id, true, output).await;
    }

    let detail = "not marked as verified. If the numbers differ, somebody stands between you: \
                 remove the contact";

    Err(CliError::new(Exit::Failed, "not_confirmed", detail))
}

async fn remove(client: &Client, name: &str, yes: bool, output: Output) -> CliResult {
    let contact = client.contact(name).await?;
    let shown = for_one_line(&contact.name);
    if !yes {
        confirm_or_end(&format!("Remove {shown}, and the whole conversation?"))?;
    }
    client.remove_contact(&contact.id).await?;
    output.done(&format!("{shown} is removed"))
}
