//! `chive invite`: creates an invitation, and prints it as a link and as a QR code.

use chive::api::client::Client;
use chive::api::types::{Invitation, NewInvitation};
use chive::text::for_one_line;

use crate::cli::Invite;
use crate::exit::{CliError, CliResult, Exit};
use crate::output::{self, Output};
use crate::qr::{Qr, QrFile};
use crate::show;

pub(super) async fn run(invite: &Invite, client: &Client, output: Output) -> CliResult {
    let file = invite.qr.as_deref().map(QrFile::create).transpose()?;
    let new = NewInvitation {
        uses: invite.uses,
        expires_in: invite.expires.map(crate::time::Period::seconds),
    };
    let invitation = client.invite(&new).await?;
    let link = invitation.link.as_deref().ok_or_else(no_link)?;
    let drawn = file.is_none().then(|| Qr::of(link)).transpose()?;
    // The link first: a file that fails must not hide it.
    output.answer(&invitation, |invitation| say(invitation, link, drawn.as_ref()))?;
    match file {
        Some(mut file) => file.write(&Qr::of(link)?),
        None => Ok(()),
    }
}

/// The link alone for a pipe; with its QR code and its terms for a person.
fn say(invitation: &Invitation, link: &str, drawn: Option<&Qr>) -> String {
    let link = for_one_line(link);
    if !output::to_a_person() {
        return link;
    }
    let code = drawn.map(|qr| format!("\n{}\n", qr.for_terminal())).unwrap_or_default();
    format!("{link}\n{code}\n{}", show::invitation_limits(invitation))
}

fn no_link() -> CliError {
    CliError::new(
        Exit::Failed,
        "protocol",
        "the node made an invitation without a link: are both of one version?",
    )
}
