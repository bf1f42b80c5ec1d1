//! The server's own sockets: a TCP port, a Unix socket, both or neither. They are bound before
//! anything else is opened, so that a taken port is found early. The onion service needs none.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use chive_http::serve::Server;
use tokio::net::{TcpListener, UnixListener};
use tokio::task::JoinSet;

use crate::config::ListenSettings;

/// Why a socket cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct ListenError {
    address: String,
    source: io::Error,
}

/// Bound sockets that accept nothing yet.
pub(super) struct Listeners {
    tcp: Option<TcpListener>,
    unix: Option<UnixListener>,
}

impl Listeners {
    pub(super) async fn bind(settings: &ListenSettings) -> Result<Self, ListenError> {
        let tcp = match settings.tcp {
            Some(address) => Some(
                TcpListener::bind(address)
                    .await
                    .map_err(|source| ListenError { address: address.to_string(), source })?,
            ),
            None => None,
        };
        let unix = settings.unix.as_deref().map(bind_unix).transpose()?;
        Ok(Self { tcp, unix })
    }

    /// The TCP address, with the port that the system chose.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.tcp.as_ref().and_then(|tcp| tcp.local_addr().ok())
    }

    /// Spawns a task for each socket that hands its connections to a server.
    pub(super) fn serve(self, server: &Server, tasks: &mut JoinSet<()>) {
        let (for_tcp, for_unix) = (server.clone(), server.clone());
        if let Some(listener) = self.tcp {
            tasks.spawn(log_failure(async move { for_tcp.accept(listener).await }));
        }
        if let Some(listener) = self.unix {
            tasks.spawn(log_failure(async move { for_unix.accept(listener).await }));
        }
    }
}

async fn log_failure(accepting: impl Future<Output = io::Result<()>>) {
    if let Err(error) = accepting.await {
        tracing::error!(%error, "a listener is broken");
    }
}

/// A socket that only this user's group can use. One that a dead server left behind is replaced.
fn bind_unix(path: &Path) -> Result<UnixListener, ListenError> {
    let wrong = |source| ListenError { address: path.display().to_string(), source };
    let exists = std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket());
    if exists && UnixStream::connect(path).is_err() {
        std::fs::remove_file(path).map_err(wrong)?;
    }

    let listener = UnixListener::bind(path).map_err(wrong)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(wrong)?;
    Ok(listener)
}
