//! For tests only: runs a future that waits for the store to completion on this thread, and lets
//! the simulator observe each step.

use futures::executor::block_on;
use tokio::task::unconstrained;

/// Waits for something that waits for a store alone. `SQLite` works on a thread of its own, whose
/// answers come when they come; whoever waits here keeps the whole world waiting, the clock
/// included.
pub(crate) fn at_once<T>(work: impl Future<Output = T>) -> T {
    block_on(unconstrained(work))
}

/// Looks at a node after each of its steps.
pub(crate) trait StepObserver: Send {
    fn stepped(&mut self);
}
