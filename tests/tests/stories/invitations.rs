//! Invitation links that do not work.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chive::api::types::{ContactState, Invitation, InvitationState, Reason};
use chive_tests::person::Person;
use tokio::time::{sleep, timeout};

use crate::stage::{Stage, meet};

/// The shortest life of an invitation, and some time to be late.
const EXPIRED_AFTER: Duration = Duration::from_mins(2);
/// The pause between two checks: nothing is reported when an invitation expires.
const POLL: Duration = Duration::from_secs(1);

async fn is_refused(person: &Person, link: &str, code: &str, word: &str) -> Result<()> {
    let refused = person.fails(["add", link]).await?;
    ensure!((refused.exit, refused.code.as_str()) == (7, code), "{link:.20}: {refused:?}");
    ensure!(refused.detail.contains(word), "{code} does not say {word:?}: {}", refused.detail);
    Ok(())
}

/// Waits until the owner refuses, and gives the reason.
async fn reason_of_refusal(person: &Person, owner: &str) -> Result<Reason> {
    let contact = person.until_contact(owner, ContactState::Refused).await?;
    contact.reason.context("a refusal without a reason")
}

pub(crate) async fn bad_links_are_refused_with_a_reason(stage: Stage) -> Result<()> {
    let (alice, bob) = stage.alice_and_bob().await?;
    let link = alice.invites().await?;
    let (body, last) = link.split_at(link.len() - 1);
    let mistyped = format!("{body}{}", if last == "a" { "b" } else { "a" });
    is_refused(&bob, &mistyped, "invalid_link", "typing error").await?;
    is_refused(&bob, body, "invalid_link", "typing error").await?;
    for foreign in ["", "hello", "https://example.org/chive", "simplex:/contact#/?v=2", "chive"] {
        is_refused(&bob, foreign, "invalid_link", "not an invitation link").await?;
    }

    is_refused(&alice, &link, "own_link", "your own invitation").await?;
    is_refused(&bob, &link, "already_contact", "contact already").await?;
    let too_short = alice.fails(["invite", "--expires", "59s"]).await?;
    ensure!((too_short.exit, too_short.code.as_str()) == (7, "out_of_range"), "{too_short:?}");
    let contacts: Vec<serde_json::Value> = bob.list(["contacts"]).await?;
    ensure!(contacts.len() == 1, "a bad link left something behind");

    // Typed by hand, in upper case and broken into lines, a good one still works.
    let carol = stage.person("Carol").await?;
    let (first, second) = link.split_at(60);
    let typed = format!("{}\n{}\n", first.to_uppercase(), second.to_uppercase());
    let answer = carol.types(["add", "-", "--name", "Alice"], &typed).await?;
    ensure!(answer.code == 0, "a link by hand: {}", answer.stderr);
    carol.until_contact("Alice", ContactState::Accepted).await?;

    Ok(())
}

pub(crate) async fn a_used_and_a_revoked_link_are_refused_by_their_owner(
    stage: Stage,
) -> Result<()> {
    let (alice, bob, carol) =
        tokio::try_join!(stage.person("Alice"), stage.person("Bob"), stage.person("Carol"))?;
    meet(&alice, &bob).await?;
    let invitations: Vec<Invitation> = alice.list(["invites"]).await?;
    ensure!(
        invitations.len() == 1 && invitations[0].state == InvitationState::Used,
        "{invitations:?}"
    );

    let link = alice.invites().await?;
    meet_with(&alice, &bob, &carol, &link).await?;
    let dave = stage.person("Dave").await?;
    dave.adds(&link, "Alice").await?;
    let reason = reason_of_refusal(&dave, "Alice").await?;
    ensure!(reason == Reason::InvitationUsed, "a used link: {reason:?}");

    let open: Invitation = alice.ask(["invite"]).await?;
    let revoked: Invitation = alice.ask(["invite", "revoke", &open.id[..8]]).await?;
    ensure!(revoked.state == InvitationState::Revoked && revoked.link.is_none(), "{revoked:?}");
    let eve = stage.person("Eve").await?;
    eve.adds(&open.link.context("no link")?, "Alice").await?;
    let reason = reason_of_refusal(&eve, "Alice").await?;
    ensure!(reason == Reason::InvitationRevoked, "a revoked link: {reason:?}");
    let written = eve.fails(["send", "Alice", "please"]).await?;
    ensure!((written.exit, written.code.as_str()) == (7, "not_accepted"), "{written:?}");
    Ok(())
}

/// Carol uses this link; Bob, who is a contact, does not notice.
async fn meet_with(alice: &Person, bob: &Person, carol: &Person, link: &str) -> Result<()> {
    carol.adds(link, "Alice").await?;
    carol.until_contact("Alice", ContactState::Accepted).await?;
    alice.until_contact("Carol", ContactState::Accepted).await?;
    let contacts: Vec<serde_json::Value> = bob.list(["contacts"]).await?;
    ensure!(contacts.len() == 1, "Bob learned of Carol");
    Ok(())
}

pub(crate) async fn an_expired_link_is_refused(stage: Stage) -> Result<()> {
    let (alice, bob) = tokio::try_join!(stage.person("Alice"), stage.person("Bob"))?;
    let short: Invitation = alice.ask(["invite", "--expires", "60s"]).await?;
    let life = short.expires_at - short.created_at;

    ensure!(life == 60_000, "it lives for {life} ms");
    let expired = async {
        loop {
            let invitations: Vec<Invitation> = alice.list(["invites"]).await?;
            if invitations[0].state == InvitationState::Expired {
                return anyhow::Ok(());
            }
            sleep(POLL).await;
        }
    };
    timeout(EXPIRED_AFTER, expired).await.context("the invitation does not expire")??;
    bob.adds(&short.link.context("no link")?, "Alice").await?;
    let reason = reason_of_refusal(&bob, "Alice").await?;
    ensure!(reason == Reason::InvitationExpired, "an expired link: {reason:?}");

    Ok(())
}
