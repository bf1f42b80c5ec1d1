//! The one runtime on which targets run asynchronous code, in libFuzzer's thread.

use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

/// Runs a future to its end.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));
    RUNTIME.block_on(future)
}
