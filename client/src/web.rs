//! The web interface: serves the node's own page on loopback. While a profile is open to the page,
//! the page has the local API and nothing else.
//!
//! A request passes these modules: `guard` checks it, `sessions` knows which browsers were let in,
//! `pages` answers what must work before a profile is open, `assets` has the page's files, `host`
//! creates, opens and restores the profile of an `interface`. All else goes to the local API's own
//! router. No file comes from elsewhere, and nothing of a profile is kept here.

use std::path::Path;

use axum::{Router, middleware};

mod assets;
mod guard;
mod host;
mod interface;
mod launcher_socket;
mod page_error;
mod pages;
mod sessions;
#[cfg(test)]
mod tests;

pub use interface::{Start, StartError, Web};
pub use launcher_socket::{launcher_socket, serve_launcher_socket};

use guard::Guard;

impl Web {
    /// The page of a node that was started without it. It listens when its address is asked for.
    #[must_use]
    pub fn beside(directory: &Path) -> Self {
        Self::new(directory, None, routes)
    }

    /// A page that also makes, opens and locks the profile.
    #[must_use]
    pub fn host(directory: &Path, start: Start) -> Self {
        Self::new(directory, Some(start), routes)
    }
}

/// Everything that is served at a port of this machine.
fn routes(web: Web, port: u16) -> Router {
    let guard = Guard { web, port };
    pages::routes()
        .with_state(guard.clone())
        .layer(middleware::from_fn_with_state(guard, guard::check))
}
