//! `/ui/`: the page's own paths, next to the local API: they let a browser in, and create, open,
//! lock and restore the profile.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures::StreamExt as _;
use serde::Deserialize;
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::assets;
use super::guard::Guard;
use super::interface::Stage;
use super::page_error::PageError;
use crate::limits::{MAX_BACKUP, MAX_BACKUP_HEADER};
use crate::profile::Passphrase;

/// The longest question of the page, in bytes: a name and a passphrase.
const MAX_QUESTION: usize = 16 << 10;

/// The paths that the page has of its own, and the local API.
pub(super) fn routes() -> Router<Guard> {
    Router::new()
        .route("/ui/enter", post(enter))
        .route("/ui/state", get(state))
        .route("/ui/create", post(create))
        .route("/ui/unlock", post(unlock))
        .route("/ui/lock", post(lock))
        .route("/ui/active", post(active))
        .layer(DefaultBodyLimit::max(MAX_QUESTION))
        .route("/ui/restore", post(restore))
        // No route: what a route takes from a path would be taken for the API's own.
        .fallback(elsewhere)
}

#[derive(Deserialize)]
struct Enter {
    token: String,
}

async fn enter(
    State(guard): State<Guard>,
    Json(enter): Json<Enter>,
) -> Result<Response, PageError> {
    let Some(pass) = guard.web.sessions().enter(&enter.token) else {
        let detail = "this address was used already, or is too old: `chive open` makes a new one";
        return Err(PageError::new(StatusCode::UNAUTHORIZED, "used_token", detail));
    };
    let cookie =
        format!("{}={}; Path=/; HttpOnly; SameSite=Strict", guard.cookie_name(), pass.cookie);
    Ok(([(SET_COOKIE, cookie)], Json(serde_json::json!({ "key": pass.key }))).into_response())
}

async fn state(State(guard): State<Guard>) -> Json<serde_json::Value> {
    Json(describe(&guard))
}

fn describe(guard: &Guard) -> serde_json::Value {
    serde_json::json!({
        "state": guard.web.state(),
        "host": guard.web.0.start.is_some(),
        "version": env!("CARGO_PKG_VERSION"),
    })
}

#[derive(Deserialize)]
struct Create {
    name: String,
    passphrase: String,
}

async fn create(
    State(guard): State<Guard>,
    Json(new): Json<Create>,
) -> Result<Json<serde_json::Value>, PageError> {
    let web = guard.web.clone();
    whole(async move { web.create(&new.name, &Passphrase::new(new.passphrase)).await }).await?;
    Ok(Json(describe(&guard)))
}

#[derive(Deserialize)]
struct Unlock {
    passphrase: String,
}

async fn unlock(
    State(guard): State<Guard>,
    Json(unlock): Json<Unlock>,
) -> Result<Json<serde_json::Value>, PageError> {
    let web = guard.web.clone();
    whole(async move { web.unlock(&Passphrase::new(unlock.passphrase)).await }).await?;
    Ok(Json(describe(&guard)))
}

async fn lock(State(guard): State<Guard>) -> Result<Json<serde_json::Value>, PageError> {
    let web = guard.web.clone();
    whole(async move {
        web.lock().await;
        Ok(())
    })
    .await?;
    Ok(Json(describe(&guard)))
}

/// Done to its end, also when the browser does not wait for it.
async fn whole(
    work: impl Future<Output = Result<(), PageError>> + Send + 'static,
) -> Result<(), PageError> {
    tokio::spawn(work).await.map_err(|error| PageError::internal(&error))?
}

/// Somebody sits before the page.
#[derive(Deserialize)]
struct Active {
    /// Seconds without anybody after which to lock; 0 for never.
    lock_after: u64,
}

async fn active(State(guard): State<Guard>, Json(active): Json<Active>) -> StatusCode {
    let mut idle = guard.web.idle();
    idle.active = Instant::now();
    idle.lock_after = (active.lock_after > 0).then(|| Duration::from_secs(active.lock_after));
    StatusCode::NO_CONTENT
}

/// The body is a line of JSON with the passphrase, and then the backup.
async fn restore(
    State(guard): State<Guard>,
    body: Body,
) -> Result<Json<serde_json::Value>, PageError> {
    let file = guard.web.new_upload().map_err(|error| PageError::internal(&error))?;
    let passphrase = receive(body, &file).await?;
    let web = guard.web.clone();
    whole(async move { web.restore(file.path(), &passphrase).await }).await?;
    Ok(Json(describe(&guard)))
}

async fn receive(body: Body, file: &NamedTempFile) -> Result<Passphrase, PageError> {
    let out = file.as_file().try_clone().map_err(|error| PageError::internal(&error))?;
    let mut out = File::from_std(out);
    let mut stream = body.into_data_stream();
    let mut head = Vec::new();
    let (mut passphrase, mut length) = (None, 0);
    while let Some(chunk) = stream.next().await {
        let mut chunk: Bytes = chunk.map_err(|error| PageError::internal(&error))?;
        if passphrase.is_none() {
            head.extend_from_slice(&chunk);
            let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
                if head.len() > MAX_QUESTION {
                    break;
                }
                continue;
            };
            passphrase = Some(read_passphrase(&head[..end])?);
            chunk = Bytes::copy_from_slice(&head[end + 1..]);
        }

        length += chunk.len() as u64;
        if length > MAX_BACKUP + MAX_BACKUP_HEADER as u64 {
            return Err(malformed());
        }

        out.write_all(&chunk).await.map_err(|error: io::Error| PageError::internal(&error))?;
    }

    out.flush().await.map_err(|error| PageError::internal(&error))?;

    passphrase.ok_or_else(malformed)
}

fn read_passphrase(line: &[u8]) -> Result<Passphrase, PageError> {
    let Unlock { passphrase } = serde_json::from_slice(line).map_err(|_| malformed())?;
    Ok(Passphrase::new(passphrase))
}

fn malformed() -> PageError {
    PageError::new(
        StatusCode::BAD_REQUEST,
        "malformed_request",
        "this is no backup with its passphrase",
    )
}

async fn elsewhere(guard: State<Guard>, request: Request) -> Response {
    if request.uri().path().starts_with("/v1/") {
        api(guard, request).await
    } else {
        assets::serve(&request)
    }
}

/// The local API itself, while the profile is open.
async fn api(State(guard): State<Guard>, request: Request) -> Response {
    let stage = guard.web.0.stage.borrow().clone();
    match stage {
        Stage::Open { api, .. } => api.oneshot(request).await.into_response(),
        _ => PageError::new(StatusCode::SERVICE_UNAVAILABLE, "locked", "the profile is locked")
            .into_response(),
    }
}
