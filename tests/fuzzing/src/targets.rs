//! The targets: one function for each parser, which asserts what must hold for any input. No target
//! asserts what a parser does with valid input alone; unit tests do.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

use crate::Target;

mod answers;
mod api;
mod envelope;
mod handshake;
mod key_file;
mod link;
mod mls;
mod presence;
mod record;
mod text;
mod wire;

/// All targets, by the names of their corpora.
pub(crate) const ALL: &[(&str, Target)] = &[
    ("answers", answers::answers),
    ("api", api::requests),
    ("board", presence::board),
    ("card", wire::card),
    ("content", wire::content),
    ("envelope", envelope::envelope),
    ("frame", wire::frame),
    ("handle", presence::handle),
    ("handshake", handshake::handshake),
    ("key_file", key_file::key_file),
    ("link", link::link),
    ("mls", mls::mls),
    ("record", record::record),
    ("text", text::text),
];

/// Runs a future on the one runtime, in this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));
    RUNTIME.block_on(future)
}
