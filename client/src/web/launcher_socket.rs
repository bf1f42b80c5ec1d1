//! The socket at which a second `chive open` asks the first for an address, also while the profile
//! is locked or there is none yet.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;

use super::interface::Web;
use super::page_error::PageError;
use crate::api::server::serve_router;
use crate::api::types::WebPage;

/// Where it is: beside the profile's directory, which may not be there yet.
#[must_use]
pub fn launcher_socket(profile: &Path) -> PathBuf {
    let name = profile.file_name().unwrap_or_default().to_string_lossy();
    profile.with_file_name(format!(".{name}.open"))
}

/// Answers `POST /v1/web` there, as a node does, until `shutdown`.
///
/// # Errors
///
/// What `accept` says when the socket is broken for good.
pub async fn serve_launcher_socket(
    listener: UnixListener,
    web: Web,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new().route("/v1/web", post(address)).with_state(web);
    serve_router(listener, router, CancellationToken::new(), shutdown).await
}

async fn address(State(web): State<Web>) -> Result<Json<WebPage>, PageError> {
    match web.url().await {
        Ok(url) => Ok(Json(WebPage { url })),
        Err(error) => Err(PageError::internal(&error)),
    }
}
