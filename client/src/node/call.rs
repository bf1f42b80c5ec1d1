//! `Call`: an operation of the local API that waits for the node to handle it.

use futures::future::BoxFuture;

use super::core::Core;
use super::cx::Cx;
use super::effect::Completion;
use crate::error::NodeError;

/// An operation of the local API, on its way to the node.
pub(crate) trait Call: Send {
    /// Does it, and says whom to tell once it is committed. An error has been told already.
    fn run<'a>(
        self: Box<Self>,
        core: &'a mut Core,
        cx: &'a mut Cx,
    ) -> BoxFuture<'a, Result<Completion, NodeError>>;

    /// Tells the caller that it cannot be done.
    fn fail(self: Box<Self>, error: NodeError);
}
