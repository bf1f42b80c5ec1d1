//! `/v1/passphrase` and `/v1/wipe`

use axum::extract::State;
use axum::http::StatusCode;

use super::App;
use super::extract::Body;
use super::problem::{Refusal, refusals};
use crate::api::types::{ErrorCode, PassphraseChange, Wipe};

refusals!(Refusals:);
refusals!(PassphraseRefusals: WrongPassphrase);

/// Change the profile's passphrase.
#[utoipa::path(
    post, path = "/v1/passphrase", operation_id = "change_passphrase", tag = "profile",
    request_body = PassphraseChange,
    responses((status = 204, description = "The new one opens the profile, the old one does not"), PassphraseRefusals),
)]
pub(super) async fn change_passphrase(
    State(app): State<App>,
    Body(change): Body<PassphraseChange>,
) -> Result<StatusCode, Refusal> {
    app.node.change_passphrase(change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End the node and destroy the profile.
#[utoipa::path(
    post, path = "/v1/wipe", operation_id = "wipe", tag = "profile",
    request_body = Wipe,
    responses((status = 202, description = "It cannot be undone any more"), Refusals),
)]
pub(super) async fn wipe(State(app): State<App>, Body(wipe): Body<Wipe>) -> Result<StatusCode, Refusal> {
    if !wipe.confirm {
        return Err(Refusal::new(ErrorCode::MalformedRequest, "`confirm` must be true: nothing was destroyed."));
    }
    app.node.wipe().await?;
    Ok(StatusCode::ACCEPTED)
}
