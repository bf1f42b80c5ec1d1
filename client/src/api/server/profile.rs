//! `/v1/profile`, `/v1/passphrase`, `/v1/backup` and `/v1/wipe`: change the name or the passphrase,
//! stream a backup, destroy the profile. Handlers only call the node.

use std::io;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use tokio::io::AsyncReadExt as _;

use super::app::AppState;
use super::extract::Body;
use super::problem::{ApiError, refusals};
use crate::api::types::{ErrorCode, NewBackup, PassphraseChange, ProfileChange, Status, Wipe};
use crate::profile::Passphrase;
use crate::profile::backup::Backup;

const BYTES: &str = "application/octet-stream";
/// What is read from a backup at once.
const CHUNK: usize = 64 << 10;

refusals!(Refusals:);
refusals!(PassphraseRefusals: WrongPassphrase);
refusals!(ChangeRefusals: InvalidName);

/// Change our own name.
#[utoipa::path(
    patch, path = "/v1/profile", operation_id = "change_profile", tag = "profile",
    request_body = ProfileChange,
    responses(
        (status = 200, description = "How the node is after the change", body = Status),
        ChangeRefusals,
    ),
)]
pub(super) async fn change(
    State(app): State<AppState>,
    Body(change): Body<ProfileChange>,
) -> Result<Json<Status>, ApiError> {
    Ok(Json(app.node.change_profile(change).await?))
}

/// Change the profile's passphrase.
#[utoipa::path(
    post, path = "/v1/passphrase", operation_id = "change_passphrase", tag = "profile",
    request_body = PassphraseChange,
    responses(
        (status = 204, description = "The new one opens the profile, the old one does not"),
        PassphraseRefusals,
    ),
)]
pub(super) async fn change_passphrase(
    State(app): State<AppState>,
    Body(change): Body<PassphraseChange>,
) -> Result<StatusCode, ApiError> {
    app.node.change_passphrase(change).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a backup: the answer is the file.
#[utoipa::path(
    post, path = "/v1/backup", operation_id = "backup", tag = "profile",
    request_body = NewBackup,
    responses(
        (status = 200, description = "The backup, all of it", content_type = BYTES, body = [u8]),
        PassphraseRefusals,
    ),
)]
pub(super) async fn backup(
    State(app): State<AppState>,
    Body(new): Body<NewBackup>,
) -> Result<Response, ApiError> {
    let Backup { head, database, length } =
        app.node.backup(Passphrase::new(new.passphrase)).await?;
    let head = stream::once(async { Ok::<_, io::Error>(Bytes::from(head)) });
    let database = stream::try_unfold(tokio::fs::File::from_std(database), async |mut file| {
        let mut chunk = Vec::with_capacity(CHUNK);
        Ok((file.read_buf(&mut chunk).await? > 0).then(|| (Bytes::from(chunk), file)))
    });
    let about = [(CONTENT_TYPE, BYTES.to_owned()), (CONTENT_LENGTH, length.to_string())];
    Ok((about, axum::body::Body::from_stream(head.chain(database))).into_response())
}

/// End the node and destroy the profile.
#[utoipa::path(
    post, path = "/v1/wipe", operation_id = "wipe", tag = "profile",
    request_body = Wipe,
    responses((status = 202, description = "It cannot be undone any more"), Refusals),
)]
pub(super) async fn wipe(
    State(app): State<AppState>,
    Body(wipe): Body<Wipe>,
) -> Result<StatusCode, ApiError> {
    if !wipe.confirm {
        return Err(ApiError::new(
            ErrorCode::MalformedRequest,
            "`confirm` must be true: nothing was destroyed.",
        ));
    }
    app.node.wipe().await?;
    Ok(StatusCode::ACCEPTED)
}
