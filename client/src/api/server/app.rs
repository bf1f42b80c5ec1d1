//! The state shared by all handlers: node, page opener, stop token, `OpenAPI` document, time
//! limits.

use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::limits::Timing;
use crate::node::NodeHandle;

/// Makes an address of the web interface, which lets one browser in.
pub type PageOpener = Arc<dyn Fn() -> BoxFuture<'static, io::Result<String>> + Send + Sync>;

/// What every handler can reach. Cheap to clone.
#[derive(Clone)]
pub(super) struct AppState {
    pub(super) node: NodeHandle,
    pub(super) open_page: Option<PageOpener>,
    /// Ends the streams of events.
    pub(super) stopping: CancellationToken,
    pub(super) document: Arc<str>,
    pub(super) timing: Timing,
}
